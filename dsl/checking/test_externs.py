"""The externs that a flow calls, directly or through other flows."""

from __future__ import annotations

from .. import syntax as s
from ..records import dataclass
from .callees import Callee
from .program import Flow
from .reducer_arguments import called_by
from .units import Unit


@dataclass(frozen=True, slots=True)
class ReachedExtern:
    """An extern that a flow can call. ``key`` is its name in the plan of the flow."""

    key: str
    callee: Callee
    unit: Unit

    @property
    def decl(self) -> s.ExternDecl:
        return next(one for one in self.unit.program.file.externs if one.name.text == self.callee.name)


def reached_externs(unit: Unit, flow: Flow) -> dict[str, ReachedExtern]:
    """Return the externs that a flow can call, by their keys."""
    found: dict[str, ReachedExtern] = {}
    todo, done = [(unit, flow)], {flow}
    while todo:
        home, caller = todo.pop()
        for step in caller.walk():
            node = step.line.node
            callees = home.typed.nodes.callees
            reduced = called_by(node.reduce, callees) if isinstance(node, (s.Map, s.Repeat, s.Fanout)) else None
            for callee in (callees.get(node.number), reduced):
                there = home.of(callee) if callee is not None else None
                if callee is None or there is None:
                    continue
                if callee.kind == "extern":
                    key = callee.name if there is unit else f"{there.path}:{callee.name}"
                    found.setdefault(key, ReachedExtern(key, callee, there))
                elif (called := there.flow(callee.name)) is not None and called not in done:
                    done.add(called)
                    todo.append((there, called))
    return found
