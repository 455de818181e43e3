"""Made ballots of two cheap voters and a dear one, with the statistics of published runs.

- Two different cheap ways, such as a chain of thought and a program, agree at their first samples on 78.6 % of the
  questions (arXiv 2604.17433).
- If two models are both wrong, they give the same answer in about 60 % of the cases (arXiv 2506.07962).
- A cascade by the agreement of different prompts keeps the accuracy of the dear model at about 40 % of its cost
  (arXiv 2310.03094).

``MIXED`` has the first two figures, and ``DATES`` the accuracies of the third source. A test compares them. Errors come
from traps: a voter that does not know the answer falls into the same trap again and again, and two voters often fall
into the same one. So a voter agrees with itself more often than it is right.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .files import Question

CHEAP = ("cheap", "other")
DEAR = "dear"
SLIPS = 40


@dataclass(frozen=True)
class Kind:
    """A kind of question: its share, and how often a cheap voter and the dear one know the answer."""

    share: float
    cheap: float
    dear: float


@dataclass(frozen=True)
class Mix:
    """A mix of questions.

    A voter that knows the answer gives it with the probability ``steady``, else it slips in one of many ways. One that
    does not know gives the answer of its trap, or by luck the right one, or slips. ``common`` is how often the trap of
    a voter is the one that lies in the question. ``price`` is how many cheap answers a dear one costs.
    """

    kinds: tuple[Kind, ...]
    steady: float
    dear_steady: float
    trapped: float
    lucky: float
    common: float
    price: float


MIXED = Mix(
    (Kind(0.68, 0.99, 0.998), Kind(0.28, 0.63, 0.97), Kind(0.04, 0.2, 0.55)),
    steady=0.975,
    dear_steady=0.995,
    trapped=0.72,
    lucky=0.15,
    common=0.95,
    price=25,
)
DATES = Mix(
    (Kind(0.70, 0.97, 0.995), Kind(0.20, 0.55, 0.93), Kind(0.10, 0.25, 0.6)),
    steady=0.97,
    dear_steady=0.97,
    trapped=0.78,
    lucky=0.12,
    common=0.88,
    price=12,
)
MIXES = {"mixed": MIXED, "dates": DATES}


def made_voters(mix: Mix, questions: int, samples: int, seed: int) -> dict[str, list[Question]]:
    """The ballots of all voters for the same questions."""
    rng = random.Random(f"{seed} {mix}")
    made: dict[str, list[Question]] = {name: [] for name in (*CHEAP, DEAR)}
    for _ in range(questions):
        kind = rng.choices(mix.kinds, [one.share for one in mix.kinds])[0]
        for name, rows in made.items():
            knows = rng.random() < (kind.dear if name == DEAR else kind.cheap)
            trap = "trap" if rng.random() < mix.common else f"trap of {name}"
            steady = mix.dear_steady if name == DEAR else mix.steady
            rows.append(Question([_sample(rng, mix, knows, steady, trap) for _ in range(samples)], "right"))
    return made


def _sample(rng: random.Random, mix: Mix, knows: bool, steady: float, trap: str) -> str:
    drawn = rng.random()
    if knows:
        return "right" if drawn < steady else f"slip {rng.randrange(SLIPS)}"
    if drawn < mix.trapped:
        return trap
    return "right" if drawn < mix.trapped + mix.lucky else f"slip {rng.randrange(SLIPS)}"


def statistics(made: Mapping[str, list[Question]]) -> dict[str, float]:
    """The figures of made ballots that the sources state of theirs."""
    rows = list(zip(*(made[name] for name in (*CHEAP, DEAR)), strict=True))
    firsts = [(one.votes[0], two.votes[0]) for one, two, _ in rows]
    return {
        "a cheap sample is right": _share(one == "right" for one, _ in firsts),
        "a dear sample is right": _share(dear.votes[0] == "right" for *_, dear in rows),
        "two cheap voters agree": _share(one == two for one, two in firsts),
        "of these are right": _share(one == "right" for one, two in firsts if one == two),
        "a cheap voter agrees with itself": _share(one.votes[0] == one.votes[1] for one, *_ in rows),
        "of those are right": _share(one.votes[0] == "right" for one, *_ in rows if one.votes[0] == one.votes[1]),
        "two cheap voters that are wrong agree": _share(one == two for one, two in firsts if one != "right" != two),
    }


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / len(found)
