"""The tree of a run: its steps with their calls, times and costs. The elements of a map are folded into one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...plans.run_calls import RunCalls
from ...plans.step_paths import StepNode
from ...vocabulary.call_path import CallPath, Segment
from ...vocabulary.call_record import CallRecord, total_cost
from ...vocabulary.tally import Tally
from .taken_branches import quiet, taken_branches


@dataclass(slots=True)
class TreeRow:
    """A step of a run. ``states`` counts its calls, and those of the steps inside, by their state.

    ``elements`` is the number of its elements or samples; None if it has none. ``milliseconds`` is the time in which at
    least one of its calls was under way. ``cost`` is None if a price is not known. ``votes`` are by their path.
    """

    path: str
    name: str
    what: str
    state: str
    states: Counter[str]
    milliseconds: int | None
    cost: float | None
    elements: int | None = None
    lost: int = 0
    votes: Mapping[str, Tally] = field(default_factory=dict)
    inside: tuple[TreeRow, ...] = ()

    @property
    def calls(self) -> int:
        """The number of its calls. Those that were never sent are none."""
        return self.states.total() - self.states["unsent"]


def run_tree(calls: RunCalls, found: Iterable[int], path: CallPath | None = None) -> tuple[TreeRow, ...]:
    """Return the steps of a run with the calls ``found``; with a path, only the step at that path and those inside."""
    return _Tree(calls, list(found), path).rows()


@dataclass(frozen=True, slots=True)
class _Around:
    """The surroundings of a body. ``partial``: a map or a repeat there may have more elements than the run reached.

    ``many``: a map, a repeat or rounds are there. ``taken`` tells whether the run took the branch of a match there;
    None if that is not known.
    """

    partial: bool
    many: bool
    taken: bool | None


class _Tree:
    def __init__(self, calls: RunCalls, found: list[int], path: CallPath | None) -> None:
        self.calls = calls
        self.record = calls.record
        self.found = found
        self.path = path
        within = self._within
        self.lost = [(one, loss) for one, loss in zip(calls.losses, self.record.end.losses, strict=True) if within(one)]
        self.votes = [
            (_steps(one), calls.path_of(name), tally)
            for one, (name, tally) in zip(calls.votes, self.record.end.votes.items(), strict=True)
            if within(one)
        ]

    def rows(self) -> tuple[TreeRow, ...]:
        above = self.calls.node(self.path) if self.path is not None else ()
        if above:
            nodes = [one for one in self.calls.naming.inside(above[:-1]) if one.name == above[-1]]
            around = self._around(above)
            return tuple(self._row(one, above[:-1], self.found, around, went_on=False) for one in nodes)
        return tuple(self._body((), self.found, _Around(partial=False, many=False, taken=True)))

    def _around(self, above: tuple[str, ...]) -> _Around:
        """Return what is around the step at a path. All calls of the run tell which branches it took."""
        steps: tuple[str, ...] = ()
        many, match = False, False
        taken: bool | None = True
        for name in above:
            nodes = self.calls.naming.inside(steps)
            if match:
                reached = {
                    one.steps[len(steps)]
                    for one in self.calls.addresses
                    if len(one.steps) > len(steps) and one.steps[: len(steps)] == steps
                }
                taken = taken_branches(nodes, reached, taken, many=many).get(name)
            node = next((one for one in nodes if one.name == name), None)
            match = node is not None and node.step is not None and isinstance(node.step.node, p.Match)
            many = many or (node is not None and node.elements and name != above[-1])
            steps = (*steps, name)
        return _Around(partial=False, many=many, taken=taken)

    def _within(self, segments: Sequence[Segment]) -> bool:
        return self.path is None or self.path.holds(segments) or self.path.holds(segments, labels=True)

    def _body(
        self, steps: tuple[str, ...], found: list[int], around: _Around, match: StepNode | None = None
    ) -> Iterator[TreeRow]:
        """Yield the rows of a body: the steps of the plan in its order, then names that the plan does not have.

        ``match``: the steps of the body are the branches of this match.
        """
        nodes = list(self.calls.naming.inside(steps))
        parts: dict[str, list[int]] = {one.name: [] for one in nodes}
        for at in found:
            names = self.calls.addresses[at].steps
            if len(names) > len(steps):
                parts.setdefault(names[len(steps)], []).append(at)
        nodes += [StepNode(name, "") for name in parts if all(name != one.name for one in nodes)]
        needed = {name for one in nodes if one.step is not None and parts[one.name] for name in _needs(one.step)}
        taken: Mapping[str, bool | None] = {}
        if match is not None:
            reached = {name for name, calls in parts.items() if calls} | self._went_outside(steps)
            taken = taken_branches(nodes, reached, around.taken, many=around.many)
        for node in nodes:
            went_on = node.step is not None and node.step.name in needed
            inside = replace(around, taken=taken.get(node.name, around.taken))
            yield self._row(node, steps, parts[node.name], inside, went_on=went_on)

    def _went_outside(self, steps: tuple[str, ...]) -> set[str]:
        """Return the steps of a body that called an extern, or lost a part."""
        paths = map(_steps, (*self.calls.externs, *(one for one, _ in self.lost)))
        return {path[len(steps)] for path in paths if len(path) > len(steps) and path[: len(steps)] == steps}

    def _row(
        self, node: StepNode, above: tuple[str, ...], found: list[int], around: _Around, *, went_on: bool
    ) -> TreeRow:
        """Return the row of a step. ``went_on``: a step that needs this step made calls."""
        steps = (*above, node.name)
        records = [self.record.calls[at] for at in found]
        votes = {name: tally for at, name, tally in self.votes if at == steps}
        losses = [(one, loss) for one, loss in self.lost if _steps(one)[: len(steps)] == steps]
        states: Counter[str] = Counter(one.counts_as for one in records)
        over = not around.partial and (went_on or bool(votes))
        match = node if node.step is not None and isinstance(node.step.node, p.Match) else None
        if match is not None and node.step is not None and node.step.when is not None and not states:
            around = replace(around, taken=around.taken and None)
        state = self._state(node, above, states, around, fatal=any(loss.fatal for _, loss in losses), over=over)
        inner = _Around(
            partial=around.partial or (node.elements and state != "done"),
            many=around.many or node.elements,
            taken=around.taken,
        )
        flow_without_calls = node.step is not None and isinstance(node.step.node, p.FlowCall) and not found
        return TreeRow(
            ".".join(steps),
            node.name,
            node.what,
            state,
            states,
            busy_time(records),
            total_cost(records),
            self._elements(found, [one for one, _ in losses], len(steps)) if node.elements else None,
            len(losses),
            votes,
            () if flow_without_calls else tuple(self._body(steps, found, inner, match)),
        )

    def _elements(self, found: list[int], losses: list[tuple[Segment, ...]], depth: int) -> int:
        """Count the elements of a block. ``depth`` is the number of names in its path."""
        bodies = set()
        for segments in [*(self.calls.addresses[at].segments for at in found), *losses]:
            names = 0
            for at, one in enumerate(segments):
                names += not one.place
                if names == depth and one.place:
                    bodies.add(tuple(each.name for each in segments[: at + 1]))
                    break
        return len(bodies)

    def _state(
        self, node: StepNode, above: tuple[str, ...], states: Counter[str], around: _Around, *, fatal: bool, over: bool
    ) -> str:
        complete = self.record.end.complete
        if fatal:
            return "failed"
        if not states:
            if complete and around.taken is False:
                return "not taken"
            step = node.step
            sure = step is not None and step.when is None and isinstance(step.node, p.Chain | p.Match)
            if quiet(node, above, self.calls.naming) or (complete and sure and not around.many):
                return "done" if complete and around.taken else ""
            return "not needed" if complete else "not reached"
        if states["open"]:
            return "running" if self.record.status == "running" else "open"
        only = next(iter(states)) if len(states) == 1 else ""
        if only in ("failed", "cancelled", "reused", "unsent"):
            return only
        alone = node.step is not None and isinstance(node.step.node, p.Ask) and not around.partial
        return "done" if complete or over or alone else "begun"


def _needs(step: p.Step) -> Iterator[str]:
    """Yield the names of the steps that a step, or a step inside it, needs."""
    for one in p.walk_steps([step]):
        yield from one.needs


def _steps(segments: Sequence[Segment]) -> tuple[str, ...]:
    return tuple(one.name for one in segments if not one.place)


def busy_time(calls: Iterable[CallRecord]) -> int | None:
    """Return the milliseconds in which at least one attempt of these calls was under way. None if no time is known."""
    spans = sorted(
        (one.began, one.ended)
        for call in calls
        for one in call.attempts
        if one.began is not None and one.ended is not None
    )
    if not spans:
        return None
    total, until = 0, spans[0][0]
    for began, ended in spans:
        total += max(0, ended - max(began, until))
        until = max(until, ended)
    return total


def tree_json(row: TreeRow) -> dict[str, Any]:
    """Return a step of the tree as JSON data."""
    return {
        "path": row.path,
        "what": row.what,
        "state": row.state,
        "calls": dict(row.states),
        "ms": row.milliseconds,
        "cost": row.cost,
        "elements": row.elements,
        "lost": row.lost,
        "steps": [tree_json(one) for one in row.inside],
    }
