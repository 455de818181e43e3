"""The description of a function of values: its parameters, the type and the size of its result, and its marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from .. import types as t
from ..arithmetic import NoValueError
from ..plain_data import Json
from ..records import dataclass

Types = Mapping[str, t.Type]
"""The types of the arguments, by name. That of a field is the type of the field in an element."""
Args = Mapping[str, Json]

Sizes = Literal[
    "text", "shorter", "replaced", "joined", "written", "indented", "pieces", "truth", "number", "list", "cut", "one"
]
"""The bound on the size of a result.

- text, indented, written: a text about as long as the value's; shorter: at most the argument ``length`` long.
- replaced: at most as long as ``MOST_CHARACTERS``; joined: the texts of a list and what stands between them.
- pieces: no more texts than the value has characters; truth and number: a single value.
- list: the elements of the value in some order; cut: some of them, at most the argument ``n`` or ``top``.
- one: an element of the value.
"""
Marks = Literal["all", "length", "bit", "one", "order", "cut", "group"]
"""The part of the elements of its arguments that a result takes.

- all: their text; length: a number; bit: one bit.
- one: one of the elements; order: the elements in an order that each of them can change.
- cut: some of the elements, and each of them can change which others pass.
- group: lists of the elements, and each of them can change the lists.
"""


@dataclass(frozen=True, slots=True)
class Arg:
    """A parameter behind the value. If it has bounds, the checker must know that a number in a template is within them.

    ``field`` marks the name of a field of the elements. ``also`` is jinja2's word for the parameter, which templates
    take too.
    """

    name: str
    type: t.Type
    low: int | None = None
    high: int | None = None
    field: bool = False
    required: bool = False
    also: str = ""


@dataclass(frozen=True, slots=True)
class ValueFunction:
    """A function that depends only on its arguments: `trim(x)` in an expression, `{{ x | trim }}` in a template.

    ``value`` names the first parameter, and ``takes`` describes in words what it takes. ``gives`` returns the type of
    the result from the type of the value and those of the arguments, or None if the function does not take the value.
    ``call`` works the result out and raises NoValueError if there is none. ``example`` is a call and its value, both as
    expressions.

    ``function`` is the name in expressions, if another function has the name already; "" if only templates have it.
    ``grown`` returns the most characters of a result that may be much longer than the value.
    """

    name: str
    value: str
    takes: str
    gives: Callable[[t.Type, Types], t.Type | None]
    summary: str
    example: tuple[str, str]
    call: Callable[[Json, Args], Json]
    args: tuple[Arg, ...] = ()
    size: Sizes = "text"
    marks: Marks = "all"
    function: str | None = None
    grown: Callable[[Json, Args], int] | None = None

    @property
    def called(self) -> str:
        """The name of the function in expressions; "" if it is only a filter."""
        return self.name if self.function is None else self.function

    @property
    def usage(self) -> str:
        """The form of the filter in a template."""
        return f"{self.name}({', '.join(arg.name for arg in self.args)})" if self.args else self.name

    @property
    def field(self) -> Arg | None:
        """The parameter that takes the name of a field."""
        return next((arg for arg in self.args if arg.field), None)

    def lacks(self, given: t.Type, args: Types) -> bool:
        """Tell whether the function would take a list if none of its elements, or of their fields, could be missing."""
        looked = looked_at(given, args)
        if not isinstance(looked, t.ListOf) or not isinstance(looked.item, t.Optional):
            return False
        there = {**args, "by": looked.item.item} if "by" in args else args
        whole = given if "by" in args else t.ListOf(looked.item.item)
        return self.gives(given, args) is None and self.gives(whole, there) is not None

    def arg(self, name: str) -> Arg | None:
        """Return a parameter by its name, or by jinja2's word for it."""
        return next((arg for arg in self.args if name in (arg.name, arg.also)), None)


def looked_at(given: t.Type, args: Types, field: str = "by") -> t.Type:
    """Return the type of the list that a function looks at: the elements, or a field of each."""
    return t.ListOf(args[field]) if field in args and isinstance(given, t.ListOf) else given


def some_of(given: t.Type) -> t.Type:
    """Return the type of a list of some of the elements: one of any length."""
    return t.ListOf(given.item) if isinstance(given, t.ListOf) else given


def always(given: t.Type, args: Types) -> t.Type:
    return t.TEXT


def of_text(given: t.Type, args: Types) -> t.Type | None:
    return t.TEXT if t.is_text(given) or given == t.JSON else None


def no_value(name: str, takes: str, value: Json) -> NoValueError:
    return NoValueError(f"`{name}` takes {takes}, and this is {kind_of(value)}")


def kind_of(value: Json) -> str:
    """Return the kind of a value, in the words of the language."""
    match value:
        case None:
            return "none"
        case bool():
            return "a bool"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a record"
    return f"a Python {type(value).__name__}"


def text(name: str, value: Json, takes: str = "a text") -> str:
    """Return a value that must be a text. Raises NoValueError."""
    if not isinstance(value, str):
        raise no_value(name, takes, value)
    return value


def items(name: str, value: Json, takes: str = "a list") -> list[Json]:
    """Return a value that must be a list. Raises NoValueError."""
    if not isinstance(value, list | tuple):
        raise no_value(name, takes, value)
    return value if isinstance(value, list) else list(value)


def field_of(name: str, element: Json, by: Json) -> Json:
    """Return the field of an element, or the element itself without a field. A missing field is none."""
    if by is None:
        return element
    for part in str(by).split("."):
        element = element.get(part) if isinstance(element, Mapping) else None
    return element


def there(name: str, value: Json, by: Json) -> Json:
    """Return a value that must not be missing. Raises NoValueError."""
    if value is None:
        what = "this element is none" if by is None else f"this value has no field `{by}`"
        raise NoValueError(f"`{name}` needs all elements: {what}")
    return value
