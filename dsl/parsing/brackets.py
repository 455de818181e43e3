"""The pairing of brackets, and the search for a missing bracket.

The search relies on the indentation: brackets with the same indentation belong together.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..diagnostics import Diagnostic, Label
from ..records import dataclass
from ..source import Source, Span
from .token import Token

_OPENERS = {"RBRACE": "LBRACE", "RPAR": "LPAR", "RSQB": "LSQB"}
_OPENS = frozenset(_OPENERS.values())


@dataclass(frozen=True, slots=True)
class Brackets:
    """The pairs of brackets in a list of tokens, all as indexes into that list.

    ``around`` maps each token to the innermost opening bracket around it, or to -1 if there is none. ``closing`` maps
    each opening bracket to its closing bracket.
    """

    around: dict[int, int]
    closing: dict[int, int]


def pair(tokens: Sequence[Token], low: int, high: int) -> Brackets | None:
    """Pair the brackets of the tokens from ``low`` to before ``high``. Return None if they do not pair."""
    around: dict[int, int] = {}
    closing: dict[int, int] = {}
    opened = [-1]
    for place in range(low, high):
        type = tokens[place].type
        if type in _OPENERS:
            opener = opened.pop()
            if opener < 0 or tokens[opener].type != _OPENERS[type]:
                return None
            closing[opener] = place
        around[place] = opened[-1]
        if type in _OPENS:
            opened.append(place)
    return Brackets(around, closing) if len(opened) == 1 else None


class Unpaired:
    """The search for the bracket that is wrong, among tokens whose brackets do not pair."""

    def __init__(self, source: Source, tokens: Sequence[Token]) -> None:
        self.source = source
        self.tokens = tokens

    def blame(self, low: int, high: int) -> Diagnostic | None:
        opened: list[int] = []
        for place in range(low, high):
            type = self.tokens[place].type
            if opened and self._goes_on_outside(place, opened[-1]):
                return self._unclosed(opened[-1])
            if type in _OPENS:
                opened.append(place)
            elif type in _OPENERS:
                if found := self._closes_wrong(place, opened):
                    return found if opened else self._braceless(low, place) or found
                opened.pop()
        return self._unclosed(opened[-1]) if opened else None

    def _goes_on_outside(self, place: int, opener: int) -> bool:
        """Tell whether the token at ``place`` is only possible after ``opener`` is closed.

        ``opener`` is a bracket that is still open.
        """
        type, before = self.tokens[place].type, self.tokens[place - 1].type
        if type == "REDUCE":
            return before != "RBRACE"
        if self.tokens[opener].type == "LBRACE" or not self._begins_line(place):
            return False
        return type == "RETURN" or (type == "NAME" and self.tokens[place + 1].type == "EQUAL")

    def _closes_wrong(self, place: int, opened: list[int]) -> Diagnostic | None:
        wanted = _OPENERS[self.tokens[place].type]
        if not any(self.tokens[opener].type == wanted for opener in opened):
            return self._unopened(place, opened)
        last = opened[-1]
        if self.tokens[last].type != wanted:
            return self._unclosed(last)
        if self._begins_line(place) and self._line(last) != self._line(place):
            indents = [self._indent(opener) for opener in opened]
            indent = self._indent(place)
            if indents[-1] > indent and indent in indents:
                return self._unclosed(last)
            if indents[-1] < indent and len(opened) == 1:
                return self._unopened(place, opened)
        return None

    def _unclosed(self, place: int) -> Diagnostic:
        return Diagnostic(
            "F0102",
            f"this `{self.tokens[place]}` is never closed",
            self._span(place),
            help="write the closing bracket where the block or the list ends",
        )

    def _braceless(self, low: int, high: int) -> Diagnostic | None:
        """Report a flow whose steps lack the opening brace. Otherwise its closing brace would be reported.

        None for other flows.
        """
        types = [token.type for token in self.tokens[low:high]]
        if types[:1] != ["FLOW"] or types[2:3] != ["LPAR"] or "RPAR" not in types:
            return None
        depth, after = 0, 2
        for after in range(2, len(types)):
            depth += (types[after] in _OPENS) - (types[after] in _OPENERS)
            if depth == 0:
                break
        after += 1
        while after < len(types) and types[after] in ("BUDGET", "MONEY", "NUMBER", "CALLS", "COMMA"):
            after += 1
        if depth or types[after : after + 1] in ([], ["LBRACE"]):
            return None
        name = self.tokens[low + 1]
        help = f"write `{{` after the head of the flow: `flow {name}(…) {{ … }}`"
        return Diagnostic("F0101", "a flow needs braces around its steps", self._span(low + 1), help=help)

    def _unopened(self, place: int, opened: list[int]) -> Diagnostic:
        labels = (Label(self._span(opened[-1]), "opened here, and not closed yet"),) if opened else ()
        return Diagnostic(
            "F0102",
            f"this `{self.tokens[place]}` does not close any open bracket",
            self._span(place),
            labels=labels,
            help="delete this bracket, or write the opening bracket",
        )

    def _span(self, place: int) -> Span:
        return Span(self.source, self.tokens[place].start_pos or 0, self.tokens[place].end_pos or 0)

    def _line(self, place: int) -> int:
        return self._span(place).line

    def _indent(self, place: int) -> int:
        text = self.source.line(self._line(place)).expandtabs(8)
        return len(text) - len(text.lstrip())

    def _begins_line(self, place: int) -> bool:
        if place == 0:
            return True
        between = self.source.text[self.tokens[place - 1].end_pos or 0 : self.tokens[place].start_pos or 0]
        return "\n" in between
