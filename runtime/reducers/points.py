"""Points of ranked ballots: an answer gets one for every answer that a list puts behind it (J.-C. de Borda, 1781)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from flowrun.dsl import dataclass, types

from ..vocabulary.json_value import Json
from .ballots import Ballots, normal


def places_of(
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


def add_points(done: Ballots, lists: list[tuple[int, list[Json]]]) -> None:
    keyed, named = places_of(lists, done.type)
    points = dict.fromkeys(named, 0)
    for _, keys in keyed:
        for place, key in enumerate(keys):
            points[key] += len(named) - 1 - place
    # Answers keep the order of their first naming among equals, also within one list.
    for order, (key, (_, answer)) in enumerate(named.items()):
        done.mark(order, answer, answer, points[key])


def points_are_sure(lists: list[tuple[int, list[Json]]], lost: int, type_: types.Type) -> bool:
    """Tell whether the leader keeps the most points, whatever the lost lists would have said.

    A lost list gives a rival one point less than there are answers. It may also name answers that no other list names.
    Each of these adds a point to every place on the other lists, so the lead may grow or shrink with them, but only
    evenly.
    """
    keyed, named = places_of(lists, type_)
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


@dataclass(frozen=True, slots=True)
class Points:
    """The lists of a count of points, as keys; the number of samples without a list, and of ``lost`` samples."""

    lists: list[list[str]]
    discarded: int
    lost: int
    type: types.Type

    def grouped(self) -> Counter[tuple[str, ...]]:
        return Counter(map(tuple, self.lists))


def points_standing(points: Points) -> int:
    """Return a number of lists that could not have changed the leader, whatever they had said.

    A changed list takes from the leader the points that it gives it, takes from itself those of a rival, and gives the
    rival one point less than there are answers. A list may name answers that no other list names, and a changed list
    may have named some alone. So the lead is looked at for the least and the greatest number of answers. Between them
    it cannot be smaller: for each choice of changed lists it grows evenly, and the least of such lines bends downwards.
    """
    return bisect_left(range(1, len(points.lists) + 1), True, key=lambda changed: not _stands(points, changed))


def _stands(points: Points, changed: int) -> bool:
    # Lists are often alike, so they are looked at once, with their number.
    lists = [({key: place for place, key in enumerate(keys)}, count) for keys, count in points.grouped().items()]
    named, behind = Counter[str](), Counter[str]()
    for own, count in lists:
        for key, place in own.items():
            named[key] += count
            behind[key] += count * place
    leader = max(named, key=lambda key: named[key] * (len(named) - 1) - behind[key])
    fewest = max(1, sum(count > changed for count in named.values()))
    type_ = points.type
    open_ended = not isinstance(type_, types.Choice)
    most = max(len(type_.options), len(named)) if isinstance(type_, types.Choice) else len(named)

    def left(given: list[tuple[int, int]], most_given: int) -> int:
        """Return the sum of what the lists give to the lead, each so often, after the worst changes.

        A list may give up to ``most_given`` points to a rival. Samples without a list give nothing.
        """
        whole, taken, room = sum(one * count for one, count in given), 0, changed
        for one, count in sorted([*given, (0, points.discarded)], reverse=True):
            taken += min(room, count) * (one + most_given)
            room -= min(room, count)
        return whole - taken - points.lost * most_given

    def lead(rival: str | None, answers: int) -> int:
        """Return the lead over a rival after the worst changes, if there are so many answers."""

        def of(own: dict[str, int], key: str | None) -> int:
            return answers - 1 - own[key] if key is not None and key in own else 0

        return left([(of(own, leader) - of(own, rival), count) for own, count in lists], answers - 1)

    def growth(rival: str | None) -> int:
        """Return the change of that lead with each further answer."""
        return left([((leader in own) - (rival in own), count) for own, count in lists], 1)

    rivals = [*(key for key in named if key != leader), None]
    if not all(lead(rival, answers) > 0 for rival in rivals for answers in {fewest, most}):
        return False
    return not open_ended or all(growth(rival) >= 0 for rival in rivals)
