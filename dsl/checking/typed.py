"""What the checker finds out about a file, kept for the plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import types as t
from ..diagnostics import Diagnostic
from .callees import Callee
from .folding import Folding
from .names import Step, Symbol


@dataclass(eq=False, repr=False, slots=True)
class Typed:
    """What the checker found out, for the plan: keyed by the identity of the tree's parts.

    ``answers`` are the types of asks, ``params`` and ``steps`` of what their names say, ``elements`` of what maps go
    through, ``arguments`` types that were given as such; ``words`` are names that stand for themselves; ``callees``
    what calls and reducers lead to; ``shapes`` are types to which values are cut; ``tallied`` are the votes whose
    account the flow looks at. ``own`` has the flows and externs of the file, ``declared`` its types. ``folding`` works
    out what the file alone decides.
    """

    problems: list[Diagnostic] = field(default_factory=list)
    answers: dict[int, t.Type] = field(default_factory=dict)
    params: dict[int, t.Type] = field(default_factory=dict)
    steps: dict[Step, t.Type] = field(default_factory=dict)
    elements: dict[Step, t.Type] = field(default_factory=dict)
    results: dict[int, t.Type] = field(default_factory=dict)
    arguments: dict[int, t.Type] = field(default_factory=dict)
    words: set[int] = field(default_factory=set)
    callees: dict[int, Callee] = field(default_factory=dict)
    shapes: dict[int, t.Type] = field(default_factory=dict)
    tallied: set[Step] = field(default_factory=set)
    own: dict[str, Callee] = field(default_factory=dict)
    declared: dict[str, t.Type] = field(default_factory=dict)
    folding: Folding = field(init=False)

    def type_of(self, symbol: Symbol) -> t.Type:
        """The type of what a name stands for; unknown for models, and for what a reducer sees."""
        if symbol.param is not None:
            return self.params.get(id(symbol.param), t.UNKNOWN)
        if symbol.step is None or symbol.kind == "results":
            return t.UNKNOWN
        return (self.elements if symbol.kind == "element" else self.steps).get(symbol.step, t.UNKNOWN)
