"""The checker's results about a file. The planner uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .. import types as t
from ..diagnostics import Diagnostic
from ..path_names import RESULT
from ..records import dataclass
from .callees import Callee, Prompt
from .folding import Folding
from .node_tables import NodeTables
from .program import Mention, Step, Symbol


def constant_type(symbol: Symbol) -> t.Type:
    """Return the type of a declared text, or of the texts behind the prefix of an import."""
    if not isinstance(symbol.constant, Mapping):
        return t.TEXT
    return t.Record(tuple(t.Field(name, t.TEXT) for name in symbol.constant), symbol.name)


@dataclass(eq=False, repr=False, slots=True)
class Typed:
    """The checker's results about a file.

    ``nodes`` has the results about the nodes of the tree. ``steps`` has the types of the steps' values, ``elements``
    those of the elements of maps. ``tallied`` has the votes whose tally the flow reads, and the asks of whose answers
    it asks how sure they are. ``sources`` has the sources of
    the quotes that a step asks for. ``own`` has the flows and externs of the file, ``prompts`` its
    prompts, ``declared`` its types. ``folding`` works out the values that the file alone decides.
    """

    nodes: NodeTables
    folding: Folding
    problems: list[Diagnostic] = field(default_factory=list)
    steps: dict[Step, t.Type] = field(default_factory=dict)
    elements: dict[Step, t.Type] = field(default_factory=dict)
    tallied: set[Step] = field(default_factory=set)
    sources: dict[Step, list[Mention]] = field(default_factory=dict)
    own: dict[str, Callee] = field(default_factory=dict)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    declared: dict[str, t.Type] = field(default_factory=dict)

    def type_of(self, symbol: Symbol) -> t.Type:
        """Return the type of a symbol. It is unknown for models, and for names that only a reducer sees."""
        if symbol.param is not None:
            return self.nodes.params.get(symbol.param.number, t.UNKNOWN)
        if symbol.kind == "answer" and symbol.step is not None and symbol.step.asks is not None:
            return t.without_quotes(self.nodes.answers.get(symbol.step.asks[0].number, t.UNKNOWN))
        if symbol.constant is not None:
            return constant_type(symbol)
        if symbol.kind == "results" and symbol.name == RESULT and symbol.step is not None:
            # The result that a search judges. A missing one is not judged.
            found = [t.unwrapped(self.steps.get(one, t.UNKNOWN)) for one in symbol.step.gives]
            return t.unwrapped(t.join(found or [t.UNKNOWN]))
        if symbol.step is None or symbol.kind in ("results", "last"):
            return t.UNKNOWN
        if symbol.kind == "index":
            return t.INT
        return (self.elements if symbol.kind == "element" else self.steps).get(symbol.step, t.UNKNOWN)
