"""The nodes for steps, blocks and lines."""

from __future__ import annotations

from dataclasses import field

from ..records import dataclass
from ..source import Span
from .nodes import Ask, Expr, Name, Number, Option, Reduce
from .words import String, Word, at, numbered


@dataclass(frozen=True, slots=True)
class Body:
    """The lines between two braces."""

    lines: tuple[Line, ...]
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Fanout:
    body: Body
    reduce: Reduce
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Map:
    """A map. ``index`` is the name of an element's place in the source.

    A ``bare`` map is written without a body: its body has one line, which is the element.
    """

    element: Word
    source: Expr
    where: Expr | None
    at_most: Number | None
    body: Body
    reduce: Reduce
    span: Span = at()
    index: Word | None = None
    bare: bool = False
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeat. ``repeat 3`` has 3 for both ``least`` and ``most``.

    A panel, ``repeat 3 over element in over``, gives each sample an item of a list, in turn.
    """

    least: Number
    most: Number
    body: Body
    reduce: Reduce
    span: Span = at()
    element: Word | None = None
    over: Expr | None = None
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Chain:
    body: Body
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Match:
    """A match: the class of a value chooses the one branch that runs.

    ``body`` has a line for each branch, whose name is the class. ``classes`` has the classes as they are written, bare
    or in quotes, in the order of the lines.
    """

    value: Expr
    body: Body
    classes: tuple[Word | String, ...]
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Rounds:
    """A chain that runs again until a condition holds: ``chain up to N { … } until …``.

    ``otherwise`` is the word for rounds that never held: ``last``, ``fail`` or ``best``; None means ``fail``. ``by`` is
    the expression that is greatest in the best round.
    """

    most: Number
    body: Body
    until: Expr
    otherwise: Word | None
    by: Expr | None
    span: Span = at()
    number: int = numbered()

    @property
    def ends(self) -> tuple[Expr, ...]:
        """The expressions that are worked out at the end of a round."""
        return (self.until,) if self.by is None else (self.until, self.by)


@dataclass(frozen=True, slots=True)
class Cascade:
    """A cascade: its stages run one after another until one need not go on.

    ``body`` has a line for each stage. The `when` of a line is the condition for going on to this stage; it has no
    `else`.
    """

    body: Body
    span: Span = at()
    number: int = numbered()


Node = Ask | Fanout | Map | Repeat | Chain | Match | Rounds | Cascade | Expr


def source_of(node: Node) -> Expr | None:
    """Return the list whose elements the body of a map or of a panel sees. None for any other node."""
    return node.source if isinstance(node, Map) else node.over if isinstance(node, Repeat) else None


@dataclass(frozen=True, slots=True)
class When:
    condition: Expr
    otherwise: Expr | None
    span: Span = at()


@dataclass(frozen=True, slots=True)
class Line:
    """A step as it is written: ``name = node`` with its clauses, or a node without a name."""

    name: Word | None
    node: Node
    options: tuple[Option, ...]
    after: tuple[Word, ...]
    when: When | None
    span: Span = at()
    number: int = numbered()


@dataclass(frozen=True, slots=True)
class Return:
    """The line that ends a flow.

    If it returns an ask, a block, or a value with clauses, ``step`` is the step of that node and ``value`` is its name.
    If it returns a call, ``step`` is the step that it becomes if the function is a flow or an extern, and ``name`` is
    the mention of that step.
    """

    value: Expr
    span: Span = at()
    step: Line | None = field(default=None, compare=False)
    name: Name | None = field(default=None, compare=False)

    @property
    def own(self) -> bool:
        """True if the returned node is a step of the flow."""
        return self.step is not None and self.value is self.name
