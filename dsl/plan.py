"""The plan of a flow: its steps, their inputs and their order, as plain data that any process can take.

Names of steps are unique along each path of nested blocks, so a mention is only a name. ``to_json`` and ``from_json``
write and read a plan as text. Its version is the version of this layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from .plain_data import must_be_kept, plain_data, strict_json
from .plan_expressions import (
    Apply,
    CallOf,
    Constant,
    Entry,
    Expr,
    FieldOf,
    Items,
    RecordOf,
    Ref,
    RuleOf,
    ShapeOf,
    TextOf,
    TypeOf,
)
from .types import ByKind, Type

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "VERSION",
    "Apply",
    "Ask",
    "Block",
    "CallOf",
    "Chain",
    "Constant",
    "Entry",
    "Expr",
    "Extern",
    "ExternCall",
    "Fanout",
    "FieldOf",
    "Flow",
    "FlowCall",
    "Items",
    "Map",
    "Message",
    "Model",
    "Node",
    "Param",
    "Plan",
    "RecordOf",
    "Reduce",
    "Ref",
    "Repeat",
    "RuleOf",
    "ShapeOf",
    "Step",
    "TextOf",
    "TypeOf",
    "Value",
    "as_data",
    "from_json",
    "json_schema",
    "to_json",
]

VERSION = 1
WITH_RETRIES = " with retries "
"""The words between a flow's key and the `retries` of its call: each such pair is planned as a flow of its own."""

# Steps


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    template: str


@dataclass(frozen=True, slots=True)
class Ask:
    model: Expr | None
    messages: tuple[Message, ...]
    answer: Type
    kind: Literal["ask"] = "ask"


@dataclass(frozen=True, slots=True)
class Reduce:
    """The reducer of a block.

    ``needs`` are the steps outside the block that the reducer mentions. ``count`` is the fan-in of a tree. ``ask``
    combines the results. ``deciding`` is an ask that the reducer makes beside its counting, such as to break a tie.
    ``tallied`` says that the flow reads the tally of a vote. ``extern`` is the key of an extern that combines: its
    parameter ``results`` gets the results, ``args`` has the other arguments.
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

    @property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(ask for ask in (self.ask, self.deciding) if ask is not None)

    @property
    def form(self) -> Literal["rule", "ask", "tree", "fold", "extern"]:
        """The way in which the results become one value.

        They are counted by a rule, or combined by one ask, by asks of some results each, by an ask for each next
        result, or by an extern.
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
    """The steps of a block, in the order of the file, which has no meaning.

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

    If the source is the value of a block, the map takes its elements as they come. ``whole`` says that it waits for
    all.
    """

    element: str
    source: Expr
    where: Expr | None
    at_most: int | None
    body: Block
    reduce: Reduce
    whole: bool = False
    kind: Literal["map"] = "map"


@dataclass(frozen=True, slots=True)
class Repeat:
    least: int
    most: int
    body: Block
    reduce: Reduce
    kind: Literal["repeat"] = "repeat"


@dataclass(frozen=True, slots=True)
class Chain:
    body: Block
    kind: Literal["chain"] = "chain"


@dataclass(frozen=True, slots=True)
class Value:
    expr: Expr
    kind: Literal["value"] = "value"


@dataclass(frozen=True, slots=True)
class FlowCall:
    """A call of another flow of the plan.

    That flow knows its own parameters and steps, and the models, and nothing else.
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


Node: TypeAlias = Annotated[Ask | Fanout | Map | Repeat | Chain | Value | FlowCall | ExternCall, ByKind()]


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the plan.

    ``needs`` are the steps that must finish before this step begins: those that it mentions and those in ``after``.
    Steps that only the inner steps of a block mention are needed by those inner steps alone. ``line`` is the line of
    the step in the file, from 1.
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
        return f"line {self.line}" if self.name.startswith("#") else self.name

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


@dataclass(frozen=True, slots=True)
class Param:
    name: str
    type: Type
    default: Expr | None
    required: bool


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    address: str
    options: dict[str, Expr]
    fallback: str | None = None


def plain_name(key: str) -> str:
    """Return the name of a flow or an extern as its file writes it, from its key in a plan."""
    name, _, retries = key.rpartition(":")[2].partition(WITH_RETRIES)
    return name if not retries or retries.isdecimal() else key


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that is called. Its limits hold for each call."""

    params: tuple[Param, ...]
    steps: tuple[Step, ...]
    result: Expr
    type: Type
    calls_limit: int | None = None
    money_limit: float | None = None

    @property
    def names(self) -> set[str]:
        """The names of the flow's parameters, steps and elements."""
        steps = list(walk_steps(self.steps))
        elements = {step.node.element for step in steps if isinstance(step.node, Map)}
        return elements | {param.name for param in self.params} | {step.name for step in steps}


@dataclass(frozen=True, slots=True)
class Extern:
    """A Python function, as ``package.module:function``, with its parameters and the type of its result."""

    target: str
    params: tuple[Param, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a flow.

    ``result`` is the returned expression, and ``type`` its type. ``source`` is the name of the flow's file.
    ``calls_limit`` and ``money_limit`` (dollars) are the flow's budget; None if it has none. ``flows`` has the called
    flows, by a name that the plan gives them; no flow calls itself, directly or through others.
    """

    flow: str
    source: str
    params: tuple[Param, ...]
    models: tuple[Model, ...]
    steps: tuple[Step, ...]
    result: Expr
    type: Type
    calls_limit: int | None = None
    money_limit: float | None = None
    flows: dict[str, Flow] = field(default_factory=dict)
    externs: dict[str, Extern] = field(default_factory=dict)
    version: int = VERSION

    def walk(self) -> Iterator[Step]:
        """Yield every step: those of a block after the block, and those of called flows last."""
        yield from walk_steps(self.steps)
        for flow in self.flows.values():
            yield from walk_steps(flow.steps)


def to_json(plan: Plan, *, indent: int | None = None) -> str:
    return json.dumps(as_data(plan), ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))


def as_data(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON data."""
    return plain_data(plan)


def from_json(text: str | bytes) -> Plan:
    """Read a plan.

    Raise ValueError, with the place and the reason, if the text is no plan of this version in every type.
    """
    # pydantic's own reader of JSON stops at 200 levels, and blocks nested 40 deep have more.
    try:
        data = strict_json(text)
        plan = _adapter().validate_python(data)
    except RecursionError:
        raise ValueError("the plan is nested too deep") from None
    if plan.version != VERSION:
        raise ValueError(f"the plan is of version {plan.version}, and this reads version {VERSION}")
    must_be_kept(data, as_data(plan))
    return plan


def json_schema() -> dict[str, Any]:
    return _adapter().json_schema()


@cache
def _adapter() -> TypeAdapter[Plan]:
    from pydantic import TypeAdapter

    return TypeAdapter(Plan)
