"""The order of a run's calls: the call whose end each call waited for, read from the plan and from the times."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from math import inf

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..plans.dependencies import first_needs, taken_from
from ..vocabulary.call_record import CallRecord, End
from .places import step_named
from .waiting import Failures, Wait, waits_before

_PART = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
Path = tuple[str, ...]
_BODIES = ""
"""The part of a path that stands for all bodies of a block, without its reducer. No step has this name."""
_SLACK = 10
"""The milliseconds by which a neighbour must end later than a planned step, so that it counts instead of that."""


@dataclass(frozen=True, slots=True)
class TimedAttempt:
    """An attempt with its times in milliseconds since the run began. ``waited`` has those before it by cause.

    ``waits`` has the times of these waits, as far as they can be told.
    """

    began: int
    ended: int
    end: End
    waited: Mapping[str, int]
    waits: tuple[Wait, ...] = ()


@dataclass(frozen=True, slots=True)
class TimedCall:
    """A call whose times are known. ``index`` is its place in the record.

    ``ready`` is the time at which nothing but a limit kept it back. ``began`` and ``ended`` are those of its attempts,
    which are in their order. ``lasting`` is False if nothing waited for its end, because it was cancelled.
    """

    index: int
    path: Path
    ready: int
    began: int
    ended: int
    attempts: tuple[TimedAttempt, ...]
    lasting: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """A step around a call. ``frame`` is the path of the body that it stands in.

    ``inside`` is the part of the call's path behind the step. ``known`` leads from the names that the step may mention
    to their steps and frames.
    """

    frame: Path
    step: p.Step
    inside: Path
    known: Mapping[str, tuple[Path, p.Step]]


@dataclass(frozen=True, slots=True)
class _Before:
    """A part of the flow that a call may have waited for.

    ``planned`` says that the plan puts it before the call; otherwise it is a neighbour. ``inside`` says that it lies in
    the same body as the step that waits for it.
    """

    path: Path
    planned: bool = False
    inside: bool = False


def timed(index: int, call: CallRecord, path: Path, failures: Sequence[int] = ()) -> TimedCall | None:
    """Return the times of a call, None if the journal does not know them."""
    attempts = sorted(
        (
            TimedAttempt(
                one.began,
                max(one.began, one.ended),
                one.end,
                one.waited,
                waits_before(one.began, one.waited, failures),
            )
            for one in call.attempts
            if one.began is not None and one.ended is not None
        ),
        key=lambda one: (one.began, one.ended),
    )
    if not attempts:
        return None
    # The answer ends a call. The second request of a hedged call is cancelled afterwards.
    ended = max([one.ended for one in attempts if one.end != "cancelled"] or [one.ended for one in attempts])
    first = attempts[0]
    lasting = call.state not in ("cancelled", "open", "unsent")
    return TimedCall(
        index, path, first.began - sum(first.waited.values()), first.began, ended, tuple(attempts), lasting
    )


def split_path(path: str) -> Path:
    """Split a path into its names and elements: ``notes[17].draft`` gives ``("notes", "[17]", "draft")``."""
    return tuple(f"[{part}]" if part.isdecimal() else part for part in _PART.findall(path))


@dataclass(eq=False, slots=True)
class _Ends:
    """The calls of one part of a flow, sorted by their ends."""

    calls: list[TimedCall] = field(default_factory=list)
    keys: list[tuple[int, int]] = field(default_factory=list)

    def sort(self) -> None:
        self.calls.sort(key=lambda one: (one.ended, one.began, one.index))
        self.keys = [(one.ended, one.began) for one in self.calls]


class CallOrder:
    """The calls of a run with their times, and the order between them."""

    def __init__(self, plan: p.Plan, calls: Sequence[CallRecord]) -> None:
        self.plan = plan
        self.calls: list[TimedCall] = []
        self._parts: dict[Path, _Ends] = {}
        failures = Failures(calls)
        for index, call in enumerate(calls):
            path = tuple(part for level in self._levels(split_path(call.path)) for part in self._own(level))
            one = timed(index, call, path, failures.at(call.model))
            if one is not None:
                self._add(one)
        for part in self._parts.values():
            part.sort()

    def last(self) -> TimedCall | None:
        """Return the call that ended last, None if no call has times."""
        return max(
            (one for one in self.calls if one.lasting),
            key=lambda one: (one.ended, one.index),
            default=max(self.calls, key=lambda one: one.ended, default=None),
        )

    def chain(self) -> list[TimedCall]:
        """Return the calls that determined the end of the run: each waited for the one before it."""
        found: list[TimedCall] = []
        call = self.last()
        while call is not None:
            found.append(call)
            call = self.before(call)
        return found[::-1]

    def before(self, call: TimedCall) -> TimedCall | None:
        """Return the call whose end let this call begin, None if it waited for none.

        This is the last to end of those that the plan puts before the call, and of its neighbours in the same block:
        a vote, a fold or the block's `concurrency` may have waited for these.
        """
        best: tuple[tuple[int, int], TimedCall] | None = None
        limit = min(call.began, max(call.ready, 0) + len(call.attempts[0].waited))
        for level in reversed(list(self._levels(call.path))):
            inside = False
            for one in self._parts_before(level):
                found = self._latest(one, call, limit)
                if found is None:
                    continue
                rank = found.ended + (_SLACK if one.planned else 0), int(one.planned)
                if best is None or rank > best[0]:
                    best = rank, found
                inside = inside or (one.planned and one.inside)
            if inside:
                # The body was open already, so that nothing around it kept the call back.
                break
        return None if best is None else best[1]

    def _own(self, level: _Level) -> Path:
        """Return the part of a path that a level adds: its step, and the element or the reducer behind it."""
        inside = level.inside[:1]
        return (level.step.name, *(inside if inside and _is_place(inside[0]) else ()))

    def _add(self, call: TimedCall) -> None:
        self.calls.append(call)
        if not call.lasting:
            return
        for end in range(1, len(call.path) + 1):
            self._parts.setdefault(call.path[:end], _Ends()).calls.append(call)
            if end == len(call.path) or call.path[end] != "reduce":
                self._parts.setdefault((*call.path[:end], _BODIES), _Ends()).calls.append(call)

    def _latest(self, before: _Before, call: TimedCall, limit: int) -> TimedCall | None:
        """Return the call of a part that ended last until ``limit``.

        A neighbour that began at the same time is no cause, so that a chain of calls without length has an end.
        """
        ends = self._parts.get(before.path)
        if ends is None:
            return None
        place = bisect_left(ends.keys, (limit, inf if before.planned else call.began)) - 1
        return ends.calls[place] if place >= 0 else None

    def _levels(self, parts: Path) -> Iterator[_Level]:
        """Yield the steps around a call, the outermost first. The path may name an unnamed step in any way."""
        frame: Path = ()
        steps: tuple[p.Step, ...] = self.plan.steps
        known: dict[str, tuple[Path, p.Step]] = {}
        while parts:
            step = step_named(steps, parts[0])
            if step is None:
                return
            known = known | {one.name: (frame, one) for one in steps}
            level = _Level(frame, step, parts[1:], known)
            yield level
            own = self._own(level)
            frame, parts = (*frame, *own), parts[len(own) :]
            if isinstance(step.node, p.FlowCall):
                flow = self.plan.flows.get(step.node.flow)
                steps, known = (() if flow is None else flow.steps), {}
            else:
                steps = () if step.block is None else step.block.steps

    def _parts_before(self, level: _Level) -> Iterator[_Before]:
        """Yield the parts of the flow that a step may have waited for."""
        step, here = level.step, (*level.frame, level.step.name)
        yield from self._needed(first_needs(step), level, taken_from(step))
        if isinstance(step.node, p.Rounds) and level.inside and (round_ := level.inside[0][1:-1]).isdecimal():
            # A round begins when the round before has ended, also if that one made no call.
            for number in range(int(round_)):
                yield _Before((*here, f"[{number}]"), planned=True, inside=True)
        if isinstance(step.node, p.Cascade):
            # A stage begins when those before it have ended.
            for one in step.node.body.steps:
                if one.title == level.inside[0]:
                    break
                yield _Before((*here, one.name), planned=True, inside=True)
        if not isinstance(step.node, p.Map | p.Repeat | p.Fanout):
            return
        if level.inside[:1] == ("reduce",):
            yield _Before((*here, _BODIES), planned=True, inside=True)
            yield _Before((*here, "reduce"))
        elif isinstance(step.node, p.Fanout):
            return
        else:
            yield _Before((*here, _BODIES))
            if step.node.reduce.searches or step.node.reduce.same:
                # A further sample waits for what the judge says of those before it.
                yield _Before((*here, "reduce"))
        # A body that makes no call ends when the steps that it mentions are finished.
        yield from self._needed(_all_needs(step), level, None)

    def _needed(self, names: Iterable[str], level: _Level, source: str | None) -> Iterator[_Before]:
        todo, seen = list(names), set()
        while todo:
            name = todo.pop()
            if name in seen or name not in level.known:
                continue
            seen.add(name)
            frame, step = level.known[name]
            part, inside = (*frame, name), frame == level.frame
            if name == source and level.inside:
                for element in _elements(level.inside[0]):
                    yield _Before((*part, element), planned=True, inside=inside)
                yield _Before(part)
            else:
                yield _Before(part, planned=True, inside=inside)
            # A step, or a body in it, that makes no call passes on the end of the steps that it needed itself.
            if not isinstance(step.node, p.Ask) or part not in self._parts:
                todo += _all_needs(step)


def _elements(place: str) -> Iterator[str]:
    """Yield the bodies whose value an element may be: `3,1` is an item of the list that body `3` made."""
    label = place[1:-1]
    while label:
        yield f"[{label}]"
        label = label.rpartition(",")[0]


def _is_place(part: str) -> bool:
    return part.startswith("[") or part == "reduce"


def _all_needs(step: p.Step) -> Iterator[str]:
    for one in p.walk_steps([step]):
        yield from one.needs
        if isinstance(one.node, p.Map | p.Repeat | p.Fanout):
            yield from one.node.reduce.needs
