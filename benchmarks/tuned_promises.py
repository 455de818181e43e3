"""The share of promises that `flowrun tune` breaks on questions that it did not see, on ballots that are made.

    python benchmarks/tuned_promises.py [--splits 200] [--labels 150,300] [--lose 2%] [--sure 90%]

Each mix is a large population of questions, on which every setting has its answers. A split draws some of them as rows
with labels, and a setting is picked by these alone. The promise is broken if the pick loses a greater share of the
whole population than it may. `naive` picks the cheapest setting that lost few enough of the labels. `tune` is the rule
of `flowrun tune`, with the code that it runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from flowrun.runtime.eval.promise import Measured, judged, picked

QUESTIONS = 4_000
EASE = (0.98,) * 6 + (0.9,) * 2 + (0.75, 0.55)


@dataclass(frozen=True)
class Setting:
    """A setting on the population: the cost of each question, and whether its answer is right."""

    name: str
    costs: Sequence[float]
    right: Sequence[bool]


@dataclass(frozen=True)
class Score:
    """The picks of all splits: the share that broke the promise, and their mean cost and accuracy."""

    broken: float
    cost: float
    right: float
    kept: float


def ballots(random: Random, ease: float, count: int) -> list[int]:
    """Make samples of one question: 0 is the right answer, 1 and 2 are wrong ones."""
    return [0 if random.random() < ease else 1 + (random.random() < 0.35) for _ in range(count)]


def ahead(samples: Sequence[int], lead: int) -> tuple[int, int]:
    """Return the answer of `repeat 3..15 … reduce ahead(lead)`, and its calls."""
    counts = [0, 0, 0]
    for number, one in enumerate(samples, 1):
        counts[one] += 1
        first, second, _ = sorted(counts, reverse=True)
        if number >= 3 and first - second >= lead:
            return counts.index(first), number
    return counts.index(max(counts)), len(samples)


def leads(random: Random, eases: Sequence[float]) -> list[Setting]:
    """Votes of one model by their lead."""
    asked = [ballots(random, random.choice(eases), 15) for _ in range(QUESTIONS)]
    made = []
    for lead in range(5, 0, -1):
        found = [ahead(one, lead) for one in asked]
        made.append(Setting(f"ahead {lead}", [calls for _, calls in found], [answer == 0 for answer, _ in found]))
    return made


def escalations(random: Random, eases: Sequence[float]) -> list[Setting]:
    """Three samples of a cheap model, and a call of one that costs 20 times as much where they agree too little."""
    cheap = [ballots(random, random.choice(eases), 3) for _ in range(QUESTIONS)]
    dear = [random.random() < 0.97 for _ in range(QUESTIONS)]
    made = []
    for limit in (2.0, 1.0, 0.66, 0.0):
        costs, right = [], []
        for samples, strong in zip(cheap, dear, strict=True):
            most = max(samples.count(one) for one in range(3))
            up = most / 3 < limit
            costs.append(3.0 + 20 * up)
            right.append(strong if up else samples.count(0) == most)
        made.append(Setting(f"agreement < {limit:g}", costs, right))
    return made


def at_the_bound(random: Random, lose: float, count: int, share: float, *, alike: bool) -> list[Setting]:
    """Settings that lose a little more than they may: the more of them there are, the more chance helps one."""
    dear = [random.random() < 0.95 for _ in range(QUESTIONS)]
    made = [Setting("dearest", [float(count + 1)] * QUESTIONS, dear)]
    lucks = [random.random() for _ in range(QUESTIONS)]
    for number in range(count):
        lucks = lucks if alike else [random.random() for _ in range(QUESTIONS)]
        limit = sorted(luck for luck, right in zip(lucks, dear, strict=True) if right)[round(share * lose * QUESTIONS)]
        right = [one and luck >= limit for one, luck in zip(dear, lucks, strict=True)]
        made.append(Setting(f"cheap {number}", [float(count - number)] * QUESTIONS, right))
    return made


def mixes(seed: int, lose: float) -> Iterator[tuple[str, list[Setting]]]:
    """Yield the populations with their names."""
    yield "leads, easy", leads(Random(seed), EASE)
    yield "leads, hard", leads(Random(seed + 1), (0.9, 0.75, 0.6, 0.55))
    yield "leads, wrong modes", leads(Random(seed + 2), (0.98, 0.95, 0.9, 0.3))
    yield "escalation, easy", escalations(Random(seed + 3), EASE)
    yield "escalation, hard", escalations(Random(seed + 4), (0.95, 0.8, 0.6, 0.4))
    yield "one just above the bound", at_the_bound(Random(seed + 5), lose, 1, 1.02, alike=False)
    yield "20 just above the bound", at_the_bound(Random(seed + 6), lose, 20, 1.02, alike=False)
    yield "20 with the same losses", at_the_bound(Random(seed + 7), lose, 20, 1.02, alike=True)
    yield "20 well above the bound", at_the_bound(Random(seed + 8), lose, 20, 1.5, alike=False)


Rule = Callable[[Sequence[Measured], float, float], int]


def naive(found: Sequence[Measured], lose: float, sure: float) -> int:
    """Pick the cheapest setting that lost few enough of the labels."""
    made = judged(found, lose, sure)
    return next(one.place for one in reversed(made) if one.lost <= lose * len(found[0].right))


def tune(found: Sequence[Measured], lose: float, sure: float) -> int:
    """Pick as `flowrun tune` does."""
    return picked(judged(found, lose, sure)).place


RULES: dict[str, Rule] = {"naive": naive, "tune": tune}


def score(settings: Sequence[Setting], rule: Rule, labels: int, lose: float, sure: float, splits: int) -> Score:
    """Pick a setting in many splits, and hold each pick against the whole population."""
    best = max(settings, key=lambda one: sum(one.costs))
    share = [sum(a and not b for a, b in zip(best.right, one.right, strict=True)) / QUESTIONS for one in settings]
    broken = cost = right = kept = 0.0
    for split in range(splits):
        ids = Random(split).sample(range(QUESTIONS), labels)
        found = [Measured(sum(one.costs[at] for at in ids) / labels, [one.right[at] for at in ids]) for one in settings]
        place = rule(found, lose, sure)
        chosen = settings[place]
        broken += share[place] > lose
        kept += chosen is best
        cost += sum(chosen.costs) / sum(best.costs)
        right += sum(chosen.right) / QUESTIONS
    return Score(broken / splits, cost / splits, right / splits, kept / splits)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--labels", default="150,300")
    parser.add_argument("--lose", default="2%")
    parser.add_argument("--sure", default="90%")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    lose, sure = (float(text.removesuffix("%")) / 100 for text in (given.lose, given.sure))
    print(
        f"at most {given.lose} lost, {given.sure} sure, {given.splits} splits; the cost is that of the dearest setting"
    )
    for name, settings in mixes(given.seed, lose):
        best = max(settings, key=lambda one: sum(one.costs))
        print(f"\n{name}: the dearest is right in {100 * sum(best.right) / QUESTIONS:.1f} %")
        for labels in map(int, given.labels.split(",")):
            for told, rule in RULES.items():
                found = score(settings, rule, labels, lose, sure, given.splits)
                cells = (("broken", found.broken), ("cost", found.cost), ("right", found.right))
                row = "  ".join(f"{head} {100 * share:5.1f} %" for head, share in cells)
                print(f"  {labels:5} labels  {told:6} {row}  the dearest kept {100 * found.kept:5.1f} %")


if __name__ == "__main__":
    main()
