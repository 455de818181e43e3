"""`ranked`: each sample is a list of answers, the best first, and one answer wins over all lists.

`runoff` (the default) drops the answer with the fewest first places until one answer has more than half of those that
are left. Of equal answers it drops the one that comes last in the order of the first samples. `borda` gives an answer
one point for every answer that a list puts behind it, including those that the list leaves out (J.-C. de Borda, 1781).
Both methods ask for every ballot. With lost ballots, a runoff is settled if one answer has the first place on more than
half of all lists, including the lost ones. A count of points is settled if no lists in place of the lost ones could
give another answer as many points.

A vote stands against f samples under the same conditions, with f lists changed beside the lost ones. In a runoff the
lists with the winner in the first place must be more than half of all lists, by more than f. With points, f changed
lists take from the winner what it has on them, and give a rival as many points as a list can. The vote finds a number f
that is sure, which need not be the greatest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb

from flowrun.dsl import ParamSpec, ReducerSpec, types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .approval import inner_type, listed
from .arguments import AT_LEAST, STANDS, TIES
from .ballots import Ballots
from .points import Points, add_points, places_of, points_are_sure, points_standing
from .protocol import Question, ReduceError, Rule, Setting
from .reach import LEAD, that_can_stand, too_few, with_ballots
from .voting import Vote


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
        lists = self._listed()
        if self.setting.args.get("method") == "borda":
            return not points_are_sure(lists, self.open, self.ballots.type)
        tops = Counter(keys[0] for _, keys in places_of(lists, self.ballots.type)[0])
        return 2 * max(tops.values(), default=0) <= len(lists) + self.open

    def further(self) -> int:
        return self.open

    def standing(self) -> int:
        self._finish()
        if self.ballots.counted < self.enough or self.doubtful or not self.ballots.ranked():
            return 0
        lists = self._listed()
        keyed = [keys for _, keys in places_of(lists, self.ballots.type)[0]]
        if self.setting.args.get("method") == "borda":
            found = points_standing(Points(keyed, self.ballots.discarded, self.open, self.ballots.type))
        else:
            tops = Counter(keys[0] for keys in keyed)
            found = (2 * max(tops.values()) - len(lists) - self.open - 1) // 2
        return max(0, min(found, self.spare))

    def _listed(self) -> list[tuple[int, list[Json]]]:
        return [(index, self.lists[index]) for index in sorted(self.lists)]

    def _finish(self) -> None:
        """Turn the lists into the votes of a tally."""
        if self._finished:
            return
        self._finished = True
        done = Ballots(self.ballots.type)
        done.seen, done.discarded = self.ballots.seen, self.ballots.discarded
        lists = self._listed()
        count = add_points if self.setting.args.get("method") == "borda" else _runoff
        count(done, lists)
        if count is add_points:
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


def _runoff(done: Ballots, lists: list[tuple[int, list[Json]]]) -> None:
    keyed, named = places_of(lists, done.type)
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
        (ParamSpec("method", types.Choice(("runoff", "borda"))), TIES, AT_LEAST, STANDS),
        with_ballots(lambda given: listed(given, "ranked"), LEAD),
        "the winner of a vote in which each ballot ranks the answers",
        votes=True,
        spares=True,
        expected=_expected,
    ),
    that_can_stand(Ranked, LEAD),
    too_few,
)
