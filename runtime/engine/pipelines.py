"""Pipelines: blocks make lists, and maps take the elements of these lists as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from flowrun.dsl import plan as p
from flowrun.dsl import rule_of

from ..plans.dependencies import taken_from
from ..values.expressions import evaluate
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError
from .combining import SKIPPED
from .decisions import Failure
from .frames import BlockRun, Frame, Intake, Layout
from .reduction import Ends
from .scopes import Context, Scope
from .steps import Steps
from .streams import Feed, Key, Nested, Ranks

Json = Any


class Pipelines:
    """The connections between the maps of one run and the blocks that make their lists."""

    def __init__(
        self, context: Context, steps: Steps, ends: Ends, events: list[e.Event], plan: p.Plan, maps: Maps
    ) -> None:
        self.context = context
        self.steps = steps
        self.ends = ends
        self.events = events
        self.flows: Mapping[str, p.Flow] = plan.flows
        self.maps = maps
        self._fed = {name for step in plan.walk() if (name := taken_from(step)) is not None}

    # Making lists

    def open(self, run: BlockRun) -> None:
        """Open a feed for a block that begins, if a map takes the elements of its list as they come."""
        reduce = run.reduce
        rule = rule_of(reduce)
        listed = rule == "flatten" or (rule == "collect" and not isinstance(run.step.node, p.Fanout))
        if not listed or not self._wanted(run.frame, run.step):
            return
        flat = rule == "flatten"
        bound = None if flat or not run.whole else run.total
        run.feed = Feed(bound, exact=bound is not None and run.errors != "skip", flat=flat)
        self._announce(run.frame, run.step, run.feed)

    def _wanted(self, frame: Frame, step: p.Step) -> bool:
        """Tell whether anything takes from a step's list: a map, or a block or flow that passes the list on."""
        return any(one.name in self._fed or self._longer(at, one) is not None for at, one in self._outward(frame, step))

    def _announce(self, frame: Frame, step: p.Step, feed: Feed) -> None:
        for at, one in self._outward(frame, step):
            if one.name in self._fed:
                self.steps.opened(at, one.name, feed)
            longer = self._longer(at, one)
            if longer is not None:
                place = longer.layout.places[one.name] if isinstance(longer.step.node, p.Fanout) else at.index
                whole = longer.feed
                assert whole is not None
                whole.nested.add(place)
                feed.tell(Nested(whole, _key_of(longer, place)))

    def _outward(self, frame: Frame, step: p.Step) -> Iterator[tuple[Frame, p.Step]]:
        """Go through a step, and the chains and called flows around it that have the same value."""
        yield frame, step
        while (run := frame.run) is not None and self._is_result(frame, step):
            if not isinstance(run.step.node, p.Chain | p.FlowCall):
                return
            frame, step = run.frame, run.step
            yield frame, step

    def _longer(self, frame: Frame, step: p.Step) -> BlockRun | None:
        """Find the block that makes this step's list a part of a longer list, and passes on its items at once.

        The block must have the policy ``errors: fail``: with any other, items that it passed on might have to be taken
        back.
        """
        run = frame.run
        if run is None or run.feed is None or not run.feed.flat or run.errors != "fail":
            return None
        return run if self._is_result(frame, step) else None

    def _is_result(self, frame: Frame, step: p.Step) -> bool:
        """Tell whether the value of a step is the value of the block or flow around it, or a part of that value."""
        node = frame.run.step.node if frame.run is not None else None
        if isinstance(node, p.FlowCall):
            return self.flows[node.flow].result == p.Ref(step.name)
        return isinstance(node, p.Fanout) or frame.layout.result == step.name

    def made(self, run: BlockRun, place: int, value: Json) -> None:
        """Add the result of a body to the list. SKIPPED adds nothing."""
        feed = run.feed
        if feed is None:
            return
        key = _key_of(run, place)
        if not feed.flat:
            if value is not SKIPPED:
                feed.put(key, value)
        elif place in feed.nested:
            feed.nested.discard(place)
        elif value is not SKIPPED:
            for at, item in enumerate(value or ()):
                feed.put((key, at), item)
        if run.intake is None or run.intake.ranks is None:
            feed.settle(place)

    # Taking elements

    def source(self, frame: Frame, step: p.Step) -> Feed | None:
        """Find the list in the making that a map takes its elements from; None if the list is whole."""
        name = frame.layout.taken.get(step.name)
        home = frame.home(name) if name is not None else None
        if name is None or home is None or name in home.values or home.feeds is None:
            return None
        return home.feeds.get(name)

    def take(self, run: BlockRun, feed: Feed) -> None:
        """Begin to take elements from a list in the making."""
        taking = _Taking(self, run)
        self.steps.wait(run.frame, (run.frame.layout.taken[run.step.name],), partial(self._closed, run, taking))
        feed.tell(taking)

    def given(self, run: BlockRun, number: int, value: Json) -> Iterator[tuple[int, Json]]:
        """Give the result of an element with its place in the list, or hold it until that place is known."""
        intake = run.intake
        if intake is None or intake.ranks is None:
            yield number, value
            return
        intake.keys.pop(number, None)
        rank = intake.ranks.rank(number)
        if rank is None:
            intake.held[number] = value
        else:
            yield rank, value

    def _closed(self, run: BlockRun, taking: _Taking, failure: Failure | None) -> None:
        """Note that the step that makes the list is finished, or give the map up with that step's failure."""
        if run.over:
            return
        if failure is not None:
            self.ends.give_up(run, failure)
        elif not run.whole:
            run.whole = True
            taking.in_turn(partial(self.maps.closed, run))


