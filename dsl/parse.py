"""Text to tree."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING

from . import syntax as s
from .build import TreeBuilder
from .diagnostics import Diagnostic, FlowError, Label
from .source import Source, Span
from .strings import INVISIBLE
from .syntax_errors import unexpected_character, unexpected_token

if TYPE_CHECKING:
    from lark import Lark

MOST_CHARACTERS = 1 << 20
DEEPEST = 100

_BRACKETS = re.compile(
    r'#[^\n]*|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|"(?!"")[^"\\\n]*(?:\\.[^"\\\n]*)*"|[{}()\[\]]', re.DOTALL
)
_CLOSES = {"}": "{", ")": "(", "]": "["}

# lark binds its callbacks once, to one builder: one parse at a time.
_lock = Lock()


def parse_flow(source: Source) -> s.File:
    """The tree of a flow file. Raises FlowError with what makes it no flow."""
    from lark import UnexpectedCharacters, UnexpectedToken

    _refuse(source)
    with _lock:
        parser, builder = _parser()
        builder.begin(source)
        try:
            file: s.File = parser.parse(source.text)  # type: ignore[assignment]
        except UnexpectedToken as error:
            # Strings with wrong escapes before this place are findings of their own.
            raise FlowError([*builder.problems, unexpected_token(source, error)]) from None
        except UnexpectedCharacters as error:
            raise FlowError([*builder.problems, unexpected_character(source, error)]) from None
        problems, comments = builder.problems, tuple(builder.comments)
    if problems:
        raise FlowError(problems)
    return s.File(file.items, comments, file.span)


@cache
def _parser() -> tuple[Lark, TreeBuilder]:
    from lark import Lark

    builder = TreeBuilder()
    parser = Lark(
        files("flowrun.grammars").joinpath("flow.lark").read_text(encoding="utf-8"),
        parser="lalr",
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=builder,
        lexer_callbacks={"COMMENT": builder.comment},
    )
    return parser, builder


def _refuse(source: Source) -> None:
    """Stop at what no parser should be given: too much, too deep, unbalanced, or invisible."""
    text = source.text
    if len(text) > MOST_CHARACTERS:
        raise FlowError(
            [
                Diagnostic(
                    "F0104",
                    f"the file has {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read",
                    Span(source, 0, 0),
                    help="keep data in files of their own and read them with file() or lines()",
                )
            ]
        )
    if found := INVISIBLE.search(text):
        raise FlowError(
            [
                Diagnostic(
                    "F0105",
                    f"the invisible character U+{ord(found[0]):04X} stands here",
                    Span(source, found.start(), found.end()),
                    note="it could make a line read other than it runs",
                    help=f"delete it; in a text write it as `\\u{{{ord(found[0]):X}}}`",
                )
            ]
        )
    _balance(source)


def _balance(source: Source) -> None:
    opened: list[int] = []
    for found in _BRACKETS.finditer(source.text):
        bracket = found[0]
        if bracket in _CLOSES:
            if not opened or source.text[opened[-1]] != _CLOSES[bracket]:
                raise FlowError([_unopened(source, found.start(), opened)])
            opened.pop()
        elif bracket in "{([":
            opened.append(found.start())
            if len(opened) > DEEPEST:
                raise FlowError(
                    [
                        Diagnostic(
                            "F0104",
                            f"brackets nested deeper than {DEEPEST}",
                            Span(source, found.start(), found.end()),
                            help="give inner parts a name of their own",
                        )
                    ]
                )
    if opened and not _unclosed_quote(source):
        start = opened[-1]
        raise FlowError(
            [
                Diagnostic(
                    "F0102",
                    f"this `{source.text[start]}` is never closed",
                    Span(source, start, start + 1),
                    help="close it where the block or the list ends",
                )
            ]
        )


def _unopened(source: Source, at: int, opened: list[int]) -> Diagnostic:
    labels: tuple[Label, ...] = ()
    if opened:
        start = opened[-1]
        labels = (Label(Span(source, start, start + 1), "opened here, and not closed before"),)
    return Diagnostic(
        "F0102",
        f"nothing that is open is closed by this `{source.text[at]}`",
        Span(source, at, at + 1),
        labels=labels,
        help="delete it, or open what it should close",
    )


def _unclosed_quote(source: Source) -> bool:
    """Whether a quote is left over when all whole strings and comments are taken out."""
    return '"' in _BRACKETS.sub("", source.text)
