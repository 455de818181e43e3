"""The place where the parser stopped, and the tokens around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..diagnostics import Diagnostic, Fix
from ..records import dataclass
from ..source import Source, Span
from .brackets import Brackets
from .neighbours import begins_line
from .tables import END
from .token import Token

VALUE = frozenset(
    {"NAME", "STRING", "NUMBER", "DURATION", "PERCENT", "MONEY", "LBRACE", "LSQB", "LPAR", "NOT", "MINUS"}
)
"""The types of tokens that a value can begin with."""
NODES = frozenset({"ASK", "FANOUT", "MAP", "REPEAT", "CHAIN", "MATCH", "CASCADE"})


@dataclass(frozen=True, slots=True)
class Place:
    """A token that is not allowed in its place. ``expected`` holds the types of tokens that are."""

    source: Source
    tokens: Sequence[Token]
    index: int
    expected: frozenset[str]
    brackets: Brackets
    top: bool
    """True if the parser expected a declaration here."""
    ends: bool
    """True if the declaration or the file ends here. The token is then the first one behind it."""

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def type(self) -> str:
        return self.token.type

    @property
    def text(self) -> str:
        return str(self.token)

    @property
    def wants_value(self) -> bool:
        return {"NAME", "STRING", "LBRACE", "LSQB"} <= self.expected

    def at(self, ahead: int) -> str:
        """Return the type of the token ``ahead`` tokens later, or earlier if negative. "" outside of the text."""
        index = self.index + ahead
        return self.tokens[index].type if 0 <= index < len(self.tokens) else ""

    def word(self, ahead: int) -> str:
        index = self.index + ahead
        return str(self.tokens[index]) if 0 <= index < len(self.tokens) else ""

    def span(self, ahead: int = 0) -> Span:
        token = self.tokens[self.index + ahead]
        start, end = token.start_pos or 0, token.end_pos or 0
        if token.type == END or (self.ends and ahead == 0):
            # The end has no width, so the last character is shown.
            before = self.tokens[self.index + ahead - 1] if self.index + ahead > 0 else None
            end = (before.end_pos or 0) if before is not None else 0
            start = max(0, end - 1)
        return Span(self.source, start, end)

    def begins_line(self, ahead: int = 0) -> bool:
        index = self.index + ahead
        return begins_line(self.source.text, self.tokens, index)

    def joined(self, ahead: int) -> bool:
        """Tell whether a token and the next one are on the same line."""
        return self.at(ahead + 1) not in ("", END) and not self.begins_line(ahead + 1)

    def line_before(self) -> Iterator[int]:
        """Yield the tokens of this line up to this token.

        Then yield those of the lines that opened the brackets around it.

        The tokens are given as distances from this one. Each line is read from left to right, and the innermost line
        comes first.
        """
        index = self.index
        while index >= 0:
            first = index
            while first > 0 and not begins_line(self.source.text, self.tokens, first):
                first -= 1
            yield from (at - self.index for at in range(first, index + 1))
            while (opener := self.brackets.around.get(index, -1)) >= first:
                index = opener
            index = opener

    @property
    def shown(self) -> str:
        """The text of the token for a message: its first line, cut at 40 characters."""
        line = self.text.split("\n", 1)[0]
        return line if len(line) <= 40 else line[:39] + "…"

    def error(self, message: str, help: str, ahead: int = 0, note: str = "", fix: Fix | None = None) -> Diagnostic:
        return Diagnostic("F0101", message, self.span(ahead), note=note, help=help, fix=fix)
