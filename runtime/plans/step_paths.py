"""The steps of a plan as a tree with the names that paths use, and the paths of a run's calls in these names.

An unnamed step has the name of its word and its number among the unnamed steps of its body: ``ask``, ``ask2``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from flowrun.dsl import REDUCE, dataclass, pattern, step_names
from flowrun.dsl import plan as p

from ..vocabulary.call_path import Segment, path_text
from ..vocabulary.call_record import CallRecord

_EXTERN = "extern"
_TOKENS = pattern(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


@dataclass(frozen=True, slots=True)
class StepNode:
    """A step in the tree of a plan. ``alias`` is the name that the journal has for an unnamed step: ``line 7``.

    ``step`` is None for a reduction that makes calls. ``what`` says in words what the step is.
    """

    name: str
    what: str
    step: p.Step | None = None
    alias: str = ""

    @property
    def elements(self) -> bool:
        """True if a number follows the name in paths: that of an element, a sample or a round."""
        return self.step is not None and isinstance(self.step.node, (p.Map, p.Repeat, p.Rounds))

    @property
    def silent(self) -> bool:
        """True if the step makes no calls, whatever happens."""
        return self.what == _EXTERN if self.step is None else isinstance(self.step.node, (p.Value, p.ExternCall))

    def inside(self, plan: p.Plan) -> tuple[StepNode, ...]:
        """Return the steps inside this step, with its reduction if that makes calls."""
        if self.step is None:
            return ()
        node = self.step.node
        if isinstance(node, p.FlowCall):
            return step_nodes(plan.flows[node.flow].steps)
        if self.step.block is None:
            return ()
        reduce = None if isinstance(node, p.Chain | p.Match | p.Cascade) else getattr(node, "reduce", None)
        inner = step_nodes(self.step.block.steps)
        if isinstance(reduce, p.Reduce) and (reduce.asks or reduce.called is not None):
            word = _EXTERN if reduce.called is not None else "ask"
            return (*inner, StepNode(REDUCE, word if reduce.form != "tree" else "tree of asks"))
        return inner


def step_nodes(steps: Iterable[p.Step]) -> tuple[StepNode, ...]:
    """Return the nodes of a body's steps, in the order of the file."""
    steps = tuple(steps)
    made = []
    for step, name in zip(steps, step_names((_own_name(step), _word(step.node)) for step in steps), strict=True):
        alias = "" if _own_name(step) else step.title
        made.append(StepNode(name, _what(step.node), step, alias))
    return tuple(made)


def _own_name(step: p.Step) -> str:
    """Return the name that the author gave to a step, "" if it has none."""
    return step.shown


def _word(node: p.Node) -> str:
    """Return the word with which a step begins in the file."""
    if isinstance(node, p.FlowCall):
        return p.plain_name(node.flow)
    if isinstance(node, p.Rounds):
        return "chain"
    return p.plain_name(node.extern) if isinstance(node, p.ExternCall) else node.kind


def _what(node: p.Node) -> str:
    if isinstance(node, p.FlowCall):
        return f"flow {p.plain_name(node.flow)}"
    if isinstance(node, p.ExternCall):
        return f"extern {p.plain_name(node.extern)}"
    if isinstance(node, p.Map):
        return f"map {node.element}"
    if isinstance(node, p.Rounds):
        return f"chain up to {node.most}"
    return node.kind


@dataclass(frozen=True, slots=True)
class CallAddress:
    """The address of a call in a run. ``text`` is its printed path, which no other call of the run has.

    ``number`` counts the calls of one path from 1. ``steps`` is the path without its places.
    """

    text: str
    segments: tuple[Segment, ...]
    number: int = 1

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.segments if not one.place)


def call_addresses(plan: p.Plan, calls: Sequence[CallRecord]) -> list[CallAddress]:
    """Return the addresses of calls, in their order."""
    naming = Naming(plan)
    seen: Counter[str] = Counter()
    return [_address(naming, seen, call) for call in calls]


def _address(naming: Naming, seen: Counter[str], call: CallRecord) -> CallAddress:
    """Return the address of the next call of a run. ``seen`` counts the calls of each path."""
    # The place also tells the merges of a reduction apart.
    place = call.place if call.place.startswith(call.path) else call.path
    segments = naming.segments(place, call.labels, call.step)
    text = path_text(segments)
    seen[text] += 1
    return CallAddress(text if seen[text] == 1 else f"{text}#{seen[text]}", segments, seen[text])


class Naming:
    """The names of a plan's steps in paths. A body is looked through once, however many calls it made."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.top = step_nodes(plan.steps)
        self._inside: dict[tuple[str, ...], tuple[StepNode, ...]] = {(): self.top}

    def inside(self, steps: tuple[str, ...]) -> tuple[StepNode, ...]:
        """Return the steps inside the step with this path without places. The names are those of this class."""
        if steps not in self._inside:
            node = next((one for one in self.inside(steps[:-1]) if one.name == steps[-1]), None)
            self._inside[steps] = () if node is None else node.inside(self.plan)
        return self._inside[steps]

    def segments(self, path: str, labels: Sequence[str] = (), step: str = "") -> tuple[Segment, ...]:
        """Split a path of the journal. ``step`` tells unnamed steps of one line apart."""
        steps: tuple[str, ...] = ()
        node: StepNode | None = None
        made: list[Segment] = []
        maps: list[int] = []
        for name, place in _TOKENS.findall(path):
            if name:
                alike = [one for one in self.inside(steps) if name in (one.name, one.alias)]
                node = next((one for one in alike if one.step and one.step.name == step), alike[0] if alike else None)
                steps = (*steps, node.name if node else name)
                made.append(Segment(steps[-1], alias=node.alias if node else ""))
                continue
            if node is not None and node.step is not None and isinstance(node.step.node, p.Map) and not made[-1].place:
                maps.append(len(made))
            made += [Segment(one, place=True) for one in place.split(".")]
        for at, label in zip(maps, labels, strict=False):
            made[at] = Segment(made[at].name, place=True, label=label)
        return tuple(made)


class PathNames:
    """The printed paths of a run, for those who meet its calls one after another, and some of them again."""

    def __init__(self, plan: p.Plan) -> None:
        self._naming = Naming(plan)
        self._calls: dict[str, tuple[str, str]] = {}
        self._paths: dict[str, str] = {}
        self._seen: Counter[str] = Counter()

    def of_call(self, call: CallRecord) -> str:
        """Return the printed path of a call, which no other call of the run has. The same place has the same path."""
        return self._of(call)[0]

    def of_step(self, call: CallRecord) -> str:
        """Return the printed path of a call's step: ``notes.ask``."""
        return self._of(call)[1]

    def _of(self, call: CallRecord) -> tuple[str, str]:
        known = self._calls.get(call.place)
        if known is None:
            address = _address(self._naming, self._seen, call)
            known = self._calls[call.place] = address.text, sys.intern(".".join(address.steps))
        return known

    def of(self, path: str) -> str:
        """Return the printed form of the path of a step, a vote, an element or a loss."""
        known = self._paths.get(path)
        if known is None:
            known = self._paths[path] = path_text(self._naming.segments(path))
        return known
