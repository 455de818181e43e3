"""The form of errors in JSON, in which they go from one process to another. An error keeps its class and its facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from .errors import FlowrunError
from .json_value import Json
from .receipt import Receipt
from .usage import Rate, Rates, TokenDetail, Usage

_RECORDS = {kind.__name__: kind for kind in (Rate, Rates, Receipt, TokenDetail, Usage)}
_RECORD = "record of"
"""The field that names the class of a record."""


def error_json(error: FlowrunError) -> dict[str, Json]:
    """Return an error as JSON: the names of its class and of the classes above it, its message, and its facts.

    A fact that JSON cannot hold becomes None.
    """
    kinds = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, FlowrunError)]
    message = str(error.args[0]) if error.args else ""
    return {"kinds": kinds, "message": message, "facts": {name: _form(one) for name, one in vars(error).items()}}


def error_of(form: Mapping[str, Json]) -> FlowrunError:
    """Make an error from its JSON. A class that is unknown here becomes the nearest known class above it."""
    known = {kind.__name__: kind for kind in _classes()}
    kind = next((known[name] for name in form.get("kinds", ()) if name in known), FlowrunError)
    error = kind.__new__(kind)
    error.args = (str(form.get("message", "")),)
    vars(error).update({name: _fact(one) for name, one in form.get("facts", {}).items()})
    return error


def _form(value: Json) -> Json:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__name__ in _RECORDS:
        return {_RECORD: type(value).__name__, **{one.name: _form(getattr(value, one.name)) for one in fields(value)}}
    if isinstance(value, list | tuple):
        return [_form(one) for one in value]
    if isinstance(value, Mapping):
        return {str(name): _form(one) for name, one in value.items()}
    return None


def _fact(form: Json) -> Json:
    if isinstance(form, list):
        return [_fact(one) for one in form]
    if not isinstance(form, dict):
        return form
    inside = {name: _fact(one) for name, one in form.items()}
    kind = inside.pop(_RECORD, None)
    return _RECORDS[kind](**inside) if kind in _RECORDS else inside


def _classes() -> Iterator[type[FlowrunError]]:
    """Yield the classes of errors that this process has loaded. Of two with one name, the outer one is the last."""
    todo: list[type[FlowrunError]] = [FlowrunError]
    found: list[type[FlowrunError]] = []
    while todo:
        kind = todo.pop(0)
        found.append(kind)
        todo += kind.__subclasses__()
    return reversed(found)
