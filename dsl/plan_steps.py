"""The steps of a plan, and the nodes of these steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Annotated, Literal, TypeAlias

from .plain_data import OMITTED
from .plan_expressions import Ask, Expr, Passing
from .records import dataclass
from .types import ByKind, Type


@dataclass(frozen=True, slots=True)
class Reduce:
    """The reducer of a block.

    ``needs`` are the steps outside the block that the reducer mentions. ``count`` is the fan-in of a tree. ``ask``
    combines the results. ``deciding`` is an ask for a decision that counting cannot make, such as to break a tie.
    ``tallied`` says that the flow reads the tally of a vote. ``extern`` is the key of an extern that combines the
    results: its parameter ``results`` gets them, and ``args`` has the other arguments. ``passing`` is the condition of
    a search (`first(if: …)`); if an ask judges, that ask is ``deciding``.
    """

    rule: str
    args: dict[str, Expr] = field(default_factory=dict)
    ask: Ask | None = None
    options: dict[str, Expr] = field(default_factory=dict)
    count: Expr | None = None
    needs: tuple[str, ...] = ()
    extern: str | None = None
    deciding: Ask | None = None
    tallied: bool = False
    passing: Passing | None = field(default=None, metadata={OMITTED: None})

    @property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(ask for ask in (self.ask, self.deciding) if ask is not None)

    @property
    def called(self) -> str | None:
        """The key of the extern that combines the results or judges each of them."""
        return self.passing.extern if self.passing is not None else self.extern

    @property
    def searches(self) -> bool:
        """True if the reducer looks for the first result that is good enough, and launches no more than it needs."""
        judged = self.passing is not None or (self.rule == "first" and self.deciding is not None)
        return self.ask is None and self.extern is None and (judged or "enough" in self.args)

    @property
    def form(self) -> Literal["rule", "ask", "tree", "fold", "extern"]:
        """The way in which the results become one value.

        "rule": a reducer computes it. "ask": one ask combines all results. "tree": each ask combines some results.
        "fold": each ask adds the next result. "extern": an extern combines them.
        """
        if self.extern is not None:
            return "extern"
        if self.ask is None:
            return "rule"
        if self.rule == "fold":
            return "fold"
        return "ask" if self.count is None else "tree"


@dataclass(frozen=True, slots=True)
class Block:
    """The steps of a block, in the order of the file. The order has no meaning.

    ``result`` is the step that gives the value.
    """

    steps: tuple[Step, ...]
    result: str


@dataclass(frozen=True, slots=True)
class Fanout:
    body: Block
    reduce: Reduce
    kind: Literal["fanout"] = "fanout"


@dataclass(frozen=True, slots=True)
class Map:
    """A map over the elements of a source.

    If the source is the value of a block, the map takes the elements as they arrive. If ``whole`` is true, it waits for
    all of them. ``index`` is the name of the place of an element in the source, from 1.
    """

    element: str
    source: Expr
    where: Expr | None
    at_most: int | None
    body: Block
    reduce: Reduce
    whole: bool = False
    index: str | None = field(default=None, metadata={OMITTED: None})
    kind: Literal["map"] = "map"

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the map gives to its body: the element and perhaps its index."""
        return (self.element,) if self.index is None else (self.element, self.index)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A repeat. In a panel, sample i sees item i mod n of the list ``over`` as ``element``."""

    least: int
    most: int
    body: Block
    reduce: Reduce
    element: str | None = field(default=None, metadata={OMITTED: None})
    over: Expr | None = field(default=None, metadata={OMITTED: None})
    kind: Literal["repeat"] = "repeat"


@dataclass(frozen=True, slots=True)
class Chain:
    body: Block
    kind: Literal["chain"] = "chain"


@dataclass(frozen=True, slots=True)
class Class:
    """The values for which a branch of a match runs: one word, true, false or none. ``rest`` are all other values."""

    value: str | bool | None = None
    rest: bool = field(default=False, metadata={OMITTED: False})


@dataclass(frozen=True, slots=True)
class Match:
    """A match: of the steps in its body one runs, the branch for the value. ``classes`` are those of the steps."""

    value: Expr
    body: Block
    classes: tuple[Class, ...]
    kind: Literal["match"] = "match"


@dataclass(frozen=True, slots=True)
class Value:
    expr: Expr
    kind: Literal["value"] = "value"


@dataclass(frozen=True, slots=True)
class FlowCall:
    """A call of another flow of the plan.

    The called flow sees its own parameters and steps, and the models. It sees nothing else.
    """

    flow: str
    args: dict[str, Expr]
    kind: Literal["flow"] = "flow"


@dataclass(frozen=True, slots=True)
class ExternCall:
    """A call of a Python function that the plan declares."""

    extern: str
    args: dict[str, Expr]
    kind: Literal["extern"] = "extern"


RoundEnd: TypeAlias = Literal["fail", "last", "best"]


@dataclass(frozen=True, slots=True)
class Rounds:
    """A body that runs again and again, at most ``most`` times, until the condition ``until`` holds.

    The steps of the body see the value of the round before as ``last``; it is none in the first round. ``until`` and
    ``by`` see the steps of the round that has ended. If the condition never held, ``otherwise`` decides: the block
    fails, or it has the value of the last round or of the best one, which is the first with the greatest ``by``.
    """

    most: int
    body: Block
    until: Expr
    otherwise: RoundEnd = "fail"
    by: Expr | None = None
    kind: Literal["rounds"] = "rounds"

    @property
    def ends(self) -> tuple[Expr, ...]:
        """The expressions that are worked out at the end of a round."""
        return (self.until,) if self.by is None else (self.until, self.by)


@dataclass(frozen=True, slots=True)
class Cascade:
    """Stages that run one after another, from the first step of the body to its last.

    A stage that fails leads to the next one. If a stage has a value, the cascade goes on only if the `when` of the next
    stage holds; a stage without `when` runs only after a failure. The steps and conditions of a stage see the value of
    the stage before as ``last``, or none if that failed. The value of the cascade is that of the last stage that ran.
    """

    body: Block
    kind: Literal["cascade"] = "cascade"


Node: TypeAlias = Annotated[
    Ask | Fanout | Map | Repeat | Chain | Match | Rounds | Cascade | Value | FlowCall | ExternCall, ByKind()
]


def listed(node: Node) -> tuple[str, Expr] | None:
    """Return the name of the element that a map or a panel gives to its body, with the list. None for other nodes."""
    if isinstance(node, Map):
        return node.element, node.source
    if isinstance(node, Repeat) and node.element is not None and node.over is not None:
        return node.element, node.over
    return None


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the plan.

    ``needs`` are the steps that must finish before this step begins: those that it mentions and those in ``after``. If
    only the inner steps of a block mention a step, only those inner steps need it. ``line`` is the line of the step in
    the file, from 1.
    """

    name: str
    needs: tuple[str, ...]
    node: Node
    type: Type
    options: dict[str, Expr] = field(default_factory=dict)
    when: Expr | None = None
    otherwise: Expr | None = None
    line: int = 0

    @property
    def title(self) -> str:
        if not self.name.startswith("#"):
            return self.name
        return self.branch or f"line {self.line}"

    @property
    def shown(self) -> str:
        """The name of the step in paths, also of a branch of a match or of a stage; "" if there is none."""
        return self.branch if self.name.startswith("#") else self.name

    @property
    def branch(self) -> str:
        """The name of a branch of a match, or of a stage of a cascade, in paths; "" for any other step."""
        return self.name.partition("=")[2]

    @property
    def block(self) -> Block | None:
        return None if isinstance(self.node, (Ask, Value, FlowCall, ExternCall)) else self.node.body


def walk_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps, and after each step those inside it."""
    todo = list(reversed(tuple(steps)))
    while todo:
        step = todo.pop()
        yield step
        if step.block is not None:
            todo.extend(reversed(step.block.steps))
