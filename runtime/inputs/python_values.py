"""Conversion of the objects that a Python program gives to a flow, into plain JSON data.

An object is taken if it has only one meaning. All others are refused, with a way out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from io import IOBase
from math import isfinite, isinf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard
from uuid import UUID

from flowrun.dsl import MOST_BITS, ImageValue

from ..documents.rows import DEEPEST
from ..documents.stored_rows import StoredRows
from ..vocabulary.errors import InputError, mistake_in
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

if TYPE_CHECKING:
    from decimal import Decimal

_PLAIN = frozenset((str, bool, type(None)))
_HOLDING = frozenset((dict, list, tuple))
_MISSING = ("NaTType", "NAType")
"""The classes by which pandas marks missing values, besides NaN."""
_METHODS = ("model_dump", "to_dicts", "to_pylist", "tolist", "to_list", "as_py")
"""Methods that return plain Python values. Models of pydantic, tables of polars and pyarrow, and arrays of numpy have
them."""

_UNCLEAR: tuple[tuple[tuple[type, ...], str, str], ...] = (
    (
        (bytes, bytearray, memoryview),
        "is {}, and bytes are not a text",
        'write x.decode("utf-8"), or for a document the Path of its file',
    ),
    ((set, frozenset), "is a set, which has no order", "give a list, such as sorted(x)"),
    ((timedelta,), "is a timedelta", "give its seconds: x.total_seconds()"),
    ((IOBase,), "is an open file", "give its Path, or its text: x.read()"),
    ((complex,), "is a complex number", "give a list of its two parts"),
)
"""The kinds of objects that are refused, each with the problem and the way out."""


def plain_inputs(given: Mapping[Any, Any]) -> dict[str, Json]:
    """Return the inputs of a flow as plain data. A ``Path`` and ``StoredRows`` stay as they are. Raises InputError."""
    return {(key := _name(name, "inputs")): _ValueReader(key).plain(value, key) for name, value in given.items()}


class _ValueReader:
    """The reader of one input. ``_inside`` has the ``id`` of each object around the current value, to find circles."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._inside: set[int] = set()

    def plain(self, value: Any, place: str) -> Json:
        kind = type(value)
        if kind in _PLAIN or isinstance(value, StoredRows | ImageValue):
            return value
        if kind is float:
            return _finite(value, place)
        if kind is int:
            return _writable(value, place)
        if kind not in _HOLDING and (scalar := _scalar(value, place)) is not None:
            return scalar
        if id(value) in self._inside:
            raise _refused(place, "contains itself", "remove the circle")
        if len(self._inside) == DEEPEST:
            raise _refused(self._name, f"is nested deeper than {DEEPEST} levels", "use a flatter record or list")
        self._inside.add(id(value))
        try:
            return self._whole(value, place)
        except InputError:
            raise
        except Exception as error:  # the object's own methods are foreign code
            raise _refused(place, f"could not be read from its {kind.__name__}", mistake_in(error)) from error
        finally:
            self._inside.discard(id(value))

    def _whole(self, value: Any, place: str) -> Json:
        """Convert an object that may contain others."""
        if isinstance(value, Enum):
            return self.plain(value.value, place)
        if isinstance(value, Mapping):
            return self._record(value.items(), place)
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            return self._record(value._asdict().items(), place)
        if isinstance(value, list | tuple):
            return self._list(value, place)
        if is_dataclass(value):
            return self._record(((field.name, getattr(value, field.name)) for field in fields(value)), place)
        if (labels := _labels(value)) is not None:
            return self._record(zip(labels, value.tolist(), strict=True), place)
        if (method := next(filter(None, (getattr(value, name, None) for name in _METHODS)), None)) is not None:
            _must_be_plain(value, place)
            return self.plain(method(), place)
        if hasattr(value, "to_dict") and hasattr(value, "columns"):
            return self._list(_rows(value, place), place)
        if hasattr(value, "keys") and hasattr(value, "__getitem__"):
            return self._record(((key, value[key]) for key in value.keys()), place)  # noqa: SIM118  such as sqlite3.Row
        _must_be_iterable(value, place)
        return self._list(value, place)

    def _record(self, items: Iterable[tuple[Any, Any]], place: str) -> dict[str, Json]:
        return {
            (key := name if type(name) is str else _name(name, place)): (
                one if type(one) in _PLAIN else self.plain(one, f"{place}.{key}")
            )
            for name, one in items
        }

    def _list(self, items: Iterable[Any], place: str) -> list[Json]:
        return [one if type(one) in _PLAIN else self.plain(one, f"{place}[{at}]") for at, one in enumerate(items)]


