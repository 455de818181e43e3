"""The nodes for types, as they are written."""

from __future__ import annotations

from ..records import dataclass
from ..source import Span
from .words import String, Word, at


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type's name: ``Name``, or ``prefix.Name`` for a type of an imported file."""

    word: Word
    span: Span = at()
    prefix: Word | None = None


@dataclass(frozen=True, slots=True)
class TypeChoice:
    options: tuple[Word | String, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeRange:
    low: int | float
    high: int | float
    span: Span = at()


@dataclass(frozen=True, slots=True)
class SizeArg:
    """A limit in brackets behind a type: ``max: 140``. ``value`` is None if it is no whole number."""

    name: Word | None
    value: int | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeSized:
    """A type with limits in brackets: ``text(max: 140)``."""

    word: Word
    args: tuple[SizeArg, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeList:
    """A list. With ``least``, its length is between the two numbers; without ``most`` it has no upper limit."""

    item: TypeExpr
    span: Span = at()
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class TypeOptional:
    item: TypeExpr
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeQuote:
    """A quote: ``quote of page``, or ``quote of mail.body``. ``path`` is the name of the source and its fields."""

    path: tuple[Word, ...]
    span: Span = at()

    @property
    def source(self) -> str:
        return ".".join(word.text for word in self.path)


@dataclass(frozen=True, slots=True)
class FieldDecl:
    name: Word
    type: TypeExpr
    description: String | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeRecord:
    fields: tuple[FieldDecl, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class TypeUnion:
    """A union of which a member is written in full or has a prefix. One of plain names is read as a ``TypeChoice``."""

    options: tuple[TypeExpr, ...]
    span: Span = at()


TypeExpr = TypeName | TypeChoice | TypeRange | TypeList | TypeOptional | TypeQuote | TypeRecord | TypeSized | TypeUnion
