"""The lexer. It cuts a text into tokens in one pass, with one pattern made of lark's terminals.

The words `text`, `prompt` and `endpoint` are keywords only before a name with a `=`, a bracket or `at [` behind it.
Behind a `.` and before a `:`, a keyword is read as a name, because fields and options are written there. Elsewhere the
parser's state decides: if the keyword is not allowed there but a name is, the keyword is read as a name.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..patterns import pattern
from ..records import dataclass
from .match_words import begins_match
from .neighbours import begins_line, then
from .tables import BAD, END, Tables
from .token import CLAUSE_WORDS, FILE_WORDS, LABELS, Token

_GAP = r"(?:\s++|#[^\n]*+\n)*+"
_COLON = pattern(rf"{_GAP}:")
_DECLARED = pattern(rf"{_GAP}[A-Za-z_]\w*+{_GAP}(?:[=(]|at{_GAP}\[)")


@dataclass(slots=True)
class Lexed:
    """The result of the lexer. If the lexer has read the whole text, the last of the ``tokens`` has the type END."""

    tokens: list[Token]
    comments: list[Token]

    @property
    def whole(self) -> bool:
        return self.tokens[-1].type == END


def token(type: str, text: str, start: int) -> Token:
    """Make a token with the attributes that the builder reads.

    The attributes are set one by one, because a constructor takes three times as long.
    """
    made = str.__new__(Token, text)
    made.type = type
    made.start_pos = start
    made.end_pos = start + len(text)
    return made


def lex(
    tables: Tables, text: str, start: int = 0, most: int | None = None, stops: frozenset[str] = frozenset({BAD})
) -> Lexed:
    """Read the tokens from ``start`` on.

    Stop at the end, after ``most`` tokens, or at the first token of a type in ``stops``.
    """
    tokens: list[Token] = []
    comments: list[Token] = []
    append = tokens.append
    keywords, new, kind = tables.keywords, str.__new__, Token
    colon = _COLON.match
    previous = ""
    for found in tables.pattern.finditer(text, start):
        type = found.lastgroup
        if type is None:
            break
        at, end = found.span(type)
        made = new(kind, text[at:end])
        if type == "NAME":
            if made in keywords and previous != "DOT" and not colon(text, end):
                type = keywords[str(made)]
                if type in FILE_WORDS and not _DECLARED.match(text, end):
                    type = "NAME"
        elif type == "COMMENT":
            made.type, made.start_pos, made.end_pos = type, at, end
            comments.append(made)
            if len(comments) == most:
                break
            continue
        made.type = previous = type
        made.start_pos = at
        made.end_pos = end
        append(made)
        if type in stops or len(tokens) == most:
            return Lexed(tokens, comments)
    append(token(END, "", len(text)))
    return Lexed(tokens, comments)


def named(text: str, tokens: Sequence[Token], place: int) -> bool:
    """Tell whether a word looks like the name of a step: a `=` follows it, or it is alone on its line.

    A label stands on the line of the value or the type behind it. So such a word is a name at the end of a line. So is
    `match`. A clause such as `check (…)` has a blank before its bracket; a call at the beginning of a line has none.
    A name alone on its line is the last of its body, so the token behind it tells it from a clause.
    """
    if place + 1 < len(tokens) and tokens[place + 1].type == "EQUAL":
        return True
    if tokens[place].type == "MATCH":
        return not begins_match(text, tokens, place)
    if tokens[place].type == "CASCADE":
        return then(tokens, place)[0] != "LBRACE" or begins_line(text, tokens, place + 1)
    if tokens[place].type in CLAUSE_WORDS:
        return text.startswith("(", tokens[place].end_pos or 0) and begins_line(text, tokens, place)
    alone = tokens[place].type in LABELS or begins_line(text, tokens, place)
    return alone and begins_line(text, tokens, place + 1)
