"""The value of a flow that an evaluation compares with the expected answers."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass, did_you_mean, types
from flowrun.dsl import plan as p

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

_DEEPEST = 1_000
"""The most steps between the result of a flow and the step that makes it."""


@dataclass(frozen=True, slots=True)
class Target:
    """The value that is compared with the expected answer."""

    expr: p.Expr
    type: types.Type

    @property
    def source(self) -> str:
        """The name that the value is taken from: a step, a parameter, or "" if it is made of several."""
        return _origin(self.expr)[0]

    @classmethod
    def of(cls, flow: p.Flow | p.Plan) -> Target:
        """Return the result of a flow."""
        return cls(flow.result, flow.type)


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """A column of expected answers, with the value that they are for.

    ``label`` is the text of --answer, such as `want` or `want=step`. It tells the answers of an evaluation apart.
    """

    label: str
    target: Target

    @property
    def column(self) -> str:
        return self.label.partition("=")[0]


def target_of(plan: p.Plan, column: str, path: str = "", *, by_name: bool = True) -> Target:
    """Find the value that a path names: a step, or a field of a step or of the flow's result.

    Without a path it is the flow's result, or ``by_name`` the field of the result that has the column's name. Raises
    UsageError.
    """
    if not path and not by_name:
        return Target.of(plan)
    if not path:
        return _field(Target.of(plan), column) or Target.of(plan)
    first, *rest = path.split(".")
    step = next((one for one in plan.steps if one.name == first), None)
    found = _field(Target.of(plan), first) if step is None else Target(p.Ref(first), step.type)
    for name in rest:
        found = None if found is None else _field(found, name)
    if found is None:
        steps = [one.name for one in plan.steps if not one.name.startswith("#")]
        guess = did_you_mean(path, steps) or f"its steps are {', '.join(f'`{one}`' for one in steps)}"
        raise UsageError(f"--answer {column}={path}: the flow `{plan.flow}` has no step {shown(path)}; {guess}")
    return found


def _origin(expr: p.Expr) -> tuple[str, tuple[str, ...]]:
    """Follow an expression to the name that it takes its value from, and the fields on the way; "" if there is none."""
    match expr:
        case p.Ref(name):
            return name, ()
        case p.FieldOf(p.RecordOf(entries), field):
            entry = next((one for one in entries if one.name == field), None)
            return ("", ()) if entry is None else _origin(entry.value)
        case p.FieldOf(base, field):
            name, fields = _origin(base)
            return name, (*fields, field) if name else ()
    return "", ()


def _field(target: Target, name: str) -> Target | None:
    """Return a field of a record; None if the value is no record, or has no such field."""
    record = types.unwrapped(target.type)
    field = record.field(name) if isinstance(record, types.Record) else None
    if field is None:
        return None
    type_ = field.type if record == target.type else types.optional(field.type)
    return Target(p.FieldOf(target.expr, name), type_)


def _inside(expr: p.Expr, fields: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Follow fields of an expression to the name that they are taken from."""
    for field in fields:
        expr = p.FieldOf(expr, field)
    return _origin(expr)


@dataclass(frozen=True, slots=True)
class Maker:
    """The step that makes the compared value, behind chains and called flows. ``path`` leads to it from the flow.

    ``fields`` lead from its value to the compared one.
    """

    path: tuple[str, ...]
    step: p.Step
    fields: tuple[str, ...]


def maker_of(value: p.Expr, flow: p.Flow, flows: Mapping[str, p.Flow]) -> Maker | None:
    """Follow a value of a flow to the step that makes it. ``flows`` are the called flows of the plan.

    None if the value is made of several steps.
    """
    (name, fields), steps = _origin(value), flow.steps
    path: list[str] = []
    # A journal may hold a plan that somebody edited, with steps or flows in a circle.
    for _ in range(_DEEPEST):
        step = next((one for one in steps if one.name == name), None)
        if step is None:
            break
        match step.node:
            case p.FlowCall(key) if step.when is None:
                (name, fields), steps = _inside(flows[key].result, fields), flows[key].steps
            case p.Chain(body) if step.when is None:
                name, steps = body.result, body.steps
            case p.Value(expr) if step.when is None:
                # A value is no block, so that no path leads through it.
                name, fields = _inside(expr, fields)
                continue
            case _:
                return Maker((*path, step.title), step, fields)
        path.append(step.title)
    return None
