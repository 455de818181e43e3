"""The checked files that a test can reach: its own file and the imported ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from .. import syntax as s
from ..records import dataclass
from .callees import Callee, Imported
from .program import Flow, Program
from .typed import Typed


@dataclass(eq=False, repr=False, slots=True)
class Unit:
    """A checked file. ``others`` has all files that are imported, by path; ``path`` is "" for the file of the test."""

    path: str
    program: Program
    typed: Typed
    imported: Imported
    others: Mapping[str, Unit] = field(default_factory=dict)

    def flow(self, name: str) -> Flow | None:
        return next((flow for flow in self.program.flows if flow.decl.name.text == name), None)

    def of(self, callee: Callee) -> Unit | None:
        """Return the file that declares a callee of this file. None if it could not be checked."""
        return self.others.get(callee.path) if callee.path else self

    def tested(self, prefix: str, name: str) -> tuple[Unit, Flow] | None:
        """Find a flow by its prefix and name, as a test names it."""
        own = self.flow(name) if not prefix else None
        if own is not None:
            return self, own
        callee = self.imported.flows.get((prefix, name))
        unit = self.of(callee) if callee is not None else None
        flow = unit.flow(name) if unit is not None else None
        return (unit, flow) if unit is not None and flow is not None else None


def reached(unit: Unit, flow: Flow) -> Iterator[tuple[Unit, Flow]]:
    """Yield a flow and the flows that it calls, also through others, each once with its file."""
    todo, done = [(unit, flow)], {flow}
    while todo:
        home, one = todo.pop()
        yield home, one
        for step in one.walk():
            node = step.line.node
            callee = home.typed.nodes.callees.get(node.number) if isinstance(node, s.Call) else None
            there = home.of(callee) if callee is not None and callee.kind == "flow" else None
            called = there.flow(callee.name) if there is not None and callee is not None else None
            if there is not None and called is not None and called not in done:
                done.add(called)
                todo.append((there, called))
