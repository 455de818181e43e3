"""The tree of a flow file: frozen, with the span of every part.

Trees compare by what was written, not by where: spans and the raw text of strings take no part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .source import Span


def _span() -> Span:
    return field(compare=False, repr=False)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class String:
    """A quoted text.

    ``value`` is what it means: escapes resolved, a triple-quoted one dedented. ``marks`` are pairs
    (offset in value, offset in source), rising, from which every character of the value is found again.
    """

    value: str
    span: Span = _span()
    marks: tuple[tuple[int, int], ...] = field(compare=False, repr=False, default=())
    triple: bool = field(compare=False, repr=False, default=False)

    def place(self, start: int, end: int) -> Span:
        """The span in the source of a stretch of the value."""
        first = self._source_offset(start)
        last = self._source_offset(end - 1) + 1 if end > start else first
        return Span(self.span.source, first, max(last, first))

    def _source_offset(self, offset: int) -> int:
        low, high = 0, len(self.marks)
        while low < high:
            middle = (low + high) // 2
            if self.marks[middle][0] <= offset:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            return self.span.start
        at, source = self.marks[low - 1]
        return min(source + offset - at, self.span.end)


# Expressions


@dataclass(frozen=True, slots=True)
class Name:
    word: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Get:
    """``base.field``"""

    base: Expr
    field: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Text:
    """A plain text; never a template."""

    string: String
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Template:
    """``text "…"``: an expression that builds a text."""

    tag: Word
    string: String
    span: Span = _span()


Unit = Literal["", "%", "$", "ms", "s", "m", "h"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, with its unit if it has one."""

    digits: str
    unit: Unit
    span: Span = _span()

    @property
    def value(self) -> int | float:
        return float(self.digits) if "." in self.digits else int(self.digits)


@dataclass(frozen=True, slots=True)
class ListExpr:
    items: tuple[Expr, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Entry:
    """``name`` (the value of that name), ``name: value``, or ``..value`` (name is None)."""

    name: Word | None
    value: Expr
    short: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class RecordExpr:
    entries: tuple[Entry, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Arg:
    name: Word | None
    value: Expr | Ask
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    function: Word
    args: tuple[Arg, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unary:
    operator: Literal["not", "-"]
    operand: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expr
    right: Expr
    span: Span = _span()


Expr = Name | Get | Text | Template | Number | ListExpr | RecordExpr | Call | Unary | Binary


# Types as written


@dataclass(frozen=True, slots=True)
class TypeName:
    word: Word
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeChoice:
    options: tuple[Word | String, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeRange:
    low: int | float
    high: int | float
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeList:
    item: TypeExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeOptional:
    item: TypeExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldDecl:
    name: Word
    type: TypeExpr
    description: String | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeRecord:
    fields: tuple[FieldDecl, ...]
    span: Span = _span()


TypeExpr = TypeName | TypeChoice | TypeRange | TypeList | TypeOptional | TypeRecord


# Steps


@dataclass(frozen=True, slots=True)
class Message:
    """One part of a prompt; ``role`` is None for the short form ``ask "…"``."""

    role: Word | None
    template: String
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Ask:
    model: Expr | None
    messages: tuple[Message, ...]
    answer: TypeExpr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Option:
    name: Word
    value: Expr | Ask
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Reduce:
    """How results become one value.

    ``rule`` is a reducer's name, or ``ask`` (one call), or ``by`` (a tree of calls; ``count`` is its fan-in).
    """

    rule: Word
    args: tuple[Arg, ...]
    ask: Ask | None
    count: Expr | None
    options: tuple[Option, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Body:
    """The lines between two braces."""

    lines: tuple[Line, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Fanout:
    body: Body
    reduce: Reduce
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Map:
    element: Word
    source: Expr
    where: Expr | None
    at_most: Number | None
    body: Body
    reduce: Reduce
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Repeat:
    """``least`` equals ``most`` in ``repeat 3``."""

    least: Number
    most: Number
    body: Body
    reduce: Reduce
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Chain:
    body: Body
    span: Span = _span()


Node = Ask | Fanout | Map | Repeat | Chain | Expr


@dataclass(frozen=True, slots=True)
class When:
    condition: Expr
    otherwise: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Line:
    """A step as written: ``name = node`` with its clauses, or a node without a name."""

    name: Word | None
    node: Node
    options: tuple[Option, ...]
    after: tuple[Word, ...]
    when: When | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr
    span: Span = _span()


# Declarations


@dataclass(frozen=True, slots=True)
class Param:
    name: Word
    type: TypeExpr
    default: Expr | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Budget:
    money: Number | None
    calls: Number | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FlowDecl:
    name: Word
    params: tuple[Param, ...]
    budget: Budget | None
    body: Body
    returns: tuple[Return, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ModelDecl:
    name: Word
    address: String
    fallback: String | None
    options: tuple[Option, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeDecl:
    name: Word
    type: TypeExpr
    span: Span = _span()


Declaration = FlowDecl | ModelDecl | TypeDecl


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its ``#``; ``own_line`` when nothing stands before it on its line."""

    text: str
    own_line: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class File:
    items: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    span: Span = _span()

    @property
    def flows(self) -> tuple[FlowDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, FlowDecl))

    @property
    def models(self) -> tuple[ModelDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, ModelDecl))

    @property
    def types(self) -> tuple[TypeDecl, ...]:
        return tuple(item for item in self.items if isinstance(item, TypeDecl))
