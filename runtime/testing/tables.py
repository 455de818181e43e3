"""The tables of tests: each row of a file of ``cases`` makes one test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from flowrun.dsl import dataclass, did_you_mean, test_plan, types
from flowrun.dsl import plan as p
from flowrun.runtime.documents.fitting import from_text
from flowrun.runtime.documents.rows import open_jsonl, open_table, read_json
from flowrun.runtime.files.files import Files
from flowrun.runtime.replay.call_surroundings import label_of
from flowrun.runtime.vocabulary.errors import InputError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import shown


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table, with the title of its test."""

    title: str
    row: Mapping[str, Json]


def rows_of(test: test_plan.Test, plan: p.Plan, files: Files) -> Iterator[TableRow]:
    """Yield the rows of a test's table. A cell of CSV gets the type of its parameter. Raises InputError."""
    assert test.cases is not None
    text, name = files.read_text(test.cases), shown(test.cases)
    table = test.cases.endswith((".csv", ".tsv"))
    wanted = {param.name: param.type for param in plan.params}
    seen: dict[str, int] = {}
    rows: list[tuple[int, Json]] = []
    broken: InputError | None = None
    try:
        rows.extend(_rows(test.cases, text, name))
    except InputError as error:
        # The rows before a broken one are still tests.
        broken = error
    _check_columns(test, plan, [row for _, row in rows], name)
    for number, (line, row) in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise InputError(f"{name}:{line}: a row of cases is a record with the parameters of the flow by name")
        label = label_of(row) or str(number)
        seen[label] = seen.get(label, 0) + 1
        title = f"{test.title} [{label}{f' #{seen[label]}' if seen[label] > 1 else ''}]"
        yield TableRow(title, _typed(row, wanted) if table else row)
    if broken is not None:
        raise broken
    if not seen:
        raise InputError(f"{name} has no rows, so this test tests nothing")


def _check_columns(test: test_plan.Test, plan: p.Plan, rows: Sequence[Json], name: str) -> None:
    """Raise InputError if the test mentions a column that no row has. A row may lack a column that others have."""
    columns = dict.fromkeys(column for row in rows if isinstance(row, Mapping) for column in row)
    for expr in p.walk_exprs(_exprs(test, plan)) if columns else ():
        if isinstance(expr, p.FieldOf) and expr.base == p.Ref("row") and expr.field not in columns:
            listed = ", ".join(shown(column, 40) for column in islice(columns, 10))
            help = did_you_mean(expr.field, columns) or f"its columns are {listed}"
            said = f"{name} has no column `{expr.field}`, which the test mentions as `row.{expr.field}`"
            raise InputError(f"{said}: {help}")


def _exprs(test: test_plan.Test, plan: p.Plan) -> Iterator[p.Expr]:
    """Yield the expressions of a test in which `row` is the row of its table.

    In a condition it may be an element of the flow. In an expectation it may be a step or a parameter.
    """
    yield from (helper.value for helper in test.given.helpers)
    yield from test.given.inputs.values()
    yield from (file.value for file in test.files)
    answers = [answer for reply in test.replies for answer in reply.answers]
    answers += [answer for extern in test.externs for answer in extern.answers]
    yield from (answer.value for answer in answers if answer.value is not None)
    if "row" not in {*(param.name for param in plan.params), *(step.name for step in plan.steps)}:
        sides = (side for one in test.expects for side in (one.left, one.right, one.within))
        yield from (side for side in sides if side is not None)


def _rows(path: str, text: str, name: str) -> Iterable[tuple[int, Json]]:
    if path.endswith((".csv", ".tsv")):
        return open_table(text, name, path).rows
    if path.endswith(".jsonl"):
        return open_jsonl(text, name)
    rows = read_json(text, name)
    if not isinstance(rows, list):
        raise InputError(f"{name} is not a list of rows")
    return enumerate(rows, 1)


def _typed(row: Mapping[str, Json], wanted: Mapping[str, types.Type]) -> dict[str, Json]:
    """Give the cells of a row the types of their parameters. An empty cell of an optional parameter is none."""
    typed: dict[str, Json] = {}
    for column, cell in row.items():
        type_ = wanted.get(column)
        if type_ is None:
            typed[column] = cell
        elif isinstance(type_, types.Optional) and not cell.strip():
            typed[column] = None
        else:
            typed[column] = from_text(cell, type_)
    return typed
