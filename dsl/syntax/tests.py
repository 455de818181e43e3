"""The nodes for tests: their inputs, scripted answers and expectations."""

from __future__ import annotations

from ..records import dataclass
from ..source import Span
from .nodes import Expr, Number
from .type_nodes import TypeExpr
from .words import String, Word, at


@dataclass(frozen=True, slots=True)
class PathStep:
    """A step in a path. ``places`` are the numbers behind it, which count elements or samples from 0."""

    word: Word
    places: tuple[Number, ...]
    span: Span = at()


Path = tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """An input of a test: ``name = value``."""

    name: Word
    value: Expr
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Reply:
    """The scripted answers of one step in a test.

    The words of ``path`` name the blocks around it and the step. With ``when``, the answers are for the calls where
    this condition holds.
    """

    path: Path
    when: Expr | None
    answers: tuple[Expr, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ExternReply:
    """The scripted values of an extern."""

    name: Word
    when: Expr | None
    answers: tuple[Expr, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class FileReply:
    """The text of a file that the flow reads: ``file "path": text``."""

    path: String
    value: Expr
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Cases:
    """The table of a test. Each row makes one test."""

    path: String
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Cassette:
    """The file with recorded answers."""

    path: String
    span: Span = at()


@dataclass(frozen=True, slots=True)
class SetupUse:
    """The mention of a setup, whose lines the test takes."""

    name: Word
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Expect:
    condition: Expr
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ExpectType:
    """``expect value matches TYPE``."""

    negated: bool
    left: Expr
    type: TypeExpr
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ExpectRelation:
    """``expect value contains part``, or ``expect value about number``, perhaps ``within`` a distance."""

    negated: bool
    left: Expr
    relation: Word
    right: Expr
    within: Expr | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ExpectEnd:
    """``expect step skipped`` or ``expect step failed "message"``. Without a step it is about the flow."""

    negated: bool
    step: Expr | None
    end: Word
    message: String | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class ExpectAsked:
    """``expect asked path``, perhaps with a part that each prompt contains."""

    negated: bool
    path: Path
    contains: Expr | None
    span: Span = at()


ExpectLine = Expect | ExpectType | ExpectRelation | ExpectEnd | ExpectAsked
TestLine = Given | Reply | ExternReply | FileReply | Cases | Cassette | SetupUse | ExpectLine


def line_values(line: TestLine) -> tuple[Expr, ...]:
    """Return the expressions of a line, in the order of the text."""
    match line:
        case Given(_, value) | FileReply(_, value) | Expect(value) | ExpectType(_, value):
            return (value,)
        case Reply(_, when, answers) | ExternReply(_, when, answers):
            return (*_given(when), *answers)
        case ExpectRelation(_, left, _, right, within):
            return (left, right, *_given(within))
        case ExpectAsked(_, _, contains):
            return _given(contains)
    return ()


def _given(expr: Expr | None) -> tuple[Expr, ...]:
    return () if expr is None else (expr,)


@dataclass(frozen=True, slots=True)
class TestDecl:
    """A test of a flow. ``prefix`` is that of the import that brings the flow; None if it has none."""

    title: String
    flow: Word
    lines: tuple[TestLine, ...]
    braces: Span = at()
    span: Span = at()
    prefix: Word | None = None


@dataclass(frozen=True, slots=True)
class SetupDecl:
    """Lines that tests of one flow share."""

    name: Word
    flow: Word
    lines: tuple[TestLine, ...]
    braces: Span = at()
    span: Span = at()
    prefix: Word | None = None
