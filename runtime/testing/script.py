"""The script of a test: which of its answers belongs to a call. The place of a call decides, never its arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from flowrun.dsl import dataclass, test_plan
from flowrun.runtime.engine.scopes import Scope
from flowrun.runtime.values.expressions import evaluate
from flowrun.runtime.vocabulary.errors import FlowrunError
from flowrun.runtime.vocabulary.json_value import Json

from .outcome import Problem
from .places import Spot

_Sequence = list[list[int]]


@dataclass(eq=False, slots=True)
class Line:
    """A reply line of a test for one ask.

    ``fixed`` are the numbers in its path. ``used`` tells whether an answer of it was taken.
    ``orders`` has, for each element, the numbers of the answers of each sample, in their order. ``taken`` counts the
    answers that each sample has taken. ``rounds`` has, for each element, the numbers of the answers of each round, and
    ``refused`` those that failed the check of their ask.
    """

    reply: test_plan.Reply
    fixed: tuple[int | None, ...]
    used: bool = False
    met: int = 0
    orders: dict[object, _Sequence] = field(default_factory=dict)
    taken: dict[object, int] = field(default_factory=dict)
    rounds: dict[object, dict[int, list[int]]] = field(default_factory=dict)
    refused: set[object] = field(default_factory=set)

    def fits(self, spot: Spot) -> bool:
        """Tell whether the numbers of the line are those of a place."""
        return spot.fits(self.reply.path)

    @property
    def numbers(self) -> int:
        """The count of numbers in the path of the line."""
        return sum((part.index is not None) + (part.merge is not None) for part in self.reply.path)

    def next(self, spot: Spot, *, ballot: bool) -> test_plan.Answer | None:
        """Take the next answer for a place. None if the line has too few answers."""
        self.used = True
        answers = self.reply.answers
        if len(answers) == 1:
            return answers[0]
        element = spot.element
        number, of = spot.sample(self.fixed)
        if spot.shape.merges:
            return self._next_merge(element)
        if spot.shape.follows:
            return self._next_round(element, number, ballot=ballot)
        order = self.orders.get(element)
        if order is None:
            order = self.orders[element] = in_order(answers, of, ballot=ballot)
        if number >= len(order):
            return None
        own = order[number]
        turn = self.taken.get((element, number), 0)
        self.taken[element, number] = turn + 1
        # A sample without further answers gets its last one again: a failure that stays a failure.
        return answers[own[min(turn, len(own) - 1)]]

    def _next_round(self, element: object, number: int, *, ballot: bool) -> test_plan.Answer | None:
        """Take the next answer for a round. The answer behind one that fails corrects it."""
        answers, rounds = self.reply.answers, self.rounds.setdefault(element, {})
        own = rounds.setdefault(number, [])
        taken = sum(map(len, rounds.values()))
        again = not own or _fails(answers[own[-1]], ballot=ballot) or (element, own[-1]) in self.refused
        if again and taken < len(answers):
            own.append(taken)
        # A round without further answers gets its last one again: a failure that stays a failure.
        return answers[own[-1]] if own else None

    def refuse(self, element: object, answer: test_plan.Answer) -> None:
        """Note that an answer failed the check of its ask."""
        self.refused.update((element, at) for at, one in enumerate(self.reply.answers) if one is answer)

    def _next_merge(self, element: object) -> test_plan.Answer | None:
        """Take the next answer for a tree of asks: its questions take them in the order in which they are asked."""
        answers = self.reply.answers
        turn = self.taken.get(element, 0)
        self.taken[element] = turn + 1
        if turn >= len(answers) and not _fails(answers[-1], ballot=False):
            return None
        return answers[min(turn, len(answers) - 1)]


def in_order(answers: Sequence[test_plan.Answer], samples: int, *, ballot: bool) -> _Sequence:
    """Divide answers among the samples of one element: the numbers of each sample's answers, in their order.

    Each sample has the answer with its number. The answers behind them are for those whose answer fails, in the order
    of the samples: once for each, then once more for those that fail again. A malformed ballot is not repeated.
    """
    order = [[number] for number in range(min(len(answers), samples))]
    rest = list(range(len(order), len(answers)))
    if samples == 1:
        return [[*order[0], *rest]]
    open_ = list(range(len(order)))
    while rest and open_:
        open_ = [one for one in open_ if _fails(answers[order[one][-1]], ballot=ballot)]
        for one in open_:
            if rest:
                order[one].append(rest.pop(0))
    return order


def _fails(answer: test_plan.Answer, *, ballot: bool) -> bool:
    if answer.kind in ("malformed", "cut"):
        return not ballot
    return answer.kind == "error" or answer.value is None


class _AskNames(Scope):
    """The names that the condition of a reply sees: those of its ask, and behind them those of the test."""

    def __init__(self, ask: Scope, given: Mapping[str, Json]) -> None:
        super().__init__(ask.context, ask.frame)
        self._given = given

    def value(self, name: str) -> Json:
        if name in self._given and not any(name in one.given or name in one.values for one in self.frame.outward()):
            return self._given[name]
        return super().value(name)


class Script:
    """The reply lines of a test. ``given`` has the names of the test: its helper values, and the row of its table.

    ``problems`` are the faults of the test that only a run shows.
    """

    def __init__(self, replies: Sequence[test_plan.Reply], given: Mapping[str, Json]) -> None:
        self.lines = [Line(reply, tuple(part.index for part in reply.path)) for reply in replies]
        self.given = given
        self.problems: list[Problem] = []
        self._of: dict[str, list[Line]] = {}
        for line in self.lines:
            self._of.setdefault(line.reply.step, []).append(line)
        for lines in self._of.values():
            # The sort is stable: of equal lines the first wins.
            lines.sort(key=lambda line: (-line.numbers, line.reply.when is None))

    def line(self, spot: Spot, scope: Scope) -> Line | None:
        """Find the line for a call. ``scope`` has the names that its ask can see."""
        for line in self._of.get(spot.shape.step, ()):
            line.met += 1
            if line.fits(spot) and self._true(line, scope):
                return line
        return None

    def _true(self, line: Line, scope: Scope) -> bool:
        when = line.reply.when
        if when is None:
            return True
        try:
            return bool(evaluate(when, _AskNames(scope, self.given) if self.given else scope))
        except FlowrunError as error:
            self.problems.append(Problem(line.reply.place, f"the condition of this reply has no value: {error}"))
            return False

    def unused(self) -> list[Line]:
        """Return the first line of each place of the test itself that no call has used."""
        used = {line.reply.place for line in self.lines if line.used}
        found = {line.reply.place: line for line in reversed(self.lines) if line.reply.own}
        return [line for place, line in reversed(found.items()) if place not in used]
