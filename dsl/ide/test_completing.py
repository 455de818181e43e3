"""The proposals in the lines of a test."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..checked import units_of
from ..checking.program import Scope, Symbol
from ..checking.test_expressions import RESULT
from ..checking.test_paths import PathNode, own_asks, path_nodes
from ..checking.tested_flow import TestedFlow, TestedFlows
from ..checking.units import Unit
from ..test_plan import FIGURES
from .context import Context, clause_of
from .proposals import FAR, NEAR, Proposals
from .scopes import known_chain, script_at
from .snippets import LINES
from .values import Completion
from .view import View
from .words import sentence, shown


def expected_scope(view: View, context: Context, scope: Scope) -> Scope:
    """Return the scope of an expectation: the names of the flow that the test runs, and its result."""
    script = script_at(view, context.start) if context.around == "test" else None
    tested = tested_flow(view, script) if script is not None else None
    home = view.index.home
    if tested is None or home is None or tested.unit.path:
        return scope
    inner = Scope(tested.flow.scope)
    if inner.lookup(RESULT) is None:
        result = inner.symbols[RESULT] = Symbol(RESULT, "results", tested.flow.decl.span, inner)
        home.made[result] = home.returned(tested.flow)
    return inner


def tested_flow(view: View, script: s.TestDecl | s.SetupDecl) -> TestedFlow | None:
    home = view.index.home
    if home is None:
        return None
    others = {path: one.checked for path, one in home.homes.items() if one is not home}
    unit = Unit("", home.program, home.typed, home.checked.imported, units_of(others))
    return TestedFlows(unit).of(script)


def in_test(view: View, at: int, context: Context, proposals: Proposals) -> Iterator[Completion]:
    script = script_at(view, at)
    tested = tested_flow(view, script) if script is not None else None
    last = context.last
    if last == "SETUP":
        for setup in proposals.home.file.setups if proposals.home is not None else ():
            yield proposals.one(setup.name.text, "setup", setup.flow.text, "A setup of this file.", rank=NEAR)
    elif last == "EXTERN":
        for extern in tested.externs.values() if tested is not None else ():
            yield proposals.one(extern.callee.name, "extern", "", "A Python function.", rank=NEAR)
    elif last in ("REPLY", "ASKED"):
        yield from path_words(proposals, tested, ())
    elif context.first or last == "LBRACE":
        yield from _first_words(context, proposals, tested)
    else:
        yield from _test_values(view, context, proposals, tested)


def _first_words(context: Context, proposals: Proposals, tested: TestedFlow | None) -> Iterator[Completion]:
    written = {
        context.pieces[number - 1].text
        for number in range(context.opener + 1, len(context.pieces))
        if context.pieces[number].type == "EQUAL"
    }
    for param in tested.flow.decl.params if tested is not None else ():
        name = param.name.text
        if name not in written:
            yield proposals.one(name, "param", param.type.span.text, "An input.", text=f"{name} = ", rank=NEAR)
    yield from proposals.forms(LINES)


def _test_values(view: View, context: Context, proposals: Proposals, tested: TestedFlow | None) -> Iterator[Completion]:
    clause = clause_of(context)
    if clause == "EXPECT" and context.last == "EXPECT":
        yield from proposals.words(("not", "asked", "failed"))
    if clause == "EXPECT" and context.ended:
        yield from proposals.words(("contains", "matches", "about", "skipped", "failed", "within"), NEAR)
        return
    if tested is None:
        return
    scope = expected_scope(view, context, Scope(tested.flow.scope))
    if context.last == "COMPARE":
        yield from proposals.choices(known_chain(view, scope, context.left).type)
    if clause == "REPLY" and context.last in ("COLON", "COMMA"):
        yield from _answers(context, proposals, tested)
        return
    inner = Proposals(view, proposals.span, scope)
    yield from inner.names()
    if clause == "EXPECT":
        for name, said in FIGURES.items():
            yield proposals.one(name, "value", "", sentence(said), rank=FAR)
        yield proposals.one("result", "results", "", "The value that the flow returns.", rank=NEAR)
    yield from inner.functions()


def _answers(context: Context, proposals: Proposals, tested: TestedFlow) -> Iterator[Completion]:
    """Yield the words of a choice that a scripted answer can be, and the failures."""
    pieces = context.pieces
    start = max((number for number, one in enumerate(pieces) if one.type == "REPLY"), default=len(pieces))
    words = [one.text for one in pieces[start + 1 :] if one.text.isidentifier()]
    nodes = _nodes(tested, words[:1])
    for node in [ask for one in nodes[:1] for ask in own_asks(one)[:1]]:
        yield from proposals.choices(node.answer)
    for word, said in (("error", "A failed call."), ("malformed", "A malformed answer."), ("cut", "A cut answer.")):
        yield proposals.one(word, "keyword", "", said, text=f'{word}("${{1:…}}")$0', snippet=True, rank=FAR)


def _nodes(tested: TestedFlow, words: list[str]) -> list[PathNode]:
    """Return the steps with a name, at any depth."""
    todo = path_nodes(tested.unit, tested.flow.steps)
    found: list[PathNode] = []
    while todo and len(found) < 500:
        node = todo.pop(0)
        found.append(node)
        todo += node.inside()
    return [node for node in found if not words or node.name == words[0]]


def path_words(proposals: Proposals, tested: TestedFlow | None, chain: tuple[str, ...]) -> Iterator[Completion]:
    """Yield the steps that a path can name next."""
    if tested is None:
        return
    nodes = path_nodes(tested.unit, tested.flow.steps)
    for word in chain:
        nodes = [inner for node in nodes if node.name == word for inner in node.inside()]
    for node in nodes:
        yield proposals.one(node.name, "step", shown(node.answer, 80), "A step of the flow.", rank=NEAR)
