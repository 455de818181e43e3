"""How many elements a plan's maps will have, as far as the inputs alone decide it. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import plan as p

from .errors import FlowrunError
from .files import Files
from .functions import FUNCTIONS, World
from .values import evaluate

Json = Any


class _Unknown(FlowrunError):
    """The value depends on an answer, or on an input that was not given."""


class _Known:
    """Names whose values need no model."""

    def __init__(self, values: dict[str, Json], files: Files) -> None:
        self.values = values
        self.files = files

    def value(self, name: str) -> Json:
        if name not in self.values:
            raise _Unknown(name)
        return self.values[name]

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        if FUNCTIONS[function].spec.of_step:
            raise _Unknown(function)
        return FUNCTIONS[function].call(args, World(self.files, lambda name: None))


def sizes_of(plan: p.Plan, inputs: Mapping[str, Json], files: Files) -> dict[str, int]:
    """The numbers of elements by the map's name, for maps of the flow itself whose list is known.

    Reads the files that the flow reads. Raises InputError where one cannot be read.
    """
    values = dict(inputs)
    names = _Known(values, files)
    for param in plan.params:
        if param.name not in values and param.default is not None:
            _put(values, param.name, param.default, names)
    sizes: dict[str, int] = {}
    left = list(plan.steps)
    while left:
        # Lines may stand in any order: go round until a round brings nothing.
        waiting = [step for step in left if not _known(step, values, sizes, names)]
        if len(waiting) == len(left):
            break
        left = waiting
    return sizes


def _known(step: p.Step, values: dict[str, Json], sizes: dict[str, int], names: _Known) -> bool:
    if isinstance(step.node, p.Value) and step.when is None:
        return _put(values, step.name, step.node.expr, names)
    if not isinstance(step.node, p.Map):
        return False
    try:
        elements = evaluate(step.node.source, names)
        if step.node.where is not None:
            where, element = step.node.where, step.node.element
            elements = [one for one in elements if evaluate(where, _Known({**values, element: one}, names.files))]
    except _Unknown:
        return False
    sizes[step.name] = len(elements)
    return True


def _put(values: dict[str, Json], name: str, expr: p.Expr, names: _Known) -> bool:
    try:
        values[name] = evaluate(expr, names)
    except _Unknown:
        return False
    return True
