"""The plan that runs a flow once for each row of a table. It is an ordinary plan: a map whose body calls the flow.

So limits, the journal, budgets, resuming and the report treat it like any other run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from flowrun.dsl import dataclass, did_you_mean, label_table, types
from flowrun.dsl import plan as p

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .target import ExpectedAnswer, Target

ROWS, ROW, ANSWERS, ANSWER = "rows", "row", "answers", "answer"
LABELS = ("id", "name")
"""Columns that name a row. They stay in the run, so that its paths show the names."""
_KEY = "each row:"
"""Begins the key of the evaluated flow in the plan. The plan itself has the flow's name, and no flow calls itself."""
_KEY_OF_SEVERAL = "each row, with several answers:"
"""Begins the key of a flow with several answers: its result is a record that has each answer by its label."""


def row_type(
    plan: p.Plan,
    columns: Collection[str],
    given: Collection[str],
    answers: Sequence[ExpectedAnswer],
    element: str = "",
) -> types.Record:
    """Return the type of a row: the parameters that columns give, the expected answers, and columns that name the row.

    ``given`` are the parameters that have one value for all rows. ``element`` is the parameter that the whole row is
    the value of, "" if there is none. Raises UsageError if a parameter has neither a column nor a value.
    """
    wanted = _wanted(answers)
    for answer in wanted:
        if answer not in columns:
            guess = did_you_mean(answer, columns) or f"its columns are {_listed(columns)}"
            raise UsageError(f"the rows have no column {shown(answer)} with the expected answers; {guess}")
    fields = []
    for param in plan.params:
        if param.name == element and isinstance(param.type, types.Record):
            # The row may have its expected answers among its fields.
            for one in answers:
                _must_compare(one.column, param.type.field(one.column), one.target)
            fields += [field for field in param.type.fields if field.name not in wanted]
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
        if param.name not in columns:
            raise _no_column(plan.flow, param, columns)
        fields.append(types.Field(param.name, param.type))
    taken = {field.name for field in fields}
    for answer in wanted:
        if answer in taken:
            raise UsageError(
                f"the column {shown(answer)} holds the expected answers, and the flow `{plan.flow}` would read it as "
                f"its parameter `{answer}`: give the expected answers a column of another name"
            )
    free = [name for name in LABELS if name in columns and name not in taken and name not in wanted]
    names = [types.Field(name, types.optional(types.JSON)) for name in free]
    return types.Record((*names, *fields, *(types.Field(*one) for one in wanted.items())))


def _no_column(flow: str, param: p.Param, columns: Collection[str]) -> UsageError:
    option = f"--param-{param.name.replace('_', '-')} VALUE"
    if isinstance(types.unwrapped(param.type), types.ListOf):
        return UsageError(
            f"the parameter `{param.name}` of the flow `{flow}` is a list, and no column of the rows has its name. An "
            "evaluation runs a flow once for each row: name the flow that takes one row by --flow NAME, or give all "
            f"rows one list by {option}"
        )
    guess = did_you_mean(param.name, columns) or f"the columns are {_listed(columns)}"
    return UsageError(
        f"the rows have no column {shown(param.name)} for the parameter `{param.name}` of the flow `{flow}`; {guess}. "
        f"Name the column like the parameter, or give all rows one value by {option}"
    )


def _wanted(answers: Sequence[ExpectedAnswer]) -> dict[str, types.Type]:
    """Return the columns of the expected answers with their types. A column may be expected of several steps."""
    found: dict[str, types.Type] = {}
    for one in answers:
        type_, before = one.target.type, found.get(one.column, one.target.type)
        if not types.fits(type_, before) and not types.fits(before, type_):
            raise UsageError(
                f"--answer {one.label}: the column {shown(one.column)} is expected of a {types.show(before)} and of a "
                f"{types.show(type_)}: give each its own column"
            )
        found[one.column] = before if types.fits(type_, before) else type_
    return found


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


def row_plan(
    plan: p.Plan, row: types.Record, wanted: Sequence[ExpectedAnswer], given: Collection[str], element: str = ""
) -> p.Plan:
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
    target, key = _compared(plan.flow, wanted)
    # The record tells an answer that is none from a row without an answer.
    record = types.Record((types.Field(ANSWER, target.type),))
    body = p.Block(
        (
            p.Step(call, (), p.FlowCall(key, args), target.type),
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
    made = p.Plan(
        plan.flow,
        plan.source,
        (p.Param(rows, types.ListOf(row), None, True), *constants),
        plan.models,
        (step,),
        p.Ref(answers),
        list_type,
        flows={**plan.flows, key: called},
        externs=plan.externs,
        endpoints=plan.endpoints,
    )
    return replace(made, labels=label_table(made)) if plan.labels else made


def _compared(flow: str, answers: Sequence[ExpectedAnswer]) -> tuple[Target, str]:
    """Return the result of the evaluated flow, and its key in the plan."""
    if len(answers) == 1:
        return answers[0].target, _KEY + flow
    entries = tuple(p.Entry(one.label, one.target.expr) for one in answers)
    fields = tuple(types.Field(one.label, one.target.type) for one in answers)
    return Target(p.RecordOf(entries), types.Record(fields)), _KEY_OF_SEVERAL + flow


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
    """The parts of a plan that ``row_plan`` made: the names of its rows, its map and its call, and the flow.

    ``flows`` are the flows that it calls. ``wanted`` are its answers. If there are ``several``, a row's result is a
    record that has each by its label.
    """

    rows: str
    answers: str
    call: str
    row: types.Record
    flow: p.Flow
    flows: Mapping[str, p.Flow]
    wanted: tuple[ExpectedAnswer, ...]
    several: bool

    def answer_to(self, other: ExpectedAnswer, *, only: bool) -> ExpectedAnswer | None:
        """Return the answer that another evaluation of the flow calls ``other``, or has in the same column.

        ``only`` says that the other one has no more answers.
        """
        same = [one for one in self.wanted if one.label == other.label]
        same = same or [one for one in self.wanted if one.column == other.column]
        if len(same) == 1:
            return same[0]
        return self.wanted[0] if only and len(self.wanted) == 1 else None


def rows_run(plan: p.Plan) -> RowsRun | None:
    """Recognise a plan that ``row_plan`` made; None for any other plan."""
    several = _KEY_OF_SEVERAL + plan.flow in plan.flows
    flow = plan.flows.get((_KEY_OF_SEVERAL if several else _KEY) + plan.flow)
    step, rows = plan.steps[0], plan.params[0].type if plan.params else None
    if flow is None or not isinstance(step.node, p.Map) or not isinstance(rows, types.ListOf):
        return None
    if not isinstance(rows.item, types.Record):
        return None
    # The column of the expected answers is the last one of the row's type.
    wanted = _several(flow) if several else (ExpectedAnswer(rows.item.fields[-1].name, Target.of(flow)),)
    call = step.node.body.steps[0].name
    return RowsRun(plan.params[0].name, step.name, call, rows.item, flow, plan.flows, wanted, several)


def _several(flow: p.Flow) -> tuple[ExpectedAnswer, ...]:
    result, type_ = flow.result, flow.type
    assert isinstance(result, p.RecordOf) and isinstance(type_, types.Record)
    pairs = zip(result.entries, type_.fields, strict=True)
    return tuple(ExpectedAnswer(field.name, Target(entry.value, field.type)) for entry, field in pairs)
