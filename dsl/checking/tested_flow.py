"""The flow that a test runs, with what its lines ask about it. Each answer is worked out once for all tests."""

from __future__ import annotations

from functools import cached_property
from itertools import islice

from .. import syntax as s
from .program import Flow
from .test_externs import ReachedExtern, reached_externs
from .test_files import files_read
from .test_paths import Missed, PathNode, asking, find, own_asks, path_nodes
from .units import Unit


class TestedFlow:
    """A flow with its file."""

    def __init__(self, unit: Unit, flow: Flow) -> None:
        self.unit = unit
        self.flow = flow
        self._nodes: dict[str, PathNode] = {}
        self._asks: dict[str, list[PathNode]] = {}

    @property
    def name(self) -> str:
        return self.flow.decl.name.text

    def find(self, path: s.Path) -> PathNode | Missed:
        """Find the step that a path names."""
        key = _key(path)
        known = self._nodes.get(key)
        if known is not None:
            return known
        found = find(self.unit, self.flow, path)
        if isinstance(found, PathNode):
            self._nodes[key] = found
        return found

    def asks(self, path: s.Path) -> list[PathNode]:
        """Return the asks that a path means, without further words. Empty if it names no step."""
        key = _key(path)
        if key not in self._asks:
            found = self.find(path)
            self._asks[key] = own_asks(found) if isinstance(found, PathNode) else []
        return self._asks[key]

    @cached_property
    def first_asks(self) -> list[PathNode]:
        """The first two asks of the flow, fewer if it has fewer."""
        every = (ask for node in path_nodes(self.unit, self.flow.steps) for ask in asking(node))
        return list(islice(every, 2))

    @property
    def only_ask(self) -> PathNode | None:
        """The only ask of the flow. None if it has several, or none."""
        return self.first_asks[0] if len(self.first_asks) == 1 else None

    @cached_property
    def externs(self) -> dict[str, ReachedExtern]:
        """The externs that the flow can call, by their keys in its plan."""
        return reached_externs(self.unit, self.flow)

    @cached_property
    def files(self) -> set[str] | None:
        """The paths of the files that the flow reads, some with wildcards. None if the run decides a path."""
        return files_read(self.unit, self.flow)


class TestedFlows:
    """The flows that the tests of one file run."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._known: dict[tuple[str, str], TestedFlow | None] = {}

    def of(self, decl: s.TestDecl | s.SetupDecl) -> TestedFlow | None:
        """Return the flow that a test or a setup names. None if there is none."""
        name = decl.prefix.text if decl.prefix is not None else "", decl.flow.text
        if name not in self._known:
            found = self.unit.tested(*name)
            self._known[name] = TestedFlow(*found) if found is not None else None
        return self._known[name]


def _key(path: s.Path) -> str:
    """Return the text of a path as it is written."""
    first, last = path[0].span, path[-1].span
    return first.source.text[first.start : last.end]
