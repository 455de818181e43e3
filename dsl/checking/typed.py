"""The checker's results about a file, kept for the plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import types as t
from ..diagnostics import Diagnostic
from .callees import Callee
from .folding import Folding
from .names import Step, Symbol


@dataclass(eq=False, repr=False, slots=True)
class Typed:
    """The checker's results about a file, for the plan; most are keyed by the identity of the tree's parts.

    Types: ``answers`` of asks, ``params`` and ``steps`` of the values that names stand for, ``elements`` of the
    elements of maps, ``arguments`` of types given as arguments, ``shapes`` to which values are cut.

    ``words`` are names that stand for themselves. ``callees`` has the callee of each call and reducer. ``tallied`` has
    the votes whose tally the flow reads. ``own`` has the flows and externs of the file, ``declared`` its types.
    ``folding`` works out the values that the file alone decides.
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
        """Return the type of a symbol; unknown for models, and for names that only a reducer sees."""
        if symbol.param is not None:
            return self.params.get(id(symbol.param), t.UNKNOWN)
        if symbol.step is None or symbol.kind == "results":
            return t.UNKNOWN
        return (self.elements if symbol.kind == "element" else self.steps).get(symbol.step, t.UNKNOWN)
