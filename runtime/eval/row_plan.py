"""The plan that runs a flow once for each row of a table. It is an ordinary plan: a map whose body calls the flow.

So limits, the journal, budgets, resuming and the report treat it like any other run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from flowrun.dsl import dataclass, did_you_mean, types
from flowrun.dsl import plan as p

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

ROWS, ROW, ANSWERS, ANSWER = "rows", "row", "answers", "answer"
LABELS = ("id", "name")
"""Columns that name a row. They stay in the run, so that its paths show the names."""
_KEY = "each row:"
"""Begins the key of the evaluated flow in the plan. The plan itself has the flow's name, and no flow calls itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """The value that is compared with the expected answer.

    ``step`` is the step of the flow that makes it, "" if no single step does. ``fields`` lead from the step's value to
    the compared one.
    """

    expr: p.Expr
    type: types.Type
    step: str = ""
    fields: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The name that the value is taken from: a step, a parameter, or "" if it is made of several."""
        return _origin(self.expr)[0]

    @classmethod
    def of(cls, flow: p.Flow | p.Plan) -> Target:
        """Return the result of a flow, with the step that it leads to."""
        step, fields = _origin(flow.result)
        return cls(flow.result, flow.type, *((step, fields) if any(one.name == step for one in flow.steps) else ()))


def target_of(plan: p.Plan, column: str, path: str = "", *, by_name: bool = True) -> Target:
    """Find the value that a path names: a step, or a field of a step or of the flow's result.

    Without a path it is the flow's result, or ``by_name`` the field of the result that has the column's name. Raises
    UsageError.
    """
    if not path and not by_name:
        return Target.of(plan)
    if not path:
        return _field(plan, Target.of(plan), column) or Target.of(plan)
    first, *rest = path.split(".")
    step = next((one for one in plan.steps if one.name == first), None)
    found = _field(plan, Target.of(plan), first) if step is None else Target(p.Ref(first), step.type, first)
    for name in rest:
        found = None if found is None else _field(plan, found, name)
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


def _field(plan: p.Plan, target: Target, name: str) -> Target | None:
    """Return a field of a record; None if the value is no record, or has no such field."""
    record = types.unwrapped(target.type)
    field = record.field(name) if isinstance(record, types.Record) else None
    if field is None:
        return None
    expr = p.FieldOf(target.expr, name)
    type_ = field.type if record == target.type else types.optional(field.type)
    step, fields = _origin(expr)
    return Target(expr, type_, *((step, fields) if any(one.name == step for one in plan.steps) else ()))


def row_type(
    plan: p.Plan,
    columns: Collection[str],
    given: Collection[str],
    answer: str,
    target: Target,
    element: str = "",
) -> types.Record:
    """Return the type of a row: the parameters that columns give, the expected answer, and columns that name the row.

    ``given`` are the parameters that have one value for all rows. ``element`` is the parameter that the whole row is
    the value of, "" if there is none. Raises UsageError if a parameter has neither a column nor a value.
    """
    if answer not in columns:
        guess = did_you_mean(answer, columns) or f"its columns are {_listed(columns)}"
        raise UsageError(f"the rows have no column {shown(answer)} with the expected answers; {guess}")
    fields = []
    for param in plan.params:
        if param.name == element and isinstance(param.type, types.Record):
            # The row may have its expected answer among its fields.
            _must_compare(answer, param.type.field(answer), target)
            fields += [field for field in param.type.fields if field.name != answer]
            continue
        if param.name in given or (param.name not in columns and not param.required):
            continue
        if types.holds_model(param.type):
            if param.required:
                raise UsageError(
                    f"the parameter `{param.name}` is a model, which no column can give: add "
                    f"--param-{param.name.replace('_', '-')} MODEL"
                )
            continue
        if param.name not in columns and isinstance(types.unwrapped(param.type), types.ListOf):
            raise UsageError(
                f"the parameter `{param.name}` of the flow `{plan.flow}` is a list, and no column of the rows has its "
                "name. An evaluation runs a flow once for each row: name the flow that takes one row by --flow NAME, "
                f"or give all rows one list by --param-{param.name.replace('_', '-')} VALUE"
            )
        if param.name not in columns:
            guess = did_you_mean(param.name, columns) or f"the columns are {_listed(columns)}"
            raise UsageError(
                f"the rows have no column {shown(param.name)} for the parameter `{param.name}` of the flow "
                f"`{plan.flow}`; {guess}. Name the column like the parameter, or give all rows one value by "
                f"--param-{param.name.replace('_', '-')} VALUE"
            )
        fields.append(types.Field(param.name, param.type))
    taken = {field.name for field in fields}
    if answer in taken:
        raise UsageError(
            f"the column {shown(answer)} holds the expected answers, and the flow `{plan.flow}` would read it as its "
            f"parameter `{answer}`: give the expected answers a column of another name"
        )
    names = [types.Field(name, types.optional(types.JSON)) for name in LABELS if name in columns and name not in taken]
    names = [field for field in names if field.name != answer]
    return types.Record((*names, *fields, types.Field(answer, target.type)))


