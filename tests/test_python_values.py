"""Objects of a Python program as inputs: each is taken as the one thing that it can be, or refused in a sentence."""

from __future__ import annotations

import enum
import io
import sqlite3
from collections import OrderedDict, UserDict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import pytest
from pydantic import BaseModel, RootModel

from flowrun import InputError, RunOptions, run
from flowrun.dsl import MOST_BITS
from flowrun.runtime.documents.row_file import RowFile
from flowrun.runtime.documents.rows import DEEPEST
from flowrun.runtime.inputs.python_values import plain_inputs


class Team(enum.Enum):
    BILLING = "billing"
    SALES = "sales"


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    __slots__ = ()


class Row(BaseModel):
    id: int
    team: Team
    at: datetime | None = None


class Rows(RootModel[list[Row]]):
    pass


@dataclass
class Order:
    id: int
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Slotted:
    a: int


class Pair(NamedTuple):
    x: int
    y: str


class Typed(TypedDict):
    a: int


class Array:
    """An array, scalar or column as numpy, pandas and polars have them; ``dtype`` is numpy's alone."""

    def __init__(self, values: Any, kind: str = "f", names: tuple[str, ...] | None = None) -> None:
        self.values, self.dtype = values, SimpleNamespace(kind=kind, names=names)

    def tolist(self) -> Any:
        return self.values


class Numpy(Array):
    __module__ = "numpy"


class Series(Array):
    """A column or a row of pandas."""

    def __init__(self, values: list[Any], index: list[Any]) -> None:
        super().__init__(values, "M")
        self.index = index

    def to_dict(self) -> dict[Any, Any]:
        return dict(zip(self.index, self.values, strict=True))


class PandasFrame:
    def __init__(self, columns: list[Any], rows: list[list[Any]]) -> None:
        self.columns, self.rows = columns, rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self.columns)

    def to_dict(self, orient: str = "dict") -> Any:
        assert orient == "records"
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class PolarsFrame:
    columns = ("a",)

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def to_dicts(self) -> list[dict[str, Any]]:
        return self.rows

    def to_dict(self) -> Any:
        raise AssertionError("its columns are not its rows")


class NAType:
    """The missing value of pandas."""

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


def sqlite_row() -> Any:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row = connection.execute("select 1 as a, 'x' as b").fetchone()
    connection.close()
    return row


AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
TAKEN: list[tuple[Any, Any]] = [
    (Row(id=1, team=Team.SALES, at=AT), {"id": 1, "team": "sales", "at": "2026-01-02T03:04:00+00:00"}),
    (Rows([Row(id=1, team=Team.SALES)]), [{"id": 1, "team": "sales", "at": None}]),
    (Order(7, [Row(id=1, team=Team.BILLING)]), {"id": 7, "rows": [{"id": 1, "team": "billing", "at": None}]}),
    (Slotted(1), {"a": 1}),
    (Typed(a=1), {"a": 1}),
    (Pair(1, "b"), {"x": 1, "y": "b"}),
    (MappingProxyType({"a": (1, 2)}), {"a": [1, 2]}),
    (UserDict({"a": 1}), {"a": 1}),
    (OrderedDict(a=1), {"a": 1}),
    ({Team.SALES: 1, Word("b"): 2}, {"sales": 1, "b": 2}),
    (sqlite_row(), {"a": 1, "b": "x"}),
    (Team.SALES, "sales"),
    (Level.LOW, 1),
    (Word("w"), "w"),
    (AT, "2026-01-02T03:04:00+00:00"),
    (date(2026, 1, 2), "2026-01-02"),
    (time(3, 4), "03:04:00"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Decimal("1.50"), 1.5),
    (Decimal("2E+2"), 200),
    (Decimal("-0.1"), -0.1),
    ((n for n in (1, 2)), [1, 2]),
    (range(3), [0, 1, 2]),
    (deque([1]), [1]),
    ({"a": 1}.values(), [1]),
    ({"a": 1}.keys(), ["a"]),
    (map(str, [1]), ["1"]),
    (Numpy([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (Numpy(0.5), 0.5),
    (Numpy(True, "b"), True),
    (Array([AT], "M"), ["2026-01-02T03:04:00+00:00"]),
    (Series([1, 2], [0, 1]), [1, 2]),
    (Series([1, "x"], ["id", "name"]), {"id": 1, "name": "x"}),
    (PandasFrame(["a", "b"], [[1, "x"], [2, None]]), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
    (PolarsFrame([{"a": 1}]), [{"a": 1}]),
    ([Numpy(1), {"deep": (Team.SALES,)}], [1, {"deep": ["sales"]}]),
    (PurePath("a.md"), Path("a.md")),
]


@pytest.mark.parametrize(("given", "plain"), TAKEN, ids=lambda one: type(one).__name__)
def test_an_object_is_taken_as_what_it_can_be(given: Any, plain: Any) -> None:
    made = plain_inputs({"x": given})["x"]
    assert made == plain
    assert type(made) is type(plain)


async def pages() -> AsyncIterator[int]:
    yield 1


def failing() -> Iterator[int]:
    yield 1
    raise OSError("the line is cut")


def circle() -> Any:
    whole: dict[str, Any] = {"rows": [{"id": 1}]}
    whole["rows"][0]["whole"] = whole
    return whole


def tower(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


class Knot(BaseModel):
    inner: Any = None


def knot() -> Any:
    one = Knot()
    one.inner = one
    return one


NAN = float("nan")
REFUSED = [
    (NAN, "`x` is NaN, which stands for a missing value: leave it out"),
    (Decimal("NaN"), "`x` is NaN"),
    (PandasFrame(["id", "price"], [[1, 2.0], [2, NAN]]), "`x[1].price` is NaN"),
    ([{"a": NAType()}], "`x[0].a` is NaN"),
    (Numpy([1.0, NAN]), "`x[1]` is NaN"),
    ({"a": [float("-inf")]}, "`x.a[0]` is infinite, and JSON has no such number"),
    ({"a": [1 << MOST_BITS]}, "`x.a[0]` is too large a number: give a text, such as hex(x)"),
    (-(1 << MOST_BITS), "`x` is too large a number"),
    (Decimal("Infinity"), "`x` is infinite or too large"),
    (Decimal("1E+100000"), "`x` is infinite or too large"),
    (Decimal("0.12345678901234567890"), "has more digits than flowrun keeps"),
    ({1, 2}, "is a set, which has no order: give a list, such as sorted(x)"),
    ([frozenset("a")], "`x[0]` is a set"),
    (b"abc", 'is bytes, and bytes are not a text: write x.decode("utf-8")'),
    (bytearray(b"abc"), "is bytearray, and bytes are not a text"),
    (memoryview(b"abc"), "is memoryview"),
    (circle(), "`x.rows[0].whole` contains itself: remove the circle"),
    (knot(), "contains itself"),
    (tower(DEEPEST + 1), f"`x` is nested deeper than {DEEPEST} levels"),
    (failing(), "could not be read from its generator: OSError: the line is cut, in test_python_values.py"),
    (timedelta(1), "is a timedelta: give its seconds: x.total_seconds()"),
    (io.StringIO("abc"), "is an open file: give its Path, or its text"),
    (2j, "is a complex number"),
    (Fraction(1, 3), "is a Python Fraction: give a text, a number"),
    (object(), "is a Python object: give"),
    (len, "is a Python builtin_function_or_method"),
    (Row, "is the class Row: give an object of it"),
    (Slotted, "is the class Slotted: give an object of it"),
    (pages(), "give a list: [x async for x in …]"),
    ({1: "a"}, "has the name 1, which is not a text: give names as texts: str(x)"),
    ({"a": {None: 1}}, "`x.a` has the name None"),
    (PandasFrame(["a", "a"], [[1, 2]]), "has several columns 'a'"),
    (PandasFrame([0], [[1]]), "`x[0]` has the name 0"),
    (Numpy([1], "M"), "holds numpy's"),
    (Numpy([1], "m"), "holds numpy's"),
    (Numpy([(1, "x")], "V", ("a", "b")), "has rows of numpy with named fields: give a list of dicts"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=lambda one: type(one).__name__)
def test_what_cannot_be_one_thing_is_refused_with_a_way_out(given: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        plain_inputs({"x": given})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_awaitable_is_to_be_awaited_first() -> None:
    async def fetch() -> int:
        return 1

    waiting = fetch()
    with pytest.raises(InputError, match="await it first"):
        plain_inputs({"x": waiting})
    waiting.close()


def test_one_object_may_stand_in_many_places() -> None:
    row = {"a": 1}
    assert plain_inputs({"x": [row, row, {"again": row}]}) == {"x": [row, row, {"again": row}]}
    assert plain_inputs({"x": tower(DEEPEST)}) == {"x": tower(DEEPEST)}


def test_the_rows_of_a_large_file_stay_in_it(tmp_path: Path) -> None:
    from flowrun.dsl import types

    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n')
    rows = RowFile(path, types.JSON)
    assert plain_inputs({"x": rows})["x"] is rows


FLOW = """\
model a = "openai:b"
type Team = billing | sales
type Row = { id: int, team: Team, note: text? }
flow f(rows: [Row], whole: json, m: model = a) {
  return { rows, whole }
}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    return path


def test_objects_are_checked_against_the_types_of_the_flow(flow: Path) -> None:
    rows = PandasFrame(["id", "team", "more"], [[1, Team.SALES, AT], [2, "billing", AT]])
    result = run(flow, rows=rows, whole=Order(1))
    told: Mapping[str, Any] = result.value
    assert told["rows"] == [{"id": 1, "team": "sales", "note": None}, {"id": 2, "team": "billing", "note": None}]
    assert told["whole"] == {"id": 1, "rows": []}
    with pytest.raises(InputError, match=r"expected billing \| sales, found the text `none`"):
        run(flow, rows=[{"id": 1, "team": "none"}], whole=None)


@pytest.mark.parametrize("model", [5, None, ["a:b"], Slotted(1)])
def test_a_model_is_a_text(model: Any, flow: Path) -> None:
    with pytest.raises(InputError, match="`m`: expected model, found"):
        run(flow, rows=[], whole=None, m=model)


def test_a_path_inside_an_object_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("hello")
    path = tmp_path / "f.flow"
    path.write_text("flow f(docs: [document]) { return docs }\n")

    def found() -> Iterator[Path]:
        yield from sorted(tmp_path.glob("*.md"))

    assert run(path, docs=found(), options=RunOptions()).value == ["hello"]
    (tmp_path / "g.flow").write_text("flow g(x: json) { return x }\n")
    with pytest.raises(InputError, match="`x`"):
        run(tmp_path / "g.flow", x={"inner": tmp_path / "a.md"})
