"""What several lints look at: blocks and their rules, options, what a step costs, and what follows from what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import syntax as s
from ..catalog import Catalog, ReducerSpec
from ..checking.names import Flow, Mention, Program, Step

Block = s.Fanout | s.Map | s.Repeat


def walk(flow: Flow) -> Iterator[Step]:
    """Every step of a flow, each before those inside it. However deep they stand, a step costs the same."""
    todo = flow.steps[::-1]
    while todo:
        step = todo.pop()
        yield step
        if step.steps:
            todo.extend(reversed(step.steps))


def blocks(program: Program) -> Iterator[tuple[Step, Block]]:
    """Every step that is a parallel block."""
    for flow in program.flows:
        for step in walk(flow):
            if isinstance(step.line.node, (s.Fanout, s.Map, s.Repeat)):
                yield step, step.line.node


def votes(program: Program, catalog: Catalog) -> Iterator[tuple[Step, Block]]:
    """Every block whose reducer counts equal answers."""
    for step, node in blocks(program):
        rule = rule_of(node, catalog)
        if rule is not None and rule.votes:
            yield step, node


def rule_of(node: Block, catalog: Catalog) -> ReducerSpec | None:
    return None if node.reduce.ask is not None else catalog.reducers.get(node.reduce.rule.text)


def asks(reduce: s.Reduce) -> Iterator[s.Ask]:
    """What a reducer asks: about the results, or to choose among them."""
    if reduce.ask is not None:
        yield reduce.ask
    yield from (arg.value for arg in reduce.args if isinstance(arg.value, s.Ask))


def argument(reduce: s.Reduce, name: str) -> s.Arg | None:
    return next((arg for arg in reduce.args if arg.name and arg.name.text == name), None)


def option(options: Iterable[s.Option], name: str) -> s.Option | None:
    return next((one for one in options if one.name.text == name), None)


def mentions(flow: Flow) -> Iterator[Mention]:
    """Every mention in a flow: of its steps, of what it returns, of its defaults."""
    yield from flow.mentions
    for step in walk(flow):
        yield from step.mentions


class Costs:
    """Which steps make calls. A call of another flow costs what that flow does; an imported one is taken to cost."""

    def __init__(self, program: Program, catalog: Catalog) -> None:
        self._own = {flow.decl.name.text for flow in program.flows}
        self._free = {*catalog.functions, *(extern.name.text for extern in program.file.externs)}
        self._paying: set[str] = set()
        # Chains of flows may be long: what a flow costs goes up to those that call it, step by step.
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
        """Whether a step makes a call itself, or leads to a flow that is not of this file."""
        match step.line.node:
            case s.Ask():
                return True
            case s.Fanout() | s.Map() | s.Repeat() as block:
                return any(asks(block.reduce))
            case s.Call(prefix=prefix, function=function):
                return prefix is not None or (function.text not in self._own and function.text not in self._free)
        return False


def _called(step: Step) -> str:
    """The name of a flow of the same file that a step may call; empty where it calls none."""
    node = step.line.node
    return node.function.text if isinstance(node, s.Call) and node.prefix is None else ""


def followers(block: Step, first: Iterable[Step]) -> set[Step]:
    """The steps inside a block whose values follow from the first: themselves, what mentions them, what is around.

    An element follows from what its map goes through.
    """
    inside = [step for inner in block.steps for step in inner.walk()]
    known = set(inside)
    # A map stands twice: as a value, and, in a tuple, as the list that it goes through.
    behind: dict[Step | tuple[Step], list[Step | tuple[Step]]] = {}
    for step in inside:
        for mention in step.mentions:
            symbol = mention.symbol
            if symbol is None or symbol.step is None or symbol.kind == "results":
                continue
            source: Step | tuple[Step] = (symbol.step,) if symbol.kind == "element" else symbol.step
            behind.setdefault(source, []).append(step)
            if mention.part == "head" and isinstance(step.line.node, s.Map):
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
