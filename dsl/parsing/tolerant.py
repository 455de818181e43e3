"""The tolerant lexer. It continues where the strict lexer stops.

It reads foreign spellings by their meaning, and reports them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import field, replace

from ..diagnostics import Diagnostic
from ..records import dataclass
from ..source import Source, Span
from .lexer import lex, token
from .readable import MOST_TOKENS
from .respelling import respelled
from .tables import BAD, END, Tables
from .token import Token

MOST_STOPS = 500
"""The most places where no token begins. A text with more of them is not read to its end."""

MOST_UNCLOSED = 5
"""The most searches for a quote that was left open, because each reads the whole text again."""

# Type, pattern, what it is read as (nothing: it is left out), message, help. One pattern reaches over no line end.
_HABITS = (
    ("SLASHES", r"//[^\n]*", "", "a comment begins with `#`", "write `#` for `//`"),
    ("STARRED", r"/\*", "", "a comment begins with `#` and ends with its line", "write `#` before each line"),
    ("AMPERSANDS", r"&&", "AND", "the language has no operator `&&`", "write `and`"),
    (
        "BARS",
        r"\|\|",
        "OR",
        "the language has no operator `||`",
        "write `or`; for a value that may be missing write `??`",
    ),
    ("BANG", r"!(?!=)", "NOT", "the language has no operator `!`", "write `not`"),
    ("SEMICOLON", r";", "", "a line does not end with a semicolon", "delete it"),
    ("SINGLE", r"'[^'\n]*'", "STRING", "a text needs double quotes", 'write `"…"`'),
    (
        "CURLY",
        r"“[^“”\n]*”|„[^„“”\n]*[“”]|«[^«»\n]*»|[“”„«‘’][^“”„«»‘’\n]*[“”»‘’]",
        "STRING",
        "this is a typographic quote",
        'write `"`',
    ),
)
_READ_AS = {type: (meant, message, help) for type, _, meant, message, help in _HABITS}
_MARK_ONLY = {"SLASHES": 2, "SINGLE": 1, "CURLY": 1}
"""The number of characters to underline in tokens of these types."""

_STOPS = frozenset({BAD, "STARRED"})
_NUMBER = re.compile(r"[0-9][0-9A-Za-z_.]*")
_WORD = re.compile(r"\w+")
_REST = re.compile(r"[^\n]*")


@dataclass(slots=True)
class Read:
    """The tokens of a text that is not a correct flow, with the diagnostics about them.

    ``notes`` are diagnostics that do not stop the parser. ``stops`` are the diagnostics of the BAD tokens, by the
    offset of the token. ``cut`` is True if the text continues behind the last token.
    """

    tokens: list[Token] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)
    stops: dict[int, Diagnostic] = field(default_factory=dict)
    cut: bool = False


class Tolerant:
    """The tolerant lexer of one text."""

    def __init__(self, source: Source, tables: Tables) -> None:
        self.source = source
        self.text = source.text
        self.tables = replace(tables, terminals=(*((type, regexp) for type, regexp, *_ in _HABITS), *tables.terminals))
        words = "|".join(word for word, name in tables.keywords.items() if name in tables.declarations)
        self.declaration = re.compile(rf'^(?:{words})[ \t]+(?:"|\w+[ \t]*[(=])', re.MULTILINE)
        self.done = Read()
        self.spelled: set[str] = set()
        self.unclosed = 0

    def read(self) -> Read:
        done, at = self.done, 0
        while True:
            found = lex(self.tables, self.text, at, MOST_TOKENS + 1 - len(done.tokens), _STOPS).tokens
            last = found.pop()
            for one in found:
                if one.type in _READ_AS:
                    self._take(one)
                else:
                    done.tokens.append(one)
            if last.type not in _STOPS:
                done.tokens.append(last)
                done.cut = last.type != END
                return done
            if len(done.stops) >= MOST_STOPS:
                done.cut = True
                done.tokens.append(token(END, "", last.start_pos or 0))
                return done
            at = self._stopped(last.type, last.start_pos or 0)

    def _take(self, one: Token) -> None:
        meant, message, help = _READ_AS[one.type]
        start, end = one.start_pos or 0, one.end_pos or 0
        self._note("F0101", message, start, start + _MARK_ONLY.get(one.type, end - start), help)
        note = self.done.notes[-1]
        if fix := respelled(self.source, one, one.type):
            self.done.notes[-1] = replace(note, fix=fix)
        if meant:
            one.type = meant
            self.done.tokens.append(one)

    def _note(self, code: str, message: str, start: int, end: int, help: str, note: str = "") -> None:
        self.done.notes.append(Diagnostic(code, message, Span(self.source, start, end), note=note, help=help))

    def _stop(self, code: str, message: str, start: int, marked: int, end: int, help: str) -> int:
        """Add a BAD token from ``start`` to ``end``, with its diagnostic. Return ``end``."""
        self.done.tokens.append(token(BAD, self.text[start:end].rstrip(), start))
        self.done.stops[start] = Diagnostic(code, message, Span(self.source, start, marked), help=help)
        return end

    def _stopped(self, type: str, start: int) -> int:
        """Handle a place where the lexer stopped. Return the offset at which to continue."""
        text = self.text
        character = text[start]
        if type == "STARRED":
            _, message, help = _READ_AS[type]
            self._note("F0101", message, start, start + 2, help)
            end = text.find("*/", start + 2)
            return end + 2 if end >= 0 else self._line_end(start)
        if text.startswith('"""', start):
            return self._unclosed_lines(start)
        if character == '"':
            help = 'close the text with `"` on the same line; write a text of several lines between `"""` and `"""`'
            return self._stop("F0102", "this text is never closed", start, start + 1, self._line_end(start), help)
        if found := _NUMBER.match(text, start):
            end = found.end()
            help = "a name begins with a letter"
            return self._stop("F0101", f"`{_short(found[0])}` is neither a number nor a name", start, end, end, help)
        if found := _WORD.match(text, start):
            return self._foreign_word(start, found.end())
        end = start + 1
        while end < len(text) and text[end] == character:
            end += 1
        if character in "“”„«»‘’'":
            message, help = _READ_AS["SINGLE" if character == "'" else "CURLY"][1:]
            return self._stop("F0101", message, start, start + 1, self._line_end(start), help)
        message = f"`{character}` (U+{ord(character):04X}) has no meaning here"
        return self._stop("F0105", message, start, start + 1, end, "write `and`" if character == "&" else "delete it")

    def _unclosed_lines(self, start: int) -> int:
        """Handle a triple quote at ``start`` that is never closed. Return the offset at which to continue.

        If an earlier text contains a declaration, its opening quotes are probably wrong, and not these.
        """
        tokens = self.done.tokens
        end = len(self.text)
        self.unclosed += 1
        if self.unclosed > MOST_UNCLOSED:
            return self._stop("F0102", "this text is never closed", start, start + 3, end, 'close the text with `"""`')
        for place, one in enumerate(tokens):
            if one.type == "STRING" and one.startswith('"""') and (found := self.declaration.search(one, 3)):
                start = one.start_pos or 0
                end = start + found.start()
                del tokens[place:]
                self.done.notes = [note for note in self.done.notes if note.span.start < start]
                self.done.stops = {at: stop for at, stop in self.done.stops.items() if at < start}
                break
        else:
            if found := self.declaration.search(self.text, start + 3):
                end = found.start()
        return self._stop("F0102", "this text is never closed", start, start + 3, end, 'close the text with `"""`')

    def _foreign_word(self, start: int, end: int) -> int:
        """Read a word with letters of other alphabets as a name. Report each such word once."""
        character = self.text[start]
        tokens = self.done.tokens
        whole = start
        if tokens and tokens[-1].end_pos == start and _WORD.fullmatch(tokens[-1]):
            whole = tokens.pop().start_pos or 0
        word = self.text[whole:end]
        if word not in self.spelled:
            self.spelled.add(word)
            name = unicodedata.name(character, "")
            self._note(
                "F0105",
                f"`{character}` (U+{ord(character):04X}) is not allowed in a name",
                start,
                end,
                "use the letters a to z, digits and `_`; a text in quotes may hold anything",
                f"{f'it is {name}; ' if name else ''}letters of other alphabets can look the same: "
                "with a single alphabet each name has a single spelling",
            )
        tokens.append(token("NAME", word, whole))
        return end

    def _line_end(self, start: int) -> int:
        found = _REST.match(self.text, start)
        return found.end() if found else start


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
