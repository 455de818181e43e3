"""The paths of steps in tests. Their grammar and their names are those of the paths that a run prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from .. import syntax as s
from .. import types as t
from ..path_names import REDUCE, step_names
from ..records import dataclass
from .callees import Callee
from .program import Flow, Step
from .reducer_arguments import called_by, condition_of, is_same, is_tournament
from .units import Unit, reached

MOST_STEPS = 10_000
"""The most steps that are looked through for one word of a path."""
MOST_ASKS = 1_000
"""The most asks of one fan-out that a path means."""


@dataclass(eq=False, repr=False, slots=True)
class PathNode:
    """A step in the tree of a flow, or the reduction of a block.

    ``step`` is the step itself; for a reduction it is the block. ``numbers`` are those behind its name in the path: of
    an element, of a sample, or of a level and a merge. ``word`` is the place of its name in the path that was given.
    """

    name: str
    unit: Unit
    step: Step
    parent: PathNode | None = None
    reduces: bool = False
    numbers: tuple[int, ...] = ()
    word: int | None = None
    _inside: list[PathNode] | None = None

    @property
    def chain(self) -> list[PathNode]:
        """The nodes from the outermost block to this node."""
        found: list[PathNode] = []
        node: PathNode | None = self
        while node is not None:
            found.append(node)
            node = node.parent
        return found[::-1]

    @property
    def path(self) -> str:
        """The path without places."""
        return ".".join(node.name for node in self.chain)

    @property
    def places(self) -> tuple[tuple[int, ...], ...]:
        """The numbers in the path, for each step."""
        return tuple(node.numbers for node in self.chain)

    @property
    def named(self) -> bool:
        """True if the author gave this step a name."""
        return not self.reduces and bool(self.step.own_name)

    @property
    def most_numbers(self) -> int:
        """The most numbers that may follow the name.

        An element, a sample and a round have one. A merge of a tree has its level and its number in this level, from 1
        and from 0. An ask of a fold has the level 1 and the number of the result that it adds. The judge of a search
        has the number of the result, and a match of a tournament its round and its number there, both from 0.
        """
        node = self.step.line.node
        if not self.reduces:
            return 1 if isinstance(node, (s.Map, s.Repeat, s.Rounds)) else 0
        reduce = _reduce(node)
        if self.judges_each:
            return 1
        fold = reduce.ask is not None and reduce.rule.text == "fold"
        pairs = self.plays or any(map(is_same, reduce.args))
        return 2 if reduce.count is not None or fold or pairs else 0

    @property
    def judges_each(self) -> bool:
        """True for the ask that judges each result of a search."""
        found = condition_of(_reduce(self.step.line.node)) if self.reduces else None
        return found is not None and isinstance(found.value, s.Ask)

    @property
    def plays(self) -> bool:
        """True for the matches of a tournament."""
        return self.reduces and is_tournament(_reduce(self.step.line.node))

    @property
    def callee(self) -> Callee | None:
        """The flow or the extern that the step calls."""
        node = self.step.line.node
        if self.reduces:
            return called_by(_reduce(node), self.unit.typed.nodes.callees)
        return self.unit.typed.nodes.callees.get(node.number) if isinstance(node, s.Call) else None

    @property
    def ask(self) -> s.Ask | None:
        """The ask of this step alone."""
        node = self.step.line.node
        if self.reduces:
            return next(iter(asks_of(_reduce(node))), None)
        return node if isinstance(node, s.Ask) else None

    @property
    def answer(self) -> t.Type:
        """The type of the ask's answer."""
        found = self.unit.typed.nodes.answers.get(self.ask.number) if self.ask is not None else None
        return t.UNKNOWN if found is None else t.without_quotes(found)

    @property
    def called(self) -> tuple[Unit, Flow] | None:
        """The flow that the step calls, with its file."""
        callee = self.callee
        unit = self.unit.of(callee) if callee is not None and callee.kind == "flow" else None
        flow = unit.flow(callee.name) if unit is not None and callee is not None else None
        return (unit, flow) if unit is not None and flow is not None else None

    @property
    def unknown(self) -> bool:
        """True if the step calls a flow that is not known, so that the call has a report of its own."""
        node, callee = self.step.line.node, self.callee
        if self.reduces or not isinstance(node, s.Call):
            return False
        return node.prefix is not None if callee is None else callee.kind == "flow" and self.called is None

    def inside(self) -> list[PathNode]:
        """Return the steps directly inside this step, with its reduction if that makes calls."""
        if self._inside is None:
            self._inside = self._found_inside()
        return self._inside

    def _found_inside(self) -> list[PathNode]:
        if self.reduces:
            return []
        if called := self.called:
            # A flow that calls itself is an error of its own, and would have no end here.
            again = any(node.step is self.step for node in self.chain[:-1])
            return [] if again else path_nodes(called[0], called[1].steps, self)
        node = self.step.line.node
        inner = path_nodes(self.unit, self.step.steps, self)
        if isinstance(node, (s.Map, s.Repeat, s.Fanout)) and (
            called_by(node.reduce, self.unit.typed.nodes.callees) is not None or asks_of(node.reduce)
        ):
            inner.append(PathNode(REDUCE, self.unit, self.step, self, reduces=True))
        return inner


def path_nodes(unit: Unit, steps: Sequence[Step], parent: PathNode | None = None) -> list[PathNode]:
    """Return the nodes of a body's steps."""
    names = step_names((step.own_name, _word(unit, step)) for step in steps)
    return [PathNode(name, unit, step, parent) for name, step in zip(names, steps, strict=True)]


