"""The order of a plan's steps: their kinds, their needs, and the steps that are finished before each begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import plan as p
from ..graph import topological
from ..identity import Identity
from ..templates.read import template_names


class StepOrder:
    """The order of the steps in each body, worked out once for each body."""

    def __init__(self) -> None:
        self._orders: dict[Identity, tuple[p.Step, ...]] = {}
        self._near: dict[Identity, dict[str, frozenset[str]]] = {}
        self._before: dict[Identity, dict[str, frozenset[str]]] = {}
        self._inner: dict[Identity, frozenset[str]] = {}

    def of(self, steps: tuple[p.Step, ...]) -> tuple[p.Step, ...]:
        """Return the steps of a body, each after the steps that it waits for."""
        body = Identity(steps)
        if body not in self._orders:
            own = {step.name: step for step in steps}
            order = topological(
                {name: [need for need in self._needs(step) if need in own] for name, step in own.items()}
            )
            self._orders[body] = tuple(own[name] for name in order[0])
        return self._orders[body]

    def before(self, steps: tuple[p.Step, ...]) -> dict[str, frozenset[str]]:
        """Return for each step of a body the steps that are finished before it begins."""
        body = Identity(steps)
        if body not in self._before:
            before: dict[str, frozenset[str]] = {}
            for name, near in self.near(steps).items():
                before[name] = frozenset(near.union(*(before[need] for need in near)))
            self._before[body] = before
        return self._before[body]

    def near(self, steps: tuple[p.Step, ...]) -> dict[str, frozenset[str]]:
        """Return for each step of a body, in order, the needs that are finished before it begins.

        A map may begin before the step whose list it takes is finished, so that step does not count.
        """
        body = Identity(steps)
        if body not in self._near:
            own = {step.name for step in steps}
            near: dict[str, frozenset[str]] = {}
            for step in self.of(steps):
                node = step.node
                source = node.source.name if isinstance(node, p.Map) and isinstance(node.source, p.Ref) else None
                near[step.name] = frozenset(need for need in step.needs if need in own and need != source)
            self._near[body] = near
        return self._near[body]

    def _needs(self, step: p.Step) -> frozenset[str]:
        """Return the names that a step, or any step inside it, waits for."""
        key = Identity(step)
        if key not in self._inner:
            needs = set(step.needs)
            if step.block is not None:
                needs.update(*(self._needs(inner) for inner in step.block.steps))
            if isinstance(step.node, (p.Map, p.Repeat, p.Fanout)):
                needs.update(step.node.reduce.needs)
            self._inner[key] = frozenset(needs)
        return self._inner[key]


def early_needs(node: p.Node) -> tuple[str, ...]:
    """Return the needs of a block's reducer that the block waits for when it begins.

    A rule takes its arguments at the beginning. An ask and an extern wait for what they mention when the results are
    there.
    """
    if not isinstance(node, (p.Map, p.Repeat, p.Fanout)) or node.reduce.extern is not None:
        return ()
    reduce = node.reduce
    if not reduce.asks:
        return reduce.needs
    first = set(_mentions([*reduce.args.values(), *([] if reduce.count is None else [reduce.count])]))
    return tuple(need for need in reduce.needs if need in first)


def _mentions(exprs: Iterable[p.Expr]) -> Iterator[str]:
    """Yield the names in expressions. The name of a vote whose tally a function reads is a constant."""
    for expr in p.walk_exprs(exprs):
        match expr:
            case p.Ref(name):
                yield name
            case p.TextOf(template):
                yield from template_names(template)
            case p.CallOf(args=args):
                yield from (
                    arg.value for arg in args.values() if isinstance(arg, p.Constant) and type(arg.value) is str
                )


def kind_of(node: p.Node) -> str:
    """Return the kind of a node in the words of the table that `flowrun plan` prints."""
    match node:
        case p.FlowCall(flow):
            return f"flow {flow.rpartition(':')[2]}"
        case p.ExternCall(extern):
            return f"extern {extern.rpartition(':')[2]}"
    return node.kind
