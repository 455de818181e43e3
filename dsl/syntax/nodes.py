"""The nodes for expressions, asks and reducers."""

from __future__ import annotations

from typing import Literal

from ..records import dataclass
from ..source import Span
from .type_nodes import TypeExpr
from .words import String, Word, at, numbered


@dataclass(frozen=True, slots=True)
class Name:
    word: Word
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Get:
    """A field of a value: ``base.field``."""

    base: Expr
    field: Word
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Text:
    """A plain text, which is never a template."""

    string: String
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Template:
    """An expression that builds a text from a template: ``text "…"``."""

    tag: Word
    string: String
    span: Span = at()
    number: int = numbered()


Unit = Literal["", "%", "$", "ms", "s", "m", "h"]
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written, with its unit if it has one."""

    digits: str
    unit: Unit
    span: Span = at()
    number: int = numbered()

    @property
    def value(self) -> int | float:
        return float(self.digits) if "." in self.digits else int(self.digits)

    @property
    def amount(self) -> int | float:
        """The number in the unit that options use: seconds for a time, a fraction of 1 for a percentage."""
        if self.unit == "%":
            return self.value / 100
        return self.value * _SECONDS[self.unit] if self.unit in _SECONDS else self.value


@dataclass(frozen=True, slots=True)
class Hole(Number):
    """A `?` in the place of a value that `flowrun tune` chooses. ``values`` are its candidates, if the file has them.

    The checker never sees one: it checks the file with each candidate in its place.
    """

    values: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class ListExpr:
    items: tuple[Expr, ...]
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a record: ``name`` (the value of that name), ``name: value``, or ``..value`` (``name`` is None)."""

    name: Word | None
    value: Expr
    short: bool
    span: Span = at()


@dataclass(frozen=True, slots=True)
class RecordExpr:
    entries: tuple[Entry, ...]
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Arg:
    name: Word | None
    value: Expr | Ask
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Call:
    """A call: ``function(…)``, or ``prefix.function(…)`` for a flow of an imported file.

    ``label`` is the word before it, as in ``untrusted file(…)``.
    """

    function: Word
    args: tuple[Arg, ...]
    span: Span = at()
    prefix: Word | None = None
    label: Word | None = None
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Unary:
    operator: Literal["not", "-"]
    operand: Expr
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expr
    right: Expr
    span: Span = at()
    number: int = numbered()


Expr = Name | Get | Text | Template | Number | ListExpr | RecordExpr | Call | Unary | Binary


# Steps


@dataclass(frozen=True, slots=True)
class Message:
    """A part of a prompt. ``role`` is None in the short form ``ask "…"``."""

    role: Word | None
    template: String
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Check:
    """The clause `check CONDITION else "message"`. An answer for which the condition is false is malformed."""

    condition: Expr
    message: String | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class PromptUse:
    """The use of a declared prompt in an ask: ``name(…)``, or ``prefix.name(…)`` for a prompt of an imported file.

    ``types`` has the types of the arguments in the tree of a plan, which has the messages of the prompt itself.
    """

    name: Word
    args: tuple[Arg, ...]
    span: Span = at()
    prefix: Word | None = None
    types: tuple[TypeExpr, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """An ask, with the messages that it writes itself, or with a declared ``prompt`` instead."""

    model: Expr | None
    messages: tuple[Message, ...]
    answer: TypeExpr | None
    span: Span = at()
    check: Check | None = None
    prompt: PromptUse | None = None
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Option:
    name: Word
    value: Expr | Ask
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Reduce:
    """The clause that makes one value from the results.

    ``rule`` is the name of a reducer, or one of three words: ``ask`` for one call, ``by`` for a tree of calls, or
    ``fold`` for one call for each result, in order. With ``by``, ``count`` is the fan-in, or ``tokens(n)``.
    """

    rule: Word
    args: tuple[Arg, ...]
    ask: Ask | None
    count: Expr | None
    options: tuple[Option, ...]
    span: Span = at()
    number: int = numbered()
