"""The proposals outside of texts."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from .call_completing import in_call
from .context import Context, clause_of, stands_on
from .proposals import FAR, LAST, NEAR, Proposals
from .scopes import fields_of, known_chain, script_at
from .snippets import DECLARATIONS, NODES, REDUCES, STEPS
from .stage_completing import stage_words
from .test_completing import expected_scope, in_test, path_words, tested_flow
from .values import Completion
from .view import View
from .words import RESULTS, sentence

_CLAUSES = ("with", "after", "when", "else", "->", "check", "reduce", "until", "where", "at most")


def code_proposals(view: View, at: int, context: Context, proposals: Proposals) -> Iterator[Completion]:
    """Yield what can be written at a place outside of texts."""
    last = context.last
    if last == "DOT":
        yield from _behind_dot(view, context, proposals)
    elif last in ("FLOW", "MODEL", "ENDPOINT", "TEXT", "PROMPT", "TYPE", "EXTERN") and context.around == "file":
        return
    elif last == "REDUCE":
        yield from proposals.reducers()
        yield from proposals.forms(REDUCES, FAR)
    elif (last == "ASK" and context.back(2) != "REDUCE") or (last == "ASK"):
        yield from proposals.models()
        yield from proposals.words(("system", "user"), FAR)
        yield from proposals.calls(prompts=True)
    elif _typed(context):
        yield from proposals.types()
    elif context.around == "test":
        yield from in_test(view, at, context, proposals)
    elif context.around == "file":
        yield from _at_top(context, proposals)
    elif last == "AFTER" or (last == "COMMA" and clause_of(context) == "AFTER"):
        yield from _steps(proposals)
    elif last == "WITH" or (last == "COMMA" and clause_of(context) == "WITH" and context.around != "call"):
        yield from proposals.options(stands_on(context), _given(context))
    elif context.around == "call":
        yield from in_call(view, context, proposals)
    elif last == "COLON" and clause_of(context) == "WITH":
        yield from proposals.option_values(context.pieces[-2].text if len(context.pieces) > 1 else "")
        yield from proposals.names()
    else:
        yield from _in_flow(view, at, context, proposals)


def _typed(context: Context) -> bool:
    last = context.last
    if last in ("->", "MATCHES"):
        return True
    if last == "VBAR":
        return True
    if context.around == "params":
        return last == "COLON" or last in ("TRUSTED", "UNTRUSTED")
    if context.around == "type":
        return last in ("COLON", "LSQB", "TRUSTED", "UNTRUSTED")
    return context.decl == "TYPE" and last == "EQUAL"


def _given(context: Context) -> list[str]:
    """Return the names of the options that are written already."""
    found: list[str] = []
    for number in range(len(context.pieces) - 1, -1, -1):
        one = context.pieces[number]
        if one.type == "WITH":
            break
        if one.type == "COLON" and number:
            found.append(context.pieces[number - 1].text)
    return found


def _behind_dot(view: View, context: Context, proposals: Proposals) -> Iterator[Completion]:
    chain = context.chain
    scope = proposals.scope
    if not chain:
        return
    symbol = scope.lookup(chain[0]) if scope is not None else None
    home = proposals.home
    before = context.back(2 * len(chain) + 1)
    prefixed = home is not None and home.prefix(chain[0]) is not None and len(chain) == 1
    if prefixed and (symbol is None or symbol.kind == "texts"):
        if _typed_before(context, len(chain)):
            yield from proposals.types(chain[0])
        elif before == "ASK" or context.back(2 * len(chain) + 2) == "ASK":
            yield from proposals.calls(chain[0], prompts=True)
        else:
            yield from proposals.members(chain[0])
        return
    if scope is None:
        return
    scope = expected_scope(view, context, scope)
    yield from proposals.fields(fields_of(known_chain(view, scope, chain).type))
    if context.around == "test":
        script = script_at(view, context.start)
        tested = tested_flow(view, script) if script is not None else None
        if tested is not None:
            yield from path_words(proposals, tested, chain)


def _typed_before(context: Context, length: int) -> bool:
    cut = Context(
        context.start,
        context.end,
        context.word,
        context.pieces[: len(context.pieces) - 2 * length],
        None,
        context.around,
        context.opener,
        context.decl,
        context.first,
    )
    return _typed(cut)


def _at_top(context: Context, proposals: Proposals) -> Iterator[Completion]:
    """Yield what can stand outside of all declarations, or in the head of one."""
    last = context.last
    if last == "OF":
        for home, decl in proposals.declared():
            if isinstance(decl, s.FlowDecl):
                yield proposals.one(decl.name.text, "flow", "", sentence("a flow of the file"), rank=NEAR)
                _ = home
        yield from proposals.prefixes()
        return
    if last == "WITH":
        yield from proposals.options(stands_on(context), _given(context))
        return
    if clause_of(context) == "WITH" and last in ("COMMA", "COLON"):
        if last == "COMMA":
            yield from proposals.options(stands_on(context), _given(context))
        else:
            yield from proposals.option_values(context.pieces[-2].text)
        return
    if context.decl == "FLOW" and last in ("BUDGET", "COMMA"):
        return
    if not context.first or (context.pieces and last == "EQUAL"):
        words = {"FLOW": ("budget", "with"), "MODEL": ("else", "with"), "ENDPOINT": ("key", "with", "at")}
        words |= {"IMPORT": ("as",), "PROMPT": ("from",), "EXTERN": ("from",), "TEST": ("of",), "SETUP": ("of",)}
        if context.decl == "MODEL" and last == "NAME":
            yield from proposals.words(("with",), NEAR)
        yield from proposals.words(words.get(context.decl, ()), NEAR)
        return
    yield from proposals.forms(DECLARATIONS, NEAR)
    if context.decl == "FLOW" and last == "RPAR":
        yield from proposals.words(("budget", "with"))


def _in_flow(view: View, at: int, context: Context, proposals: Proposals) -> Iterator[Completion]:
    """Yield what can stand in the body of a flow or a block."""
    last = context.last
    first = context.first or last == "LBRACE"
    if context.around == "body" and first:
        yield from proposals.forms(STEPS, NEAR)
        if (context.opener >= 0 and context.opener < len(context.pieces) - 1) or last == "LBRACE":
            yield from proposals.forms(NODES)
            yield from proposals.calls()
        if context.ended:
            yield from proposals.words(("with", "after", "when", "check", "return"), FAR)
        yield from proposals.names()
        return
    if context.around == "match" and first:
        yield from _classes(view, context, proposals)
        return
    if last in ("EQUAL", "RETURN"):
        yield from proposals.forms(NODES)
        yield from proposals.calls()
        yield from proposals.values()
        return
    if last in ("MAP", "REPEAT", "TO", "MOST", "UP"):
        yield from proposals.words(("to",) if last == "UP" else ())
        return
    if last == "CHECK":
        yield proposals.one("answer", "answer", "", RESULTS["answer"], rank=NEAR)
    if last == "ELSE" and context.pieces[-2:-1] and context.pieces[-2].type == "RBRACE":
        yield from proposals.words(("fail", "last"), NEAR)
        yield proposals.one("best", "keyword", "", "The best round.", text="best(by: ${1:score})$0", snippet=True)
        yield from proposals.values()
        return
    if context.ended and not context.first:
        yield from _clauses(context, proposals)
        return
    if last in ("COMPARE", "IN", "FALLBACK", "ELSE"):
        compared = context.left
        if compared and proposals.scope is not None:
            yield from proposals.choices(known_chain(view, proposals.scope, compared).type)
    if context.around == "record" and last in ("LBRACE", "COMMA"):
        yield from proposals.names(models=False)
        return
    if last == "IN" and context.back(3) == "OVER":
        yield from proposals.names(lists=True)
    if last == "IN" and context.back(3) == "MAP":
        yield from proposals.names(models=False, lists=True)
    yield from stage_words(view, at, context, proposals)
    yield from proposals.values()


def _clauses(context: Context, proposals: Proposals) -> Iterator[Completion]:
    if context.last == "NUMBER" and "REPEAT" in (context.back(2), context.back(4)):
        yield from proposals.words(("over",), NEAR)
        return
    if context.last == "RBRACE":
        yield from proposals.words(("reduce", "until", "with", "after", "when"), NEAR)
        return
    if context.back(2) in ("MAP", "OVER") or (context.back(2) == "COMMA" and context.back(4) == "MAP"):
        yield from proposals.words(("in",), NEAR)
        return
    for word in _CLAUSES:
        if word == "->":
            yield proposals.one("->", "keyword", "", "The type of the answer.", rank=FAR)
        elif word == "at most":
            yield proposals.one(word, "keyword", "", "The most elements of a map.", rank=LAST)
        else:
            yield from proposals.words((word,), FAR)
    yield from proposals.words(("and", "or", "in"), LAST)


def _steps(proposals: Proposals) -> Iterator[Completion]:
    if proposals.scope is None:
        return
    for name in dict.fromkeys(proposals.scope.known()):
        symbol = proposals.scope.lookup(name)
        if symbol is not None and symbol.kind in ("step", "branch") and not proposals.inside(symbol):
            yield proposals.symbol(symbol)


def _classes(view: View, context: Context, proposals: Proposals) -> Iterator[Completion]:
    """Yield the classes of a match that have no branch yet."""
    pieces = context.pieces
    words: list[str] = []
    for number in range(context.opener - 1, -1, -1):
        if pieces[number].type == "MATCH":
            break
        if pieces[number].type != "DOT":
            words.append(pieces[number].text)
    scope = proposals.scope
    type_ = known_chain(view, scope, words[::-1]).type if scope is not None and words else t.UNKNOWN
    taken = {
        pieces[number - 1].text.strip('"')
        for number in range(context.opener + 1, len(pieces))
        if pieces[number].type == "EQUAL"
    }
    inner = t.unwrapped(type_)
    options = inner.options if isinstance(inner, t.Choice) else ("true", "false") if inner == t.BOOL else ()
    rest = [*options, *(["none"] if isinstance(type_, t.Optional) else []), "else"]
    for word in rest:
        if word not in taken:
            name = word if word.isidentifier() else f'"{word}"'
            yield proposals.one(word, "choice", "", "A class of the value.", text=f"{name} = ", rank=NEAR)
