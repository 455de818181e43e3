"""The fields that a row from outside must have, each with a value of its form. Fields without a name here are free."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from math import isfinite
from typing import get_args

from ..vocabulary.call import Finish
from ..vocabulary.json_value import Json
from .records import Kind
from .row_usage import COUNTS

Check = Callable[[Json], bool]
"""A function that tells whether a value has the form of its field."""
_MOST = 10**15
_LAST = 253_402_300_799
"""The last second of the year 9999, beyond which clocks cannot write a time."""
_FINISHES = get_args(Finish)


def check_fields(kind: Kind, body: Mapping[str, Json]) -> None:
    """Check that a row has the fields of its kind, each of its form. Raises ValueError, which names the field."""
    required, forms = _ROWS[kind]
    if kind is Kind.ANSWER and "error" not in body:
        required = (*required, "finish")
    for name in required:
        if name not in body:
            raise ValueError(f"its `{name}` is missing")
    wrong = next((name for name, is_fit in forms.items() if name in body and not is_fit(body[name])), None)
    if wrong is not None:
        raise ValueError(f"its `{wrong}` has a wrong form")


def _text(value: Json) -> bool:
    return isinstance(value, str)


def _path(value: Json) -> bool:
    """Tell whether a value is a text that the system takes as a path. Half a character and a zero byte are none."""
    return isinstance(value, str) and "\0" not in value and value == value.encode("utf-8", "replace").decode()


def _flag(value: Json) -> bool:
    return isinstance(value, bool)


def _whole(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


def _amount(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def _difference(value: Json) -> bool:
    return isinstance(value, int | float) and _amount(abs(value))


def _moment(value: Json) -> bool:
    return _amount(value) and isinstance(value, int | float) and value <= _LAST


def _texts(value: Json) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _record(value: Json) -> bool:
    return isinstance(value, dict)


def _or_none(form: Check) -> Check:
    return lambda value: value is None or form(value)


def _each(form: Check) -> Check:
    """Return the form of a record whose values all have a form."""
    return lambda value: isinstance(value, dict) and all(form(one) for one in value.values())


def _list(form: Check) -> Check:
    return lambda value: isinstance(value, list) and all(form(one) for one in value)


def _with(**forms: Check) -> Check:
    """Return the form of a record whose named fields have these forms, where it has them."""
    return lambda value: (
        isinstance(value, dict) and all(form(value[name]) for name, form in forms.items() if name in value)
    )


def _finite(value: Json) -> bool:
    """Tell whether a value has only numbers that JSON can write."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return not isinstance(value, list) or all(map(_finite, value))


def _budget(value: Json) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return value is None
    calls, dollars = value
    return _or_none(_whole)(calls) and _or_none(_amount)(dollars)


def _taken(value: Json) -> bool:
    """Tell whether a value is the part of a list that a run took: two lengths, and the name of the elements."""
    return isinstance(value, list) and len(value) == 3 and all(map(_whole, value[:2])) and _text(value[2])


def _base64(value: Json) -> bool:
    try:
        base64.b64decode(value if isinstance(value, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_settings = _with(
    model=_text, folder=_path, allow_read=_list(_path), allow_host=_list(_text), budget=_budget, fresh=_flag,
    reads=_list(_path), of_project=_flag, first=_each(_taken),
)  # fmt: skip
_kept = _with(path=_path, size=_whole, sha256=_text, at=_list(lambda key: _text(key) or _whole(key)))
_files = _each(lambda one: isinstance(one, dict) and {"path", "size", "sha256"} <= one.keys() and _kept(one))
_models = _each(_with(name=_text, url=_text, model=_text))
_counts = dict.fromkeys(("requests", "sent", "answered", "spoilt", "refused", "broken_off", "cancelled"), _whole)
_account = _or_none(
    _with(
        **_counts,
        tokens=_each(_whole),
        cost=_or_none(_amount),
        cache_saved=_difference,
        unbilled=_or_none(_amount),
        models=_each(_whole),
    )
)
_span: dict[str, Check] = {"from": _whole, "to": _whole}
_end: dict[str, Check] = {
    **_span, "status": _or_none(_whole), "said": _text, "final": _flag, "failed": _text, "of": _whole, "at": _whole,
}  # fmt: skip
_ROWS: Mapping[Kind, tuple[tuple[str, ...], Mapping[str, Check]]] = {
    Kind.RUN: (
        ("id", "flow", "source", "began"),
        {
            "id": lambda value: isinstance(value, str) and bool(value.strip()),
            "flow": _text,
            "source": _path,
            "began": _moment,
        },
    ),
    Kind.GIVEN: (
        ("plan", "inputs", "settings"),
        {
            "plan": lambda value: _text(value) or _record(value),
            "inputs": lambda value: _text(value) or _record(value),
            "settings": _settings,
            "files": _files,
            "models": _models,
        },
    ),
    Kind.RESUMED: (("began",), {"began": _moment, "models": _models}),
    Kind.INTENT: (
        ("model",),
        {
            "model": _text,
            "key": _text,
            "bytes": _whole,
            "max": _or_none(_whole),
            "of": _whole,
            "most": _or_none(_whole),
            "at": _whole,
            "waited": _each(_whole),
            "batch": _flag,
            "tier": _text,
            "stores": lambda value: value in ("", "short", "long"),
        },
    ),
    Kind.ANSWER: (
        ("text", "in", "out"),
        {
            **_span,
            **dict.fromkeys((*COUNTS, "whole"), _or_none(_whole)),
            **dict.fromkeys(("text", "error", "said", "why", "served", "id", "tier", "tier", "doubt"), _text),
            "finish": lambda value: value in _FINISHES,
            "final": _flag,
            "cost": _or_none(_amount),
            "more": lambda value: _record(value) and _finite(value),
        },
    ),
    **dict.fromkeys((Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED, Kind.FAILED), ((), _end)),
    Kind.FORGOTTEN: ((), {"at": _moment}),
    Kind.END: (("status", "ended"), {"status": _text, "ended": _moment, "account": _account, "spread": _flag}),
    Kind.EXTERN: (
        ("function",),
        {**_span, "function": _text, "value": _finite, "error": _text, "size": _whole, "sha256": _text},
    ),
    Kind.READ: (
        ("path",),
        {
            "path": _path,
            **dict.fromkeys(("sha256", "content", "error"), _text),
            "size": _whole,
            "pattern": _flag,
        },
    ),
    Kind.SUBMISSION: (
        ("tag",),
        {
            **dict.fromkeys(("tag", "model", "endpoint", "id"), _text),
            "at": _moment,
            "keys": _texts,
            "lacks": _each(_texts),
            "read": _flag,
            "refused": _flag,
        },
    ),
    Kind.CONTENT: ((), {"text": _text, "base64": _base64, "json": _finite}),
}
"""The fields that a row of each kind must have, and the forms of its fields."""
