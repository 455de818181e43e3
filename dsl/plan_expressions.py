"""The expressions of a plan, and the asks that write their values into prompts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Annotated, Any, Literal, TypeAlias

from .plain_data import OMITTED
from .records import dataclass
from .types import ByKind, Type

Label: TypeAlias = Literal["", "untrusted", "trusted"]


def label() -> Label:
    """Declare the field for a label. It is empty without one, and then the JSON of a plan leaves it out."""
    return field(default="", metadata={OMITTED: ""}, kw_only=True)


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant JSON value. Durations are in seconds, percentages are fractions, money is in dollars."""

    value: Any
    kind: Literal["literal"] = "literal"


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a name."""

    name: str
    kind: Literal["ref"] = "ref"


@dataclass(frozen=True, slots=True)
class FieldOf:
    base: Expr
    field: str
    kind: Literal["field"] = "field"


@dataclass(frozen=True, slots=True)
class TextOf:
    """A template, in the subset of jinja2 that ``templates`` allows."""

    template: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Expr, ...]
    kind: Literal["list"] = "list"


@dataclass(frozen=True, slots=True)
class Entry:
    """A field of a record. An entry without a name adds all fields of the record ``value``."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True)
class RecordOf:
    entries: tuple[Entry, ...]
    kind: Literal["record"] = "record"


@dataclass(frozen=True, slots=True)
class CallOf:
    """A call of a built-in function, with its arguments by name. ``label`` is the label of a file that it reads."""

    function: str
    args: dict[str, Expr]
    label: Label = label()
    kind: Literal["call"] = "call"


@dataclass(frozen=True, slots=True)
class RuleOf:
    """A rule that an argument or option names, such as ``chars(800)``, with its arguments by name."""

    rule: str
    args: dict[str, Expr]
    kind: Literal["rule"] = "rule"


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator on one or two operands."""

    operator: str
    operands: tuple[Expr, ...]
    kind: Literal["apply"] = "apply"


@dataclass(frozen=True, slots=True)
class TypeOf:
    """A type given as an argument, such as the type of a file's rows."""

    type: Type
    kind: Literal["type"] = "type"


@dataclass(frozen=True, slots=True)
class ShapeOf:
    """A value that is cut to its type. Records keep only the fields of the type; a missing field becomes none."""

    value: Expr
    type: Type
    kind: Literal["shape"] = "shape"


Expr: TypeAlias = Annotated[
    Constant | Ref | FieldOf | TextOf | Items | RecordOf | CallOf | RuleOf | Apply | TypeOf | ShapeOf, ByKind()
]


def expr_parts(expr: Expr) -> tuple[Expr, ...]:
    """Return the expressions directly inside an expression, in the order of reading."""
    match expr:
        case FieldOf(inner) | ShapeOf(inner):
            return (inner,)
        case Items(inside) | Apply(_, inside):
            return inside
        case RecordOf(entries):
            return tuple(entry.value for entry in entries)
        case CallOf(_, args) | RuleOf(_, args):
            return tuple(args.values())
    return ()


def walk_exprs(exprs: Iterable[Expr]) -> Iterator[Expr]:
    """Yield expressions and all expressions inside them, in the order of reading."""
    todo = [*exprs][::-1]
    while todo:
        expr = todo.pop()
        yield expr
        todo.extend(reversed(expr_parts(expr)))


@dataclass(frozen=True, slots=True)
class Message:
    """A message of an ask. ``fenced`` has the places of the written values that stand between marks as foreign text.

    A place is the offset of a written value in the template, as ``written_places`` gives it.
    """

    role: Literal["system", "user", "assistant"]
    template: str
    fenced: tuple[int, ...] = field(default=(), metadata={OMITTED: ()})


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on an answer. An answer for which it is false is malformed.

    ``names`` are the names that mean the answer in the condition. ``message`` are the author's words for the model; ""
    without any.
    """

    condition: Expr
    names: tuple[str, ...]
    message: str = ""


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value that an ask gives to its messages, and the type that they take it for."""

    value: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Ask:
    """An ask of a model, or of a person: then ``model`` is None.

    ``given`` has the values that its messages see under names of their own, as a prompt in a file does.
    """

    model: Expr | None
    messages: tuple[Message, ...]
    answer: Type
    given: dict[str, GivenValue] = field(default_factory=dict, metadata={OMITTED: {}})
    person: bool = field(default=False, metadata={OMITTED: False})
    kind: Literal["ask"] = "ask"
    check: Check | None = field(default=None, metadata={OMITTED: None})

    @property
    def values(self) -> tuple[Expr, ...]:
        """The expressions of the given values."""
        return tuple(one.value for one in self.given.values())


@dataclass(frozen=True, slots=True)
class Passing:
    """The condition of a search, which sees a result as `result`: an expression, or an extern with its arguments."""

    condition: Expr | None = None
    extern: str | None = None
    args: dict[str, Expr] = field(default_factory=dict)

    @property
    def exprs(self) -> tuple[Expr, ...]:
        """The expressions that are worked out for a result."""
        return (*self.args.values(),) if self.condition is None else (self.condition,)
