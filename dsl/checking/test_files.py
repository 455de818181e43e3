"""The files that a flow reads."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..syntax.children import children
from .program import Flow, Scope
from .units import Unit, reached

READERS = frozenset({"file", "files", "lines", "csv", "jsonl"})
"""The functions that read files. The first argument of each is a path."""


def files_read(unit: Unit, flow: Flow) -> set[str] | None:
    """Return the paths of the files that a flow reads, some with wildcards. None if the run decides a path."""
    found: set[str] = set()
    for home, one in reached(unit, flow):
        for expr, scope in _expressions(one):
            for call in _calls(expr):
                if call.function.text not in READERS or call.prefix is not None:
                    continue
                path = home.typed.folding.known(call.args[0].value, scope) if call.args else None
                if not isinstance(path, str):
                    return None
                found.add(path)
    return found


def _expressions(flow: Flow) -> Iterator[tuple[s.Expr | s.Ask, Scope]]:
    """Yield the expressions of a flow that may read files."""
    yield from ((param.default, flow.scope) for param in flow.decl.params if param.default is not None)
    yield from ((returned.value, flow.scope) for returned in flow.decl.returns)
    for step in flow.walk():
        line = step.line
        node = line.node
        yield from ((option.value, step.scope) for option in line.options)
        if line.when is not None:
            yield line.when.condition, step.scope
            if line.when.otherwise is not None:
                yield line.when.otherwise, step.scope
        if (source := s.source_of(node)) is not None:
            yield source, step.scope
            if isinstance(node, s.Map) and node.where is not None:
                yield node.where, step.inner or step.scope
        if isinstance(node, (s.Map, s.Repeat, s.Fanout)):
            yield from ((arg.value, step.scope) for arg in node.reduce.args)
            yield from ((option.value, step.scope) for option in node.reduce.options)
        elif isinstance(node, s.Match):
            yield node.value, step.scope
        elif isinstance(node, s.Rounds):
            yield from ((expr, step.until_scope or step.scope) for expr in node.ends)
        elif not isinstance(node, (s.Chain, s.Cascade, s.Ask)):
            yield node, step.scope


def _calls(expr: s.Expr | s.Ask) -> Iterator[s.Call]:
    todo = [expr]
    while todo:
        one = todo.pop()
        if isinstance(one, s.Ask):
            continue
        if isinstance(one, s.Call):
            yield one
        todo.extend(children(one))