def _must_compare(answer: str, field: types.Field | None, target: Target) -> None:
    """Raise UsageError if the flow declares the expected answers with a type that the answer does not fit."""
    if field is None or types.fits(target.type, field.type):
        return
    record = types.unwrapped(target.type)
    names = [one.name for one in record.fields if one.name != answer] if isinstance(record, types.Record) else ["STEP"]
    raise UsageError(
        f"the expected answers in {shown(answer)} are {types.show(field.type)}, and the compared value is "
        f"{types.show(target.type)}: name the value to compare, as --answer "
        + ", ".join(f"{answer}={name}" for name in names)
    )


def _listed(columns: Collection[str]) -> str:
    return ", ".join(map(shown, list(columns)[:20])) or "none"


def row_plan(plan: p.Plan, row: types.Record, target: Target, given: Collection[str], element: str = "") -> p.Plan:
    """Make the plan that calls the flow for each row, and lists its answers. A row without an answer is none.

    Its parameters are the rows and those of ``given``. The budget of the flow holds for each row. ``element`` is the
    parameter that gets the whole row.
    """
    constants = tuple(param for param in plan.params if param.name in given)
    taken = {model.name for model in plan.models} | {param.name for param in constants}
    rows, each, answers, call, last = _names((ROWS, ROW, ANSWERS, plan.flow, ANSWER), taken)
    fields = {field.name for field in row.fields}
    args: dict[str, p.Expr] = {
        param.name: p.Ref(param.name) if param in constants else p.FieldOf(p.Ref(each), param.name)
        for param in plan.params
        if param in constants or param.name in fields
    }
    if element:
        args[element] = _whole(plan, element, each)
    # The record tells an answer that is none from a row without an answer.
    record = types.Record((types.Field(ANSWER, target.type),))
    body = p.Block(
        (
            p.Step(call, (), p.FlowCall(_KEY + plan.flow, args), target.type),
            p.Step(last, (call,), p.Value(p.RecordOf((p.Entry(ANSWER, p.Ref(call)),))), record),
        ),
        last,
    )
    list_type = types.ListOf(types.optional(record))
    step = p.Step(
        answers,
        (),
        p.Map(each, p.Ref(rows), None, None, body, p.Reduce("collect")),
        list_type,
        {"errors": p.Constant("none")},
    )
    called = p.Flow(plan.params, plan.steps, target.expr, target.type, plan.calls_limit, plan.money_limit)
    return p.Plan(
        plan.flow,
        plan.source,
        (p.Param(rows, types.ListOf(row), None, True), *constants),
        plan.models,
        (step,),
        p.Ref(answers),
        list_type,
        flows={**plan.flows, _KEY + plan.flow: called},
        externs=plan.externs,
    )


def _whole(plan: p.Plan, element: str, each: str) -> p.Expr:
    """Make the value of the parameter that gets the whole row."""
    record = next(param.type for param in plan.params if param.name == element)
    assert isinstance(record, types.Record)
    return p.RecordOf(tuple(p.Entry(field.name, p.FieldOf(p.Ref(each), field.name)) for field in record.fields))


def _names(wanted: Iterable[str], taken: Collection[str]) -> list[str]:
    """Return names for the parts of the plan that nothing else in it has."""
    found: list[str] = []
    for name in wanted:
        free = name
        while free in taken or free in found:
            free += "_"
        found.append(free)
    return found


@dataclass(frozen=True, slots=True)
class RowsRun:
    """The parts of a plan that ``row_plan`` made: the names of its rows, its map and its call, and the flow."""

    rows: str
    answers: str
    call: str
    row: types.Record
    flow: p.Flow

    @property
    def column(self) -> str:
        """The column of the expected answers: the last one of the row's type."""
        return self.row.fields[-1].name


def rows_run(plan: p.Plan) -> RowsRun | None:
    """Recognise a plan that ``row_plan`` made; None for any other plan."""
    flow = plan.flows.get(_KEY + plan.flow)
    step, rows = plan.steps[0], plan.params[0].type if plan.params else None
    if flow is None or not isinstance(step.node, p.Map) or not isinstance(rows, types.ListOf):
        return None
    if not isinstance(rows.item, types.Record):
        return None
    return RowsRun(plan.params[0].name, step.name, step.node.body.steps[0].name, rows.item, flow)


def with_model(plan: p.Plan, given: str) -> tuple[p.Plan, str | None]:
    """Return a plan that asks another model, and the model of its asks that name none.

    ``given`` is an address for the asks that name no model, or NAME=ADDRESS for a model that the flow declares. Raises
    UsageError if no ask would change.
    """
    name, equals, address = given.partition("=")
    declared = {model.name: model for model in plan.models}
    if equals and name in declared:
        models = tuple(replace(one, address=address) if one.name == name else one for one in plan.models)
        return replace(plan, models=models), None
    if not any(ask.model is None for ask in _asks(plan)):
        known = ", ".join(f"`{one}`" for one in declared) or "none"
        raise UsageError(
            f"--against-model {given}: every ask of the flow `{plan.flow}` names its model (declared: {known}), so it "
            f"would change nothing; write --against-model {next(iter(declared), 'NAME')}=MODEL to replace one"
        )
    return plan, given


def _asks(plan: p.Plan) -> Iterator[p.Ask]:
    for step in plan.walk():
        if isinstance(step.node, p.Ask):
            yield step.node
        elif isinstance(step.node, p.Map | p.Repeat | p.Fanout):
            yield from step.node.reduce.asks
