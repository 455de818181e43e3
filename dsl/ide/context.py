"""The place of the cursor among the pieces of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..records import dataclass
from .pieces import Piece
from .view import View

Around = Literal["file", "body", "match", "record", "list", "type", "test", "params", "call", "with", "group"]
"""The kind of the bracket around the cursor, or of the clause."""
DECLARATIONS = frozenset({"FLOW", "MODEL", "ENDPOINT", "TEXT", "PROMPT", "TYPE", "IMPORT", "EXTERN", "TEST", "SETUP"})
_CLOSES = {"RBRACE": "LBRACE", "RPAR": "LPAR", "RSQB": "LSQB"}
_OPENS = frozenset(_CLOSES.values())
_ENDS = frozenset({"NAME", "STRING", "NUMBER", "DURATION", "PERCENT", "MONEY", "RPAR", "RBRACE", "RSQB", "OPTIONAL"})
_RECORD = frozenset({"EQUAL", "COLON", "COMMA", "LPAR", "LSQB", "RETURN", "COMPARE", "FALLBACK", "IN", "LBRACE"})


@dataclass(frozen=True, slots=True)
class Context:
    """The place of the cursor.

    ``start`` and ``end`` are the word at the cursor, of which ``word`` is the part before it. ``pieces`` are the pieces
    before this word, without comments and the insides of templates. ``string`` is the text around the cursor.
    ``around`` is the kind of the innermost bracket, and ``opener`` the place of this bracket among the pieces.
    ``first`` says that the word begins its line.
    """

    start: int
    end: int
    word: str
    pieces: tuple[Piece, ...]
    string: Piece | None
    around: Around
    opener: int
    decl: str
    first: bool

    @property
    def last(self) -> str:
        """The type of the piece before the word, its text for a sign without a name; "" at the beginning."""
        return self.back(1)

    def back(self, number: int) -> str:
        if number > len(self.pieces):
            return ""
        one = self.pieces[-number]
        return one.text if one.type.startswith("__") else one.type

    @property
    def ended(self) -> bool:
        """True if the piece before the word can end a value."""
        return self.last in _ENDS

    @property
    def chain(self) -> tuple[str, ...]:
        """The names before a dot: ``("a", "b")`` behind ``a.b.``."""
        found: list[str] = []
        at = len(self.pieces) - 1
        while at >= 1 and self.pieces[at].type == "DOT" and self.pieces[at - 1].text.isidentifier():
            found.append(self.pieces[at - 1].text)
            at -= 2
        return tuple(reversed(found))

    @property
    def left(self) -> list[str]:
        """Return the name with fields on the left of an operator."""
        found: list[str] = []
        at = len(self.pieces) - 2
        while at >= 0 and self.pieces[at].text.isidentifier():
            found.append(self.pieces[at].text)
            if at < 1 or self.pieces[at - 1].type != "DOT":
                break
            at -= 2
        return found[::-1]


def context_at(view: View, at: int) -> Context | None:
    """Return the place of the cursor. None in a comment."""
    before = view.before(at)
    whole = [one for one in before if not one.type.startswith("T-")]
    start = end = at
    string = None
    last = whole[-1] if whole else None
    if last is not None and last.type == "COMMENT" and at <= last.end:
        return None
    if last is not None and last.type == "STRING" and (at < last.end or (last.open and at <= last.end)):
        string = whole.pop()
    elif last is not None and last.end >= at and last.text[:1].isidentifier():
        start, end = last.start, last.end
        whole.pop()
    pieces = tuple(one for one in whole if one.type != "COMMENT")
    around, opener, decl = _around(pieces)
    line = view.source.text.rfind("\n", 0, start) + 1
    first = not view.source.text[line:start].strip(" \t{")
    return Context(start, end, view.source.text[start:at], pieces, string, around, opener, decl, first)


def _around(pieces: Sequence[Piece]) -> tuple[Around, int, str]:
    """Return the kind of the innermost open bracket, its place, and the declaration around it."""
    opened: list[tuple[int, Around]] = []
    decl = ""
    for place, one in enumerate(pieces):
        if one.type in _OPENS:
            opened.append((place, _kind(pieces, place, opened, decl)))
        elif one.type in _CLOSES:
            if opened and pieces[opened[-1][0]].type == _CLOSES[one.type]:
                opened.pop()
        elif one.type in DECLARATIONS and not opened and (place + 1 == len(pieces) or _names(pieces, place)):
            decl = one.type
        elif one.type in DECLARATIONS and _new_line(pieces, place) and one.type == "FLOW":
            # A declaration inside of brackets: some bracket before it was never closed.
            opened.clear()
            decl = one.type
    if opened:
        return opened[-1][1], opened[-1][0], decl
    return ("with" if _in_with(pieces) else "file"), -1, decl


def _names(pieces: Sequence[Piece], place: int) -> bool:
    return pieces[place + 1].text[:1] in '"' or pieces[place + 1].text[:1].isidentifier()


def _new_line(pieces: Sequence[Piece], place: int) -> bool:
    after = pieces[place + 1 : place + 3]
    return len(after) == 2 and after[0].type == "NAME" and after[1].type == "LPAR"


def _in_with(pieces: Sequence[Piece]) -> bool:
    return bool(pieces) and pieces[-1].type == "WITH"


def _kind(pieces: Sequence[Piece], place: int, opened: Sequence[tuple[int, Around]], decl: str) -> Around:
    one = pieces[place]
    before = pieces[place - 1] if place else None
    outer = opened[-1][1] if opened else "file"
    said = "" if before is None else before.text if before.type.startswith("__") else before.type
    if one.type == "LPAR":
        if decl in ("FLOW", "EXTERN", "PROMPT") and not opened and said == "NAME":
            two = pieces[place - 2].type if place > 1 else ""
            if two in ("FLOW", "EXTERN", "PROMPT"):
                return "params"
        return "call" if before is not None and before.text.isidentifier() else "group"
    if said in ("->", "VBAR") or (decl == "TYPE" and not (opened and outer != "type")):
        return "type"
    if said in ("COLON", "LSQB") and outer in ("type", "params"):
        return "type"
    if one.type == "LSQB":
        return "list"
    if decl in ("TEST", "SETUP") and not opened:
        return "test"
    if said in _RECORD and not (said == "LBRACE" and outer == "body" and place == 0):
        return "record"
    return "match" if _begins(pieces, place) == "MATCH" else "body"


def _begins(pieces: Sequence[Piece], place: int) -> str:
    """Return the word that begins the block of a brace."""
    depth = 0
    for number in range(place - 1, -1, -1):
        type = pieces[number].type
        if type in _CLOSES:
            depth += 1
        elif type in _OPENS:
            if not depth:
                return ""
            depth -= 1
        elif not depth and type in ("MATCH", "MAP", "REPEAT", "FANOUT", "CHAIN", "FLOW"):
            return type
    return ""


def clause_of(context: Context) -> str:
    """Return the word of the clause that the cursor is in: `WITH`, `AFTER`, `BUDGET`, or "" for none."""
    depth = 0
    for number in range(len(context.pieces) - 1, context.opener, -1):
        type = context.pieces[number].type
        if type in _CLOSES:
            depth += 1
        elif type in _OPENS:
            depth -= 1
        elif not depth and type in ("WITH", "AFTER", "BUDGET", "REPLY", "EXPECT", "WHEN", "CHECK", "UNTIL", "REDUCE"):
            return type
        elif not depth and type in ("EQUAL", "RETURN", "ASK", "MAP", "REPEAT", "FANOUT", "CHAIN", "MATCH"):
            return ""
    return ""


def stands_on(context: Context) -> str:
    """Return the kind of step or declaration on which the options at the cursor stand."""
    depth = 0
    for number in range(len(context.pieces) - 1, -1, -1):
        one = context.pieces[number]
        if one.type in _CLOSES:
            depth += 1
        elif one.type in _OPENS:
            if not depth:
                return "ask" if one.type == "LPAR" else ""
            depth -= 1
        elif not depth:
            if one.type in ("MAP", "REPEAT", "FANOUT", "CHAIN", "MATCH", "ASK"):
                return one.type.lower()
            if one.type in ("MODEL", "ENDPOINT"):
                return "model"
            if one.type == "FLOW":
                return "ask"
            if one.type in ("EQUAL", "RETURN") and _called(context.pieces, number):
                return "flow"
    return ""


def _called(pieces: Sequence[Piece], number: int) -> bool:
    return (
        number + 2 < len(pieces) and pieces[number + 2].type in ("LPAR", "DOT") and pieces[number - 2].type != "MODEL"
    )