def asks_of(reduce: s.Reduce) -> list[s.Ask]:
    """Return the asks of a reducer: the one that combines the results, or one that decides."""
    own = [reduce.ask] if reduce.ask is not None else []
    return [*own, *(arg.value for arg in reduce.args if isinstance(arg.value, s.Ask))]


def asking(node: PathNode) -> Iterator[PathNode]:
    """Yield the asks of a step, those inside it and in called flows too."""
    if node.ask is not None:
        yield node
    elif node.called is None or _asks(*node.called):
        for inner in node.inside():
            yield from asking(inner)


def _asks(unit: Unit, flow: Flow) -> bool:
    """Return True if a flow asks, itself or through another flow."""
    for _, one in reached(unit, flow):
        for node in (step.line.node for step in one.walk()):
            if isinstance(node, s.Ask) or (isinstance(node, (s.Map, s.Repeat, s.Fanout)) and asks_of(node.reduce)):
                return True
    return False


def own_asks(node: PathNode) -> list[PathNode]:
    """Return the last ask of a step, which a path without further words means.

    It is the ask that makes the step's value: the reducer's if that combines the results, or else the last ask of the
    body. A fan-out without such a reducer has one for each branch; so have a match and a cascade.
    """
    if node.ask is not None:
        return [node]
    if node.reduces:
        return []
    inner = node.inside()
    written = node.step.line.node
    if isinstance(written, (s.Map, s.Repeat, s.Fanout)) and written.reduce.ask is not None:
        return inner[-1:]
    if isinstance(written, s.Fanout | s.Match | s.Cascade):
        found: list[PathNode] = []
        for one in inner:
            found += [] if one.reduces or len(found) >= MOST_ASKS else own_asks(one)
        return found
    if called := node.called:
        if not _asks(*called):
            return []
        returned = called[1].decl.returns
        value = returned[0].value if returned else None
        named = [one for one in inner if isinstance(value, s.Name) and one.named and one.name == value.word.text]
        inner = [*inner, *named]
    # An ask that only decides, such as one that breaks a tie, is not meant if the body has an ask.
    ordered = [one for one in reversed(inner) if not one.reduces] + [one for one in inner if one.reduces]
    return next((asks for one in ordered if (asks := own_asks(one))), [])


@dataclass(frozen=True, slots=True)
class Missed:
    """A path that names no step. ``known`` has the words that would be known at the place of ``step``."""

    step: s.PathStep
    known: tuple[str, ...]
    after: PathNode | None = None
    several: tuple[PathNode, ...] = field(default=())


def find(unit: Unit, flow: Flow, path: s.Path) -> PathNode | Missed:
    """Find the step that a path names.

    A word names a step of the flow, or of the step before it. It may also name a step further inside, if the author
    gave that step a name and no other step there has the same.
    """
    found: PathNode | None = None
    nodes = path_nodes(unit, flow.steps)
    for at, word in enumerate(path):
        here = [one for one in nodes if one.name == word.word.text][:1]
        if not here:
            deep = _deep(nodes)
            here = [one for one in deep if one.named and one.name == word.word.text]
            if not here:
                known = dict.fromkeys([*(one.name for one in nodes), *(one.name for one in deep if one.named)])
                return Missed(word, tuple(known), found)
        if len(here) > 1:
            return Missed(word, (), found, tuple(here))
        found = here[0]
        found.word = at
        found.numbers = tuple(int(place.value) for place in word.places)
        nodes = found.inside()
    assert found is not None
    return found


def _deep(nodes: Sequence[PathNode]) -> list[PathNode]:
    """Return the nodes inside of nodes, at any depth, but not those of called flows."""
    todo = [inner for node in nodes if node.called is None for inner in node.inside()]
    found: list[PathNode] = []
    while todo and len(found) < MOST_STEPS:
        node = todo.pop(0)
        found.append(node)
        todo.extend(node.inside() if node.called is None else ())
    return found


def called_step(unit: Unit, flow: Flow, name: str) -> str:
    """Return the path of the first step of a called flow that has a name, "" if none has."""
    todo = path_nodes(unit, flow.steps)
    for node in todo:
        if node.named and node.name == name and any(one.called is not None for one in node.chain[:-1]):
            return node.path
        if len(todo) < MOST_STEPS:
            todo.extend(node.inside())
    return ""


def _reduce(node: s.Node) -> s.Reduce:
    assert isinstance(node, (s.Map, s.Repeat, s.Fanout))
    return node.reduce


def _word(unit: Unit, step: Step) -> str:
    """Return the word with which a step begins in the file."""
    node = step.line.node
    match node:
        case s.Ask() | s.Map() | s.Repeat() | s.Fanout() | s.Chain() | s.Match() | s.Cascade():
            return type(node).__name__.lower()
        case s.Rounds():
            return "chain"
        case s.Call() if callee := unit.typed.nodes.callees.get(node.number):
            return callee.name
    return "value"


def written_path(expr: s.Expr) -> s.Path | None:
    """Return the path that an expression looks like. None if it is no name with fields."""
    words: list[s.Word] = []
    while isinstance(expr, s.Get):
        words.append(expr.field)
        expr = expr.base
    if not isinstance(expr, s.Name):
        return None
    return tuple(s.PathStep(word, (), word.span) for word in (expr.word, *reversed(words)))
