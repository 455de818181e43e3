"""The beginnings of prompts, seen from a map: what the first ask of its body shows of an element, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from flowrun.dsl import dataclass, written_paths
from flowrun.dsl import plan as p

from ..plans.free_names import mentions
from ..values.prompts import shown
from ..vocabulary.json_value import Json
from .scopes import Context

Path = tuple[str, ...]
"""The fields that lead from an element to a part of it."""
_LONGEST = 1 << 16
"""The characters of a value that is no text by which elements are told apart."""
_DEEPEST = 20
"""The most blocks and called flows around an ask that is looked for."""


@dataclass(frozen=True, slots=True)
class FirstAsk:
    """The first ask in the body of a map, and the parts of the element that its prompt shows, in their order."""

    ask: p.Ask
    paths: tuple[Path, ...]

    def strands(self, context: Context) -> int:
        """Return the strands in which elements are opened at the model of the ask. 0 if its server keeps no prompts."""
        if not context.strands:
            return 0
        model = self.ask.model
        if model is None:
            return context.strands.get(context.default_model.address, 0)
        if isinstance(model, p.Ref) and model.name in context.models:
            return context.strands.get(context.models[model.name].address, 0)
        return max(context.strands.values())

    def parts(self, element: Callable[[int], Json]) -> list[Callable[[int], str]]:
        """Return functions that give the parts of an element as texts, by the number of the element."""
        return [partial(_text, element, path) for path in self.paths]


def _text(element: Callable[[int], Json], path: Path, number: int) -> str:
    value = element(number)
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return value
    try:
        return shown(value)[:_LONGEST]
    except (TypeError, ValueError, RecursionError):
        # A value that no prompt can show fails when its prompt is made.
        return ""


def beginning_of(node: p.Map, flows: Mapping[str, p.Flow]) -> FirstAsk | None:
    """Find what the first prompt for an element shows of it. None if that is nothing, or if a person is asked."""
    names: dict[str, Path | None] = {node.element: ()}
    if node.index is not None:
        names[node.index] = None
    if any(isinstance(step.node, p.Ask) and step.node.person for step in p.walk_steps(node.body.steps)):
        return None
    return _first(node.body.steps, names, flows, 0)


def _first(
    steps: Sequence[p.Step], around: Mapping[str, Path | None], flows: Mapping[str, p.Flow], depth: int
) -> FirstAsk | None:
    """Find the first ask that shows a part of the element, among steps and in those inside them."""
    names = {**around, **dict.fromkeys([step.name for step in steps])}
    for step in steps:
        if isinstance(step.node, p.Value):
            names[step.name] = _path(step.node.expr, names)
    for step in steps:
        node, found = step.node, None
        if isinstance(node, p.Ask):
            found = _of_ask(node, names)
        elif isinstance(node, p.FlowCall) and depth < _DEEPEST:
            found = _first(flows[node.flow].steps, _given(node.args, names), flows, depth + 1)
        elif step.block is not None and depth < _DEEPEST:
            inner = {**names, node.element: None} if isinstance(node, p.Map) else names
            found = _first(step.block.steps, inner, flows, depth + 1)
        if found is not None:
            return found
    return None


def _of_ask(ask: p.Ask, names: Mapping[str, Path | None]) -> FirstAsk | None:
    given = {name: value for name, value in names.items() if name not in ask.given}
    given |= _given({name: one.value for name, one in ask.given.items()}, names)
    paths: list[Path] = []
    # A server may read the words of the system first, wherever they stand.
    for message in sorted(ask.messages, key=lambda one: one.role != "system"):
        written, whole = written_paths(message.template, given.keys())
        for one in written:
            name, *fields = one.split(".")
            base = given[name]
            if base is None:
                whole = False
                break
            paths.append((*base, *fields))
        if not whole:
            break
    return FirstAsk(ask, tuple(dict.fromkeys(paths))) if paths else None


def _given(values: Mapping[str, p.Expr], names: Mapping[str, Path | None]) -> dict[str, Path | None]:
    """Return the paths of values under the names that a prompt or a flow gets them by. Those that never vary go."""
    return {to: _path(value, names) for to, value in values.items() if not names.keys().isdisjoint(mentions([value]))}


def _path(value: p.Expr, names: Mapping[str, Path | None]) -> Path | None:
    fields: list[str] = []
    while isinstance(value, p.FieldOf):
        fields.append(value.field)
        value = value.base
    base = names.get(value.name) if isinstance(value, p.Ref) else None
    return None if base is None else (*base, *reversed(fields))
