"""The tally of a vote: its ballots, and its result."""

from __future__ import annotations

import json
from typing import Literal, TypeAlias

from flowrun.dsl import dataclass

from .json_value import Json

Method = Literal["first", "enough", "knockout", "pairs"]
Said: TypeAlias = "tuple[tuple[Json, Json, int], ...]"
"""The answers of one item: the counted answer, the whole result of its first sample, and the number of its samples."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The items of a panel by their short names, and the answers of each. All samples that count are in it."""

    items: tuple[str, ...]
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """The account of a search (``first``, ``enough``) or of a tournament (``knockout``, ``pairs``).

    ``place`` is the place of the winner, from 0; None without a winner. ``tried`` results of at most ``of`` were looked
    at. A tournament has ``matches``. In ``agreed`` matches the judge named the same candidate in both orders. ``won``
    are the matches of the winner that it won, of its ``played`` ones, and ``margin`` is its lead in wins.
    """

    method: Method
    place: int | None
    tried: int
    of: int
    matches: int = 0
    agreed: int = 0
    won: float = 0
    played: int = 0
    margin: float = 0
    unit: str = "sample"

    @property
    def text(self) -> str:
        """The account in words."""
        if self.method in ("first", "enough"):
            return self._searched()
        named = "" if self.place is None else f"{self.unit} {self.place + 1} of {self.of} won "
        matches = "match" if self.played == 1 else "matches"
        told = f"{named}{self.won:g} of {self.played} {matches}, {self.agreed} of {self.matches} alike in both orders"
        return told if self.method == "knockout" else f"{told}, margin {self.margin:g}"

    def _searched(self) -> str:
        if self.place is None:
            word = "passed" if self.method == "first" else "was enough"
            return f"none of {self.tried} {plural(self.unit)} {word}"
        word = "passed at" if self.method == "first" else "enough at"
        return f"{word} {self.unit} {self.place + 1} of {self.of}"

    def as_json(self) -> dict[str, object]:
        """Return the account as plain data."""
        found: dict[str, object] = {"method": self.method, "of": self.of, "tried": self.tried}
        found["at"] = None if self.place is None else self.place + 1
        if self.matches:
            found |= {"matches": self.matches, "agreed": self.agreed, "won": self.won, "played": self.played}
        if self.method == "pairs":
            found["margin"] = self.margin
        return found


@dataclass(frozen=True, slots=True)
class Classes:
    """The account of a vote that compares its answers. Answers that say the same are one class.

    ``texts`` are the different texts of each class, in the order of the ballots. ``questions`` were asked, and
    ``failed`` of them brought no answer. ``asymmetric`` pairs were the same one way and not the other way round.
    ``intransitive`` answers were the same as the first text of a class, and not the same as another text of it.
    """

    texts: tuple[tuple[Json, ...], ...]
    questions: int = 0
    failed: int = 0
    asymmetric: int = 0
    intransitive: int = 0

    @property
    def wordings(self) -> tuple[int, ...]:
        """The number of different texts in each class."""
        return tuple(map(len, self.texts))


@dataclass(frozen=True, slots=True)
class Tally:
    """The tally of a vote. ``ballots`` are the answers with their votes, most votes first; votes may be weights.

    ``winner`` is the value of the vote, and ``first`` is its answer among the ballots. They differ if a field of a
    record is counted. ``planned`` is N, the planned number of samples; ``asked`` samples were sent, ``counted`` samples
    were ballots, and ``discarded`` samples were not. An ``adaptive`` vote chose its own number of samples, up to N.
    ``settled`` tells whether its rule held at the end. ``of`` is the whole for shares: the number or the weight of all
    ballots, including the missing ones. ``values`` are the whole results behind the ballots, each from the first sample
    with this answer. ``missing`` samples brought no answer, and ``unsent`` of them were never sent. ``stands`` is a
    number of samples that could not have changed the winner, whatever their answers; None if the rule does not tell.
    ``unit`` is the word for one sample. ``panel`` tells who said what, if different items gave the samples. ``contest``
    is the account of a search or a tournament, whose ballots are verdicts or wins; None for a vote. ``classes`` is
    there if the vote compares its answers.
    """

    winner: Json
    ballots: tuple[tuple[Json, float], ...]
    planned: int
    discarded: int = 0
    adaptive: bool = False
    asked: int = 0
    counted: int = 0
    settled: bool = True
    first: Json = None
    of: float = 0
    values: tuple[Json, ...] = ()
    missing: int = 0
    unsent: int = 0
    stands: int | None = None
    unit: str = "ballot"
    panel: Panel | None = None
    contest: Contest | None = None
    classes: Classes | None = None

    @property
    def results(self) -> tuple[tuple[Json, float], ...]:
        """The whole results behind the ballots, with their votes."""
        return tuple((value, count) for value, (_, count) in zip(self.values, self.ballots, strict=True))

    @property
    def votes(self) -> float:
        """The votes of the winner."""
        return next((count for answer, count in self.ballots if answer == self.first), 0)

    @property
    def agreement(self) -> float:
        """The winner's share of the votes, from 0 to 1. If ballots are missing, the real share is at least this."""
        return self.votes / self.of if self.of else 0.0

    @property
    def margin(self) -> float:
        """The winner's votes minus those of the next answer. Below zero if a rule did not choose the leader."""
        others = [count for answer, count in self.ballots if answer != self.first]
        return self.votes - max(others, default=0)

    @property
    def saved(self) -> int:
        """The number of planned samples that the vote did not need. 0 if lost samples left the vote unsettled."""
        if self.missing and not self.settled:
            return 0
        return self.planned - self.asked - self.unsent


def standing_text(tally: Tally) -> str:
    """Say how many changed samples the winner of a vote stands against. "" if there is none, or if it is not known."""
    # An adaptive vote has a winner also if its rule did not hold after all samples.
    if tally.stands is None or not (tally.settled or (tally.adaptive and tally.stands)):
        return ""
    if not tally.stands:
        return f"stands against 0 {plural(tally.unit)}"
    units = f"{tally.stands:,} {plural(tally.unit)} say" if tally.stands > 1 else f"1 {tally.unit} says"
    return f"stands whatever any {units}"


def stands(tally: Tally) -> str:
    """Write the number of changed samples that the winner of a vote stands against. "" if it is not known."""
    return "" if tally.stands is None else f"{tally.stands:,}"


def plural(word: str) -> str:
    """Return the plural of the word for a sample. The word may be the name of any element."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in ("", *"aeiou") else f"{word}s"


def votes(count: float) -> str:
    return f"{count:,}" if isinstance(count, int) else f"{count:,.4g}"


def in_words(answer: Json) -> str:
    """Write an answer. A blank text stands in quotes, so that it can be seen."""
    return answer if isinstance(answer, str) and answer.strip() else json.dumps(answer, ensure_ascii=False)
