"""`ranked`: each sample is a list of answers, the best first, and one answer wins over all lists.

`runoff` (the default) drops the answer with the fewest first places until one answer has more than half of those that
are left. Of equal answers it drops the one that comes last in the order of the first samples. `borda` gives an answer
one point for every answer that a list puts behind it, including those that the list leaves out (J.-C. de Borda, 1781).
Both methods ask for every ballot. With lost ballots, a runoff is settled if one answer has the first place on more than
half of all lists, including the lost ones. A count of points is settled if no lists in place of the lost ones could
give another answer as many points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb

from flowrun.dsl import ParamSpec, ReducerSpec, types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .approval import inner_type, listed
from .ballots import Ballots, normal
from .protocol import Question, ReduceError, Rule, Setting
from .reach import with_ballots
from .voting import AT_LEAST, TIES, Vote


class Ranked(Vote):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.lists: dict[int, list[Json]] = {}
        self._finished = False

    def answer_type(self) -> types.Type:
        return inner_type(super().answer_type())

    def cast(self, index: int, value: Json) -> bool:
        if not value:
            return False
        self.ballots.seen += 1
        self.lists[index] = value
        return True

    def settled(self) -> bool:
        return False

    @property
    def decided(self) -> bool:
        return False

    @property
    def hopeless(self) -> bool:
        return False

    @property
    def doubtful(self) -> bool:
        if not self.lost or self.ballots.counted < self.enough:
            return super().doubtful
        lists = [(index, self.lists[index]) for index in sorted(self.lists)]
        if self.setting.args.get("method") == "borda":
            return not _borda_is_sure(lists, self.open, self.ballots.type)
        tops = Counter(keys[0] for _, keys in _places(lists, self.ballots.type)[0])
        return 2 * max(tops.values(), default=0) <= len(lists) + self.open

    def further(self) -> int:
        return self.open

    def _finish(self) -> None:
        """Turn the lists into the votes of a tally."""
        if self._finished:
            return
        self._finished = True
        done = Ballots(self.ballots.type)
        done.seen, done.discarded = self.ballots.seen, self.ballots.discarded
        lists = [(index, self.lists[index]) for index in sorted(self.lists)]
        count = _borda if self.setting.args.get("method") == "borda" else _runoff
        count(done, lists)
        if count is _borda:
            # A whole list gives this many points.
            self.heaviest = comb(len(done.counts()), 2)
        self.ballots = done

    def questions(self) -> Sequence[Question]:
        self._finish()
        return super().questions()

    def value(self) -> Json:
        self._finish()
        if self.ballots.counted >= self.enough and not self.ballots.ranked() and not self.lost:
            raise ReduceError("all ballots are empty")
        return super().value()

    def tally(self, launched: int) -> Tally | None:
        self._finish()
        return super().tally(launched) if self.ballots.ranked() else None


def _places(
    lists: list[tuple[int, list[Json]]], type_: types.Type
) -> tuple[list[tuple[int, list[str]]], dict[str, tuple[int, Json]]]:
    """Return the lists as lists of keys, each key once, and the answers in the order in which they were first named."""
    named: dict[str, tuple[int, Json]] = {}
    keyed = []
    for index, answers in lists:
        own: dict[str, None] = {}
        for answer in answers:
            key = normal(answer, type_)
            own[key] = None
            named.setdefault(key, (index, answer))
        keyed.append((index, list(own)))
    return keyed, named


def _borda(done: Ballots, lists: list[tuple[int, list[Json]]]) -> None:
    keyed, named = _places(lists, done.type)
    points = dict.fromkeys(named, 0)
    for _, keys in keyed:
        for place, key in enumerate(keys):
            points[key] += len(named) - 1 - place
    # Answers keep the order of their first naming among equals, also within one list.
    for order, (key, (_, answer)) in enumerate(named.items()):
        done.mark(order, answer, answer, points[key])


def _borda_is_sure(lists: list[tuple[int, list[Json]]], lost: int, type_: types.Type) -> bool:
    """Tell whether the leader keeps the most points, whatever the lost lists would have said.

    A lost list gives a rival one point less than there are answers. It may also name answers that no other list names.
    Each of these adds a point to every place on the other lists, so the lead may grow or shrink with them, but only
    evenly.
    """
    keyed, named = _places(lists, type_)
    if not named:
        return False
    behind = {key: [place for _, keys in keyed for place, own in enumerate(keys) if own == key] for key in named}

    def points(key: str, answers: int) -> int:
        return sum(answers - 1 - place for place in behind[key])

    def sure(answers: int) -> bool:
        best = max(named, key=lambda key: points(key, answers))
        rivals = [points(key, answers) for key in named if key != best]
        return best == leader and points(best, answers) > max(rivals, default=0) + lost * (answers - 1)

    least = len(named)
    leader = max(named, key=lambda key: points(key, least))
    if not isinstance(type_, types.Choice):
        grows = len(behind[leader]) >= max((len(behind[key]) for key in named if key != leader), default=0) + lost
        return sure(least) and grows
    return sure(least) and sure(max(len(type_.options), least))


def _runoff(done: Ballots, lists: list[tuple[int, list[Json]]]) -> None:
    keyed, named = _places(lists, done.type)
    order = {key: place for place, key in enumerate(named)}
    left = set(named)
    while True:
        counts = dict.fromkeys(sorted(left, key=order.__getitem__), 0)
        for _, keys in keyed:
            top = next((key for key in keys if key in left), None)
            if top is not None:
                counts[top] += 1
        standing = sum(counts.values())
        best = max(counts.values(), default=0)
        # If all remaining answers have equal counts, only the tie rule can choose.
        if 2 * best > standing or len(set(counts.values())) <= 1:
            break
        left.discard(min(counts, key=lambda key: (counts[key], -order[key])))
    for key, count in counts.items():
        done.mark(order[key], named[key][1], named[key][1], count)


def _expected(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
    return float(most)


RULE = Rule(
    ReducerSpec(
        "ranked",
        (ParamSpec("method", types.Choice(("runoff", "borda"))), TIES, AT_LEAST),
        with_ballots(lambda given: listed(given, "ranked")),
        "the winner of a vote in which each ballot ranks the answers",
        votes=True,
        spares=True,
        expected=_expected,
    ),
    Ranked,
)
