"""The filters of templates. Each has one row: the values that it takes, its result, and its arguments."""

from __future__ import annotations

from collections.abc import Callable

from .. import types as t
from ..records import dataclass


@dataclass(frozen=True, slots=True)
class FilterArg:
    """An argument of a filter. If it has bounds, the checker must know that its value is within them."""

    name: str
    type: t.Type
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """The declaration of a filter.

    ``takes`` describes in words the values that the filter takes. ``gives`` maps the type of the value to the type of
    the result, or to None if the filter does not take that type.
    """

    name: str
    takes: str
    gives: Callable[[t.Type], t.Type | None]
    args: tuple[FilterArg, ...] = ()

    @property
    def usage(self) -> str:
        return f"{self.name}({', '.join(arg.name for arg in self.args)})" if self.args else self.name


def _of_text(given: t.Type) -> t.Type | None:
    return t.TEXT if t.is_text(given) or given == t.JSON else None


def _counted(given: t.Type) -> t.Type | None:
    return t.INT if isinstance(given, t.ListOf) or t.is_text(given) or given == t.JSON else None


def _rounded(given: t.Type) -> t.Type | None:
    return t.NUMBER if t.is_number(given) or given == t.JSON else None


def _joined(given: t.Type) -> t.Type | None:
    return t.TEXT if isinstance(given, t.ListOf) or given in (t.JSON, t.UNKNOWN) else None


def _summed(given: t.Type) -> t.Type | None:
    if given in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(given, t.ListOf) or not (t.is_number(given.item) or given.item == t.JSON):
        return None
    whole = given.item == t.INT or (isinstance(given.item, t.Range) and given.item.whole)
    return t.INT if whole else t.NUMBER if given.item != t.UNKNOWN else t.UNKNOWN


def _sorted(given: t.Type) -> t.Type | None:
    if given in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(given, t.ListOf):
        return None
    return given if t.is_number(given.item) or t.is_text(given.item) or given.item == t.JSON else None


def _unique(given: t.Type) -> t.Type | None:
    plain = isinstance(given, t.ListOf) and t.unwrapped(given.item) == t.BOOL
    single = t.ListOf(t.unwrapped(given.item)) if isinstance(given, t.ListOf) else given
    return t.plain(given) if plain or _sorted(single) is not None else None


def _one(given: t.Type) -> t.Type | None:
    if given in (t.JSON, t.UNKNOWN):
        return given
    if not isinstance(given, t.ListOf):
        return None
    return given.item if isinstance(given.item, t.Optional) or given.item == t.UNKNOWN else t.Optional(given.item)


def _anything(given: t.Type) -> t.Type | None:
    return t.TEXT


_ATTRIBUTE = FilterArg("attribute", t.TEXT)
_CASE = FilterArg("case_sensitive", t.BOOL)
_METHODS = t.Choice(("common", "ceil", "floor"))
MOST_PLACES = 12

FILTERS: dict[str, FilterSpec] = {
    row.name: row
    for row in (
        FilterSpec("capitalize", "a text", _of_text),
        FilterSpec("default", "a value", _anything, (FilterArg("other", t.JSON),)),
        FilterSpec("first", "a list", _one),
        FilterSpec("indent", "a text", _of_text, (FilterArg("width", t.INT), FilterArg("first", t.BOOL))),
        FilterSpec("join", "a list", _joined, (FilterArg("separator", t.TEXT),)),
        FilterSpec("json", "a value", _anything),
        FilterSpec("last", "a list", _one),
        FilterSpec("length", "a list or a text", _counted),
        FilterSpec("lower", "a text", _of_text),
        FilterSpec(
            "round",
            "a number",
            _rounded,
            (FilterArg("precision", t.INT, 0, MOST_PLACES), FilterArg("method", _METHODS)),
        ),
        FilterSpec("sort", "a list of numbers or texts", _sorted, (FilterArg("reverse", t.BOOL), _CASE, _ATTRIBUTE)),
        FilterSpec("sum", "numbers", _summed, (_ATTRIBUTE, FilterArg("start", t.NUMBER))),
        FilterSpec("title", "a text", _of_text),
        FilterSpec("trim", "a text", _of_text, (FilterArg("chars", t.TEXT),)),
        FilterSpec(
            "truncate",
            "a text",
            _of_text,
            (
                FilterArg("length", t.INT, 0),
                FilterArg("killwords", t.BOOL),
                FilterArg("end", t.TEXT),
                FilterArg("leeway", t.INT, 0),
            ),
        ),
        FilterSpec("unique", "a list of numbers, texts or bools", _unique, (_CASE, _ATTRIBUTE)),
        FilterSpec("upper", "a text", _of_text),
    )
}

INSTEAD = {
    "count": "write `length`",
    "d": "write `default`",
    "tojson": "write `json`; every value except a text is inserted as JSON anyway",
    "e": "a prompt needs no escapes: delete this filter",
    "escape": "a prompt needs no escapes: delete this filter",
    "safe": "a prompt needs no escapes: delete this filter",
    "string": "every value can be inserted directly: delete this filter",
    "list": "a `for` takes only lists: delete this filter",
    "map": "write a `for` over the list, `{% for x in xs %}{{ x.field }}{% endfor %}`",
    "select": "write the condition in the `for`: `{% for x in xs if x != '' %}`",
    "selectattr": "write the condition in the `for`: `{% for x in xs if x.field == 'a' %}`",
    "reject": "write the condition in the `for`: `{% for x in xs if x != '' %}`",
    "rejectattr": "write the condition in the `for`: `{% for x in xs if x.field == 'a' %}`",
    "int": "give the value the type `int` where it is declared: `-> int`, or the field's type",
    "float": "give the value the type `number` where it is declared: `-> number`, or the field's type",
}
"""The help for filters that exist in jinja2 but not in flowrun's templates."""
