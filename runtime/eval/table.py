"""The rows of an evaluation: a table whose columns are the parameters of a flow, with a column of expected answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

from flowrun.dsl import dataclass, types
from flowrun.dsl import plan as p

from ..files.files import Files
from ..inputs.inputs import read_input
from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import sentence, shown
from ..vocabulary.remarks import Tell
from .row_plan import LABELS, RowsRun, row_type
from .target import ExpectedAnswer

Rows = list[dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Table:
    """The text of a command line that leads to rows, such as the path of a file, with the columns that they have.

    ``first`` is the number of rows that are taken, None for all.
    """

    given: str
    columns: tuple[str, ...]
    stdin: Callable[[], str]
    files: Files
    first: int | None = None

    @classmethod
    def read(cls, given: str, stdin: Callable[[], str], files: Files, tell: Tell, first: int | None = None) -> Table:
        """Find the columns of the rows. Raises UsageError, InputError if there are no rows, or if they are no table."""
        once = cache(stdin)
        rows = _read(given, types.JSON, once, files, tell)[:first]
        if not rows:
            raise UsageError(f"--rows {shown(given)} has no rows: flowrun needs at least one row to evaluate a flow")
        for number, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                raise UsageError(
                    f"--rows {shown(given)}: row {number} is not a record. A row has the parameters of the flow by "
                    'name, as {"mail": "…", "want": "…"}'
                )
        return cls(given, tuple(dict.fromkeys(name for row in rows for name in row)), once, files, first)

    def rows(self, row: types.Record) -> Rows:
        """Read the rows as values of their type. Raises InputError with the lines and the fields that do not fit."""
        return _read(self.given, row, self.stdin, self.files, lambda line: None)[: self.first]

    def typed(
        self, plan: p.Plan, given: Collection[str], answers: Sequence[ExpectedAnswer], element: str = ""
    ) -> tuple[types.Record, Rows]:
        """Return the type of the rows for a flow, and the rows. Raises UsageError, InputError."""
        row = row_type(plan, self.columns, given, answers, element)
        try:
            return row, self.rows(row)
        except InputError as error:
            records = {one.column: types.unwrapped(one.target.type) for one in answers if "=" not in one.label}
            hints = [
                f"the value for {shown(column)} is a record; to compare one field write --answer "
                + ", ".join(f"{column}={field.name}" for field in record.fields)
                for column, record in records.items()
                if isinstance(record, types.Record)
            ]
            if not hints:
                raise
            raise InputError("\n  ".join((str(error), *hints))) from None


def _read(given: str, row: types.Type, stdin: Callable[[], str], files: Files, tell: Tell) -> Rows:
    param = p.Param("rows", types.ListOf(row), None, True)
    try:
        found = read_input(param, given, stdin, files, tell=tell)
    except InputError as error:
        said = str(error).replace("`rows`", "--rows", 1).replace("expected [json]", "expected a list of rows")
        raise InputError(said) from None
    return found if isinstance(found, list) else []


def refuse_other_rows(name: str, made: RowsRun, rows: Sequence[Mapping[str, Json]], others: Json) -> None:
    """Raise UsageError if a run had other rows than these. The expected answers may differ, as they ask nothing."""
    theirs = others if isinstance(others, list) else []
    if len(theirs) != len(rows):
        raise UsageError(
            f"the run {name} had {len(theirs):,} rows, and --rows has {len(rows):,}: sides are compared row by row, so "
            "give the rows of that run, or leave out --against-run"
        )
    apart = {*LABELS, *(one.column for one in made.wanted)}
    asked = [field.name for field in made.row.fields if field.name not in apart]
    for number, (row, other) in enumerate(zip(rows, theirs, strict=True), 1):
        column = next((one for one in asked if one not in row or row[one] != other.get(one)), None)
        if column is not None:
            before, given = sentence(str(other.get(column)), 40), sentence(str(row.get(column)), 40)
            raise UsageError(
                f"row {number} differs in {shown(column)}: the run {name} had {before}, and --rows has {given}. "
                "Sides are compared row by row: give the rows of that run, or leave out --against-run"
            )