class Maps(Protocol):
    """The actions of maps when elements come."""

    def more(self, run: BlockRun) -> None:
        """Begin the bodies of elements that have come."""

    def ranked(self, run: BlockRun, numbers: Iterable[int]) -> None:
        """Give the held results of these elements, whose places in the list are known."""

    def closed(self, run: BlockRun) -> None:
        """Note that no more elements will come."""


class _Taking:
    """A map that takes elements from a list in the making.

    While a condition waits for a read, what comes behind its element stands in line.
    """

    def __init__(self, pipelines: Pipelines, run: BlockRun) -> None:
        self.pipelines = pipelines
        self.run = run
        self._line: deque[Callable[[], None]] = deque()
        self._deciding = False
        self._going_on = False

    def take(self, key: Key, value: Json) -> None:
        self.in_turn(partial(self._take, key, value))

    def passed(self, before: Key) -> None:
        self.in_turn(partial(self._passed, before))

    def in_turn(self, then: Callable[[], None]) -> None:
        """Do this when all that came before it is done."""
        self._line.append(then)
        self._go_on()

    def _go_on(self) -> None:
        if self._going_on:
            return
        self._going_on = True
        while self._line and not self._deciding:
            self._line.popleft()()
        self._going_on = False

    def _take(self, key: Key, value: Json) -> None:
        run, node = self.run, self.run.step.node
        intake = run.intake
        if run.over or intake is None or not isinstance(node, p.Map):
            return
        if intake.ranks is None:
            self._enter(intake, key, value)
        elif node.where is None:
            self._rank(intake, intake.ranks, key, value)
        else:
            self._deciding = True
            decide = partial(self._decide, node, node.where, intake, intake.ranks, key, value)
            self.pipelines.steps.reads.attempt(run, decide)

    def _decide(self, node: p.Map, where: p.Expr, intake: Intake, ranks: Ranks, key: Key, value: Json) -> None:
        """Enter an element if the map wants it. What stands behind it goes on then."""
        run, lines = self.run, self.pipelines
        inner = Frame(Layout((), None), run.frame, given={node.element: value})
        try:
            wanted = bool(evaluate(where, Scope(lines.context, inner)))
        except FlowrunError as error:
            lines.ends.give_up(run, Failure(run.around.path, str(error), error))
            wanted = False
        self._deciding = False
        if wanted:
            self._rank(intake, ranks, key, value)
        self._go_on()

    def _rank(self, intake: Intake, ranks: Ranks, key: Key, value: Json) -> None:
        number = ranks.enter(key)
        intake.keys[number] = key
        self.run.total += 1
        self.pipelines.events.append(e.BlockGrew(self.run.around.path, 1, self.run.layout.once))
        self._enter(intake, number, value)

    def _enter(self, intake: Intake, number: int, value: Json) -> None:
        intake.ready.append((number, value))
        self.pipelines.maps.more(self.run)

    def _passed(self, before: Key) -> None:
        run = self.run
        if run.over or run.intake is None or run.intake.ranks is None:
            return
        self.pipelines.maps.ranked(run, run.intake.ranks.passed(before))


def _key_of(run: BlockRun, place: int) -> Key:
    """Return the key of a body's result: the key of its element in a list in the making, or else the body's place."""
    return place if run.intake is None else run.intake.keys.get(place, place)


def intake_of(node: p.Map, feed: Feed) -> Intake:
    """Make the intake of a map that takes from this list."""
    return Intake(ranks=None if feed.exact and node.where is None else Ranks())
