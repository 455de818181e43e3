"""The steps whose expressions may call a function that takes time, because it reads a file or cuts a long text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass

from flowrun.dsl import plan as p

from ..values.functions import FUNCTIONS


def may_read(step: p.Step) -> bool:
    """Tell whether an expression of a step itself may read. The steps inside of a block do not count.

    The default of a parameter may read. So every call of a flow or an extern counts.
    """
    if isinstance(step.node, p.FlowCall | p.ExternCall):
        return True
    todo: list[object] = [step.options, step.when, step.otherwise]
    todo += [getattr(step.node, one.name) for one in fields(step.node) if one.name != "body"]
    while todo:
        part = todo.pop()
        if isinstance(part, p.CallOf) and _reads(part.function):
            return True
        if is_dataclass(part):
            todo += [getattr(part, one.name) for one in fields(part)]
        elif isinstance(part, Mapping):
            todo += part.values()
        elif isinstance(part, Iterable) and not isinstance(part, str | bytes):
            todo += part
    return False


def _reads(function: str) -> bool:
    known = FUNCTIONS.get(function)
    return function == "split" or (known is not None and known.spec.reads)