def _scalar(value: Any, place: str) -> Json:
    """Convert a single text or number, or a path. Return None for any other object."""
    _must_be_clear(value, place)
    match value:
        case Enum():
            return None
        case str():
            return str.__str__(value)
        case float():
            return _finite(float(value), place)
        case int():
            return _writable(int(value), place)
        case _ if _is_decimal(value):
            return _number(value, place)
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case os.PathLike():
            return Path(os.fsdecode(value))
    return None


def _must_be_clear(value: Any, place: str) -> None:
    """Refuse an object that could be read in several ways or in none, such as bytes or a set."""
    if isinstance(value, type):
        raise _refused(place, f"is the class {value.__name__}", "give an object of it")
    if type(value).__name__ in _MISSING:
        raise _missing(place)
    for kinds, problem, way_out in _UNCLEAR:
        if isinstance(value, kinds):
            raise _refused(place, problem.format(type(value).__name__), way_out)


def _finite(value: float, place: str) -> float:
    if isnan(value):
        raise _missing(place)
    if not isfinite(value):
        raise _refused(place, "is infinite, and JSON has no such number", "give a finite number, or None")
    return value


def _writable(value: int, place: str) -> int:
    if value.bit_length() > MOST_BITS:
        raise _refused(place, "is too large a number", "give a text, such as hex(x)")
    return value


def _is_decimal(value: Any) -> TypeGuard[Decimal]:
    """Tell whether an object is a Decimal. It is none where their module, which takes a millisecond, is not loaded."""
    module = sys.modules.get("decimal")
    return module is not None and isinstance(value, module.Decimal)


def _number(value: Decimal, place: str) -> int | float:
    if value.is_nan():
        raise _missing(place)
    number = float(value)
    if isinf(number):
        raise _refused(place, "is infinite or too large for a number", "give a text: str(x)")
    if value == value.to_integral_value():
        return int(value)
    from decimal import Decimal

    if Decimal(repr(number)) != value:
        raise _refused(place, f"has more digits than flowrun keeps ({value})", "round it, or give a text: str(x)")
    return number


def _name(name: Any, place: str) -> str:
    if isinstance(name, Enum):
        name = name.value
    if not isinstance(name, str):
        raise _refused(place, f"has the name {name!r:.40}, which is not a text", "give names as texts: str(x)")
    return str.__str__(name)


def _rows(frame: Any, place: str) -> list[Any]:
    """Return the rows of a pandas data frame. Refuse two columns of one name, because pandas would lose one of them."""
    columns = list(frame.columns)
    twice = next((one for one in columns if columns.count(one) > 1), None)
    if twice is not None:
        raise _refused(place, f"has several columns {twice!r:.40}", "rename them, or drop all but one")
    rows: list[Any] = frame.to_dict("records")
    return rows


def _labels(value: Any) -> list[str] | None:
    """Return the labels of one row of a pandas data frame. None for a column (its labels are numbers) and others."""
    if not (hasattr(value, "to_dict") and hasattr(value, "tolist") and hasattr(value, "index")):
        return None
    labels = list(value.index)
    return labels if labels and all(isinstance(one, str) for one in labels) else None


def _must_be_plain(value: Any, place: str) -> None:
    """Refuse numpy arrays that lose their meaning as Python values.

    Their times would become numbers, and their records would lose the names of the fields.
    """
    dtype = getattr(value, "dtype", None)
    if dtype is None or type(value).__module__.partition(".")[0] != "numpy":
        return
    if dtype.kind in ("m", "M"):
        raise _refused(place, f"holds numpy's {dtype}", "give texts: x.astype(str)")
    if dtype.names is not None:
        raise _refused(place, "has rows of numpy with named fields", "give a list of dicts")


def _must_be_iterable(value: Any, place: str) -> None:
    kind = type(value).__name__
    if isinstance(value, Awaitable):
        raise _refused(place, f"is a Python {kind}", "await it first, and give its result")
    if isinstance(value, AsyncIterable):
        raise _refused(place, f"is a Python {kind}", "give a list: [x async for x in …]")
    if not isinstance(value, Iterable):
        raise _refused(place, f"is a Python {kind}", "give a text, a number, a list, a dict or a dataclass")


def _missing(place: str) -> InputError:
    return _refused(
        place,
        "is NaN, which stands for a missing value",
        "leave it out, or make it None (in pandas: df.astype(object).where(df.notna(), None))",
    )


def _refused(place: str, problem: str, way_out: str) -> InputError:
    return InputError(f"{shown(place)} {problem}: {way_out}")
