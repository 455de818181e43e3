"""The base of the parser's reductions: spans of parts, and the meaning of single tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..source import Source, Span
from .strings import read_string
from .token import Token


class TokenReductions:
    """The helper methods that every reduction uses. They make the spans, words, texts and numbers of one source."""

    def __init__(self) -> None:
        self.begin(Source(""))

    def begin(self, source: Source) -> None:
        """Reset the state before another source is read."""
        self.source = source
        self.problems: list[Diagnostic] = []
        self.comments: list[s.Comment] = []
        self.heights: dict[int, int] = {}
        self._next: Callable[[], int] = count().__next__
        self.too_deep = False
        self.has_labels = False
        self.holes: list[s.Hole] = []

    def comment(self, token: Token) -> Token:
        start = token.start_pos or 0
        line_start = self.source.text.rfind("\n", 0, start) + 1
        own_line = not self.source.text[line_start:start].strip()
        self.comments.append(s.Comment(str(token).rstrip(), own_line, self._span([token])))
        return token

    # Places

    def _span(self, children: Sequence[Any]) -> Span:
        return Span(self.source, self._start(children[0]), self._end(children[-1]))

    def _start(self, child: Any) -> Any:
        if isinstance(child, Token):
            return child.start_pos
        return self._start(child[0]) if isinstance(child, (list, tuple)) else child.span.start

    def _end(self, child: Any) -> Any:
        if isinstance(child, Token):
            return child.end_pos
        return self._end(child[-1]) if isinstance(child, (list, tuple)) else child.span.end

    def _word(self, token: Token) -> s.Word:
        return s.Word(str(token), Span(self.source, token.start_pos or 0, token.end_pos or 0))

    def _string(self, token: Token) -> s.String:
        return read_string(self.source, token.start_pos or 0, token.end_pos or 0, self.problems, self._next())

    def _number(self, token: Token) -> s.Number:
        text = str(token)
        unit: s.Unit = ""
        if text.startswith("$"):
            unit, text = "$", text[1:]
        else:
            for known in ("%", "ms", "s", "m", "h"):
                if text.endswith(known):
                    unit, text = known, text[: -len(known)]
                    break
        if len(text) > 30:
            self._problem("F0402", "this number has more than 30 digits", self._span([token]))
            text = "0"
        return s.Number(text, unit, self._span([token]), number=self._next())

    def _problem(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, help=help))
