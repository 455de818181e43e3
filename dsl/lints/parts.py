"""Questions about a program that several lints ask: its blocks, rules, options and costs, and the users of a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import syntax as s
from ..catalog import Catalog, ReducerSpec
from ..checking.program import Flow, Mention, Program, Scope, Step

Block = s.Fanout | s.Map | s.Repeat


def walk(flow: Flow) -> Iterator[Step]:
    """Yield every step of a flow, each before the steps inside it. The time for a step does not depend on its depth."""
    todo = flow.steps[::-1]
    while todo:
        step = todo.pop()
        yield step
        if step.steps:
            todo.extend(reversed(step.steps))


def blocks(program: Program) -> Iterator[tuple[Step, Block]]:
    """Yield every parallel block with its step."""
    for flow in program.flows:
        for step in walk(flow):
            if isinstance(step.line.node, (s.Fanout, s.Map, s.Repeat)):
                yield step, step.line.node


def votes(program: Program, catalog: Catalog) -> Iterator[tuple[Step, Block]]:
    """Yield every block whose reducer counts equal answers, with its step."""
    for step, node in blocks(program):
        rule = rule_of(node, catalog)
        if rule is not None and rule.votes:
            yield step, node


def rule_of(node: Block, catalog: Catalog) -> ReducerSpec | None:
    return None if node.reduce.ask is not None else catalog.reducers.get(node.reduce.rule.text)


def asks(reduce: s.Reduce) -> Iterator[s.Ask]:
    """Yield the asks of a reducer: the ask about the results, and the ask that chooses among them."""
    if reduce.ask is not None:
        yield reduce.ask
    yield from (arg.value for arg in reduce.args if isinstance(arg.value, s.Ask))


def argument(reduce: s.Reduce, name: str) -> s.Arg | None:
    return next((arg for arg in reduce.args if arg.name and arg.name.text == name), None)


def option(options: Iterable[s.Option], name: str) -> s.Option | None:
    return next((one for one in options if one.name.text == name), None)


def mentions(flow: Flow) -> Iterator[Mention]:
    """Yield every mention in a flow: in its steps, its returned values and its defaults."""
    yield from flow.mentions
    for step in walk(flow):
        yield from step.mentions


class Costs:
    """The steps that make calls to a model.

    A call of another flow makes calls if that flow does. An imported flow is assumed to make calls.
    """

    def __init__(self, program: Program, catalog: Catalog) -> None:
        self._own = {flow.decl.name.text for flow in program.flows}
        self._free = {*catalog.functions, *(extern.name.text for extern in program.file.externs)}
        self._paying: set[str] = set()
        # Chains of flows may be long, so the costs of a flow are passed to its callers step by step, without recursion.
        callers: dict[str, list[str]] = {}
        todo = []
        for flow in program.flows:
            for step in walk(flow):
                if self._asks(step):
                    todo.append(flow.decl.name.text)
                else:
                    callers.setdefault(_called(step), []).append(flow.decl.name.text)
        while todo:
            name = todo.pop()
            if name not in self._paying:
                self._paying.add(name)
                todo += callers.get(name, ())

    def pays(self, step: Step) -> bool:
        return any(self._asks(one) or _called(one) in self._paying for one in step.walk())

    def _asks(self, step: Step) -> bool:
        """Tell whether a step makes a call itself, or calls a flow outside of this file."""
        match step.line.node:
            case s.Ask():
                return True
            case s.Fanout() | s.Map() | s.Repeat() as block:
                return any(asks(block.reduce))
            case s.Call(prefix=prefix, function=function):
                return prefix is not None or (function.text not in self._own and function.text not in self._free)
        return False


def _called(step: Step) -> str:
    """Return the name of the flow of this file that a step may call. Empty if it calls none."""
    node = step.line.node
    return node.function.text if isinstance(node, s.Call) and node.prefix is None else ""


def followers(block: Step, first: Iterable[Step]) -> set[Step]:
    """Return the steps inside a block that depend on the given steps.

    These are the given steps, the steps that mention them, and the steps around them. An element depends on the list of
    its map.
    """
    inside = [step for inner in block.steps for step in inner.walk()]
    known = set(inside)
    # A map or a panel has two keys: itself for its value, and a tuple of itself for the list that it runs over.
    behind: dict[Step | tuple[Step], list[Step | tuple[Step]]] = {}
    for step in inside:
        for mention in step.mentions:
            symbol = mention.symbol
            if symbol is None or symbol.step is None or symbol.kind == "results":
                continue
            source: Step | tuple[Step] = (symbol.step,) if symbol.kind in ("element", "index") else symbol.step
            behind.setdefault(source, []).append(step)
            if mention.part == "head" and s.source_of(step.line.node) is not None:
                behind.setdefault(source, []).append((step,))
        if step.parent in known:
            behind.setdefault(step, []).append(step.parent)
    found: set[Step | tuple[Step]] = set(first)
    todo = list(found)
    while todo:
        for next_ in behind.get(todo.pop(), ()):
            if next_ not in found:
                found.add(next_)
                todo.append(next_)
    return {step for step in found if isinstance(step, Step)}


def asked_with(program: Program) -> Iterator[tuple[s.Ask, tuple[s.Option, ...], Scope]]:
    """Yield all asks, also those of reducers, with the options of their steps and the scopes of their names."""
    for flow in program.flows:
        for step in walk(flow):
            node = step.line.node
            if isinstance(node, s.Ask):
                yield node, step.line.options, step.scope
            elif isinstance(node, (s.Fanout, s.Map, s.Repeat)):
                for ask in asks(node.reduce):
                    yield ask, node.reduce.options, step.reduce_scope or step.scope
