"""The part of a run that one path needs: one element of each map on the way, and the steps that these elements need.

A replay of this part alone shows the calls at the path. So one call of a very large run need not wait for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..plans.dependencies import taken_from
from ..plans.step_paths import step_nodes
from ..reducers import REDUCERS
from ..vocabulary.call_path import CallPath, Part
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .call_surroundings import label_of


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a run that the calls at the path ``wanted`` need.

    ``only`` has the number of the one needed element, by the path of its map. ``needed`` are the paths of the steps
    and elements whose calls are part of it. All paths are as the journal writes them.
    """

    wanted: str
    only: Mapping[str, int] = field(default_factory=dict)
    needed: tuple[str, ...] = ()

    def holds(self, place: str) -> bool:
        """Tell whether a call at a place is one of the wanted calls."""
        return under(self.wanted, place)

    def needs(self, place: str) -> bool:
        """Tell whether a call at a place is part of this excerpt."""
        return any(under(one, place) for one in self.needed)


class _Whole(Excerpt):
    """The whole run."""

    def holds(self, place: str) -> bool:
        return True


WHOLE: Excerpt = _Whole("")


def under(path: str, place: str) -> bool:
    """Tell whether a place of the journal lies at a path or below it."""
    return place == path or (place.startswith(path) and place[len(path)] in ".[#")


def excerpt_of(plan: p.Plan, inputs: Mapping[str, Json], path: CallPath) -> Excerpt | None:
    """Return the part of a run that a path needs; None if the path needs the whole run, or is no path of the plan.

    A path to a step of every element needs the whole run, and so does a vote over the elements of a map.
    """
    return _Walk(plan, inputs, list(path.parts)).found()


class _Walk:
    """The way through a plan along a path. ``only`` and ``needed`` are those of the excerpt."""

    def __init__(self, plan: p.Plan, inputs: Mapping[str, Json], parts: list[Part]) -> None:
        self.plan = plan
        self.inputs = inputs
        self.parts = parts
        self.only: dict[str, int] = {}
        self.needed: list[str] = []

    def found(self) -> Excerpt | None:
        prefix, steps, top = "", self.plan.steps, True
        while True:
            step = self._step(steps)
            if step is None:
                return None
            at, element = prefix + step.title, None
            if isinstance(step.node, p.Map):
                element = self._element(step.node, top=top)
                if element is None or _counts(step.node.reduce):
                    return None
                self.only[at] = element
            self._need(step, element, steps, prefix)
            here = at if element is None else f"{at}[{element}]"
            if not self.parts or isinstance(step.node, p.Repeat):
                self.needed.append(here)
                return Excerpt(here, dict(self.only), tuple(self.needed))
            prefix, top = here + ".", False
            if isinstance(step.node, p.FlowCall):
                steps = self.plan.flows[step.node.flow].steps
            elif step.block is not None:
                steps = step.block.steps
            else:
                return None

    def _step(self, steps: Sequence[p.Step]) -> p.Step | None:
        """Take the name of a step from the path."""
        if not self.parts or self.parts[0].brackets:
            return None
        part = self.parts.pop(0)
        for one in step_nodes(steps):
            if part.text in ((one.alias,) if part.quoted else (one.name, one.alias)):
                return one.step
        return None

    def _element(self, node: p.Map, *, top: bool) -> int | None:
        """Take the number or the label of an element from the path. A label is looked for in the inputs of the flow."""
        if not self.parts:
            return None
        part = self.parts.pop(0)
        if part.number:
            return int(part.text) if part.text.isdecimal() else None
        rows = self.inputs.get(node.source.name) if top and isinstance(node.source, p.Ref) else None
        if not isinstance(rows, Sequence) or isinstance(rows, str) or node.where is not None:
            return None
        try:
            labelled = [at for at, row in enumerate(rows) if label_of(row) == part.text]
        except FlowrunError:
            return None
        return labelled[0] if len(labelled) == 1 else None

    def _need(self, step: p.Step, element: int | None, steps: Sequence[p.Step], prefix: str) -> None:
        """Add the steps beside a step that it needs, and that these need."""
        beside = {one.name: one for one in steps}
        source = None if element is None else _source(step, beside)
        todo = [*_mentions(step)]
        if source is not None and element is not None:
            at = prefix + source.title
            self.only[at] = element
            self.needed.append(f"{at}[{element}]")
            self._need(source, element, steps, prefix)
            todo = [name for name in todo if name != source.name]
        seen = {step.name}
        while todo:
            name = todo.pop()
            if name in seen or name not in beside:
                continue
            seen.add(name)
            self.only.pop(prefix + beside[name].title, None)
            self.needed.append(prefix + beside[name].title)
            todo += _mentions(beside[name])


def _mentions(step: p.Step) -> Iterable[str]:
    for one in p.walk_steps((step,)):
        yield from one.needs
        reduce = getattr(one.node, "reduce", None)
        if isinstance(reduce, p.Reduce):
            yield from reduce.needs


def _source(step: p.Step, beside: Mapping[str, p.Step]) -> p.Step | None:
    """Return the map from which another map takes its elements one by one, if element N of both is the same."""
    name = taken_from(step)
    source = beside.get(name or "")
    if source is None or not isinstance(source.node, p.Map) or not isinstance(step.node, p.Map):
        return None
    reduce = source.node.reduce
    plain = reduce.rule == "collect" and reduce.form == "rule" and "errors" not in source.options
    filtered = source.node.where is not None or step.node.where is not None
    return source if plain and not filtered and not _mentioned_inside(step, source.name) else None


def _mentioned_inside(step: p.Step, name: str) -> bool:
    return step.block is not None and any(name in one.needs for one in p.walk_steps(step.block.steps))


def _counts(reduce: p.Reduce) -> bool:
    """Tell whether a reduction counts votes. A call is shown with the vote that it counted in."""
    return reduce.form == "rule" and REDUCERS[reduce.rule].spec.votes
