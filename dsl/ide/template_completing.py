"""The proposals inside of a template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .. import types as t
from ..checking.program import Scope
from ..templates.values import LOOP
from .known_values import Known
from .pieces import Piece
from .proposals import NEAR, Proposals
from .scopes import fields_of, known_chain
from .snippets import TEMPLATES
from .values import Completion
from .view import View
from .words import RESULTS, shown

Locals = dict[str, Known]
_NAMES = frozenset({"T-NAME"})


def in_template(pieces: Sequence[Piece]) -> bool:
    """Return True if a template's bracket is open behind these pieces."""
    for one in reversed(pieces):
        if one.type == "T-OPEN":
            return True
        if one.type == "T-CLOSE" or not one.type.startswith("T-"):
            return False
    return False


def template_proposals(
    view: View, pieces: Sequence[Piece], proposals: Proposals, scope: Scope | None
) -> Iterator[Completion]:
    """Yield what can be written behind the pieces of one text. The word at the cursor is not among them."""
    inner = [one for one in pieces if one.type.startswith("T-")]
    local = _locals(view, inner, scope)
    opened = max((place for place, one in enumerate(inner) if one.type == "T-OPEN"), default=-1)
    if opened < 0:
        return
    own = inner[opened + 1 :]
    statement = inner[opened].text == "{%"
    if statement and not own:
        yield from proposals.forms(TEMPLATES, NEAR)
        return
    if statement and own[0].text == "for" and len(own) < 3:
        if len(own) == 2:
            yield from proposals.words(("in",), NEAR)
        return
    if statement and own[0].text == "set" and len(own) < 3:
        return
    last = own[-1].text if own else ""
    if last == "|":
        yield from proposals.filters()
    elif last == "." and (chain := _chain(own)):
        yield from _fields(view, proposals, chain, local, scope)
    elif last == "is":
        yield from proposals.words(("defined", "none", "not"), NEAR)
    elif own and own[-1].type in ("T-NAME", "T-TEXT", "T-NUMBER") and last not in _JOINING:
        yield from proposals.words(_BETWEEN if statement else ("if", "else", "and", "or"))
    else:
        if last in ("=", "!") and (compared := _chain(_before_sign(own))):
            first = local.get(compared[0])
            value = known_chain(view, scope or Scope(None), compared, first)
            yield from proposals.choices(value.type, quoted="'")
        yield from _names(proposals, local)
        yield from proposals.names(models=False)


_JOINING = frozenset("if elif in and or not else is for set".split())
_BETWEEN = ("in", "if", "else", "and", "or", "not", "is")


def _before_sign(own: Sequence[Piece]) -> Sequence[Piece]:
    """Return the pieces before a `==` or a `!=`, with a dot behind them that marks the end of a chain."""
    kept = list(own)
    while kept and kept[-1].text in ("=", "!"):
        kept.pop()
    return [*kept, Piece("T-SIGN", ".", 0, 0)] if kept else kept


def _chain(own: Sequence[Piece]) -> list[str]:
    """Return the names before a dot at the end."""
    found: list[str] = []
    at = len(own) - 1
    while at >= 1 and own[at].text == "." and own[at - 1].type in _NAMES:
        found.append(own[at - 1].text)
        at -= 2
    return found[::-1]


def _fields(
    view: View, proposals: Proposals, chain: Sequence[str], local: Locals, scope: Scope | None
) -> Iterator[Completion]:
    symbol = scope.lookup(chain[0]) if scope is not None else None
    if symbol is not None and symbol.kind == "texts" and len(chain) == 1:
        yield from proposals.texts(chain[0])
        return
    value = known_chain(view, scope or Scope(None), chain, local.get(chain[0]))
    yield from proposals.fields(fields_of(value.type))


def _names(proposals: Proposals, local: Locals) -> Iterator[Completion]:
    for name, known in local.items():
        said = RESULTS.get(name, "A name of this template.")
        yield proposals.one(name, "element", shown(known.type, 80), said, rank=NEAR)


def _locals(view: View, inner: Sequence[Piece], scope: Scope | None) -> Locals:
    """Return the names that the statements before the cursor set."""
    local: Locals = {}
    outer: list[Locals] = []
    for words in _statements(inner):
        if not words:
            continue
        if words[0].text == "for":
            outer.append(dict(local))
            if len(words) > 3 and words[2].text == "in":
                local[words[1].text] = _item(view, _value(view, words[3:], local, scope))
            elif len(words) > 1:
                local[words[1].text] = Known()
            local["loop"] = Known(LOOP)
        elif words[0].text == "endfor" and outer:
            local = outer.pop()
        elif words[0].text == "set" and len(words) > 3:
            local[words[1].text] = _value(view, words[3:], local, scope)
    return local


def _item(view: View, value: Known) -> Known:
    if view.index.home is not None:
        return view.index.home.item(value)
    inner = t.unwrapped(value.type)
    return Known(inner.item) if isinstance(inner, t.ListOf) else Known()


def _statements(inner: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the words of each statement that is closed."""
    words: list[Piece] | None = None
    for one in inner:
        if one.type == "T-OPEN":
            words = [] if one.text == "{%" else None
        elif one.type == "T-CLOSE":
            if words is not None:
                yield words
            words = None
        elif words is not None and one.text not in ("-", "+"):
            words.append(one)


def _value(view: View, words: Sequence[Piece], local: Locals, scope: Scope | None) -> Known:
    """Return what is known of the name with fields at the beginning of an expression."""
    chain: list[str] = []
    for number, one in enumerate(words):
        if number % 2:
            if one.text != ".":
                break
        elif one.type in _NAMES:
            chain.append(one.text)
        else:
            break
    return known_chain(view, scope or Scope(None), chain, local.get(chain[0])) if chain else Known()
