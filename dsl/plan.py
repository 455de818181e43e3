"""The plan of a flow: what runs, on what, after what; plain data that any process can take.

Names that a step defines are unique along each path of blocks, so a mention is a name and nothing more.
``to_json`` and ``from_json`` carry a plan through text; its version is that of this layout.
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
"""Between the key of a flow and the `retries` of its call: each such pair is planned as a flow of its own."""

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
    """``needs`` are the steps outside the block that the reducer mentions; ``count`` is the fan-in of a tree.

    ``ask`` combines the results; ``deciding`` is what a rule asks beside its counting, such as which answer breaks a
    tie. ``tallied`` says that the flow looks at how a vote ended. ``extern`` is the key of an extern that combines:
    its parameter ``results`` gets the results, ``args`` the others.
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


@dataclass(frozen=True, slots=True)
class Block:
    """Steps in the order of the file, which means nothing; ``result`` names the one whose value is the block's."""

    steps: tuple[Step, ...]
    result: str


@dataclass(frozen=True, slots=True)
class Fanout:
    body: Block
    reduce: Reduce
    kind: Literal["fanout"] = "fanout"


@dataclass(frozen=True, slots=True)
class Map:
    """A source that is the value of a block is taken element by element as they come, unless it is to be ``whole``."""

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
    """Runs another flow of the plan; inside it only its own parameters and steps are known, and the models."""

    flow: str
    args: dict[str, Expr]
    kind: Literal["flow"] = "flow"


@dataclass(frozen=True, slots=True)
class ExternCall:
    """Calls a Python function that the plan declares."""

    extern: str
    args: dict[str, Expr]
    kind: Literal["extern"] = "extern"


Node: TypeAlias = Annotated[Ask | Fanout | Map | Repeat | Chain | Value | FlowCall | ExternCall, ByKind()]


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the plan.

    ``needs`` are the steps that must be finished before this one begins: those it mentions and those behind
    ``after``. What only the inner steps of a block mention, they wait for themselves. ``line`` is where the step
    was written, from 1.
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
    """Steps, and those inside them behind each."""
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
    """The name of a flow or an extern as its file writes it, from its key in a plan."""
    name, _, retries = key.rpartition(":")[2].partition(WITH_RETRIES)
    return name if not retries or retries.isdecimal() else key


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that is called. Its limits hold for each call of it."""

    params: tuple[Param, ...]
    steps: tuple[Step, ...]
    result: Expr
    type: Type
    calls_limit: int | None = None
    money_limit: float | None = None

    @property
    def names(self) -> set[str]:
        """All the names that the flow gives to something."""
        steps = list(walk_steps(self.steps))
        elements = {step.node.element for step in steps if isinstance(step.node, Map)}
        return elements | {param.name for param in self.params} | {step.name for step in steps}


@dataclass(frozen=True, slots=True)
class Extern:
    """A Python function, as ``package.module:function``, and what it takes and gives."""

    target: str
    params: tuple[Param, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Plan:
    """``result`` is what the flow returns, of type ``type``; ``source`` the name of the file it was made from.

    ``calls_limit`` and ``money_limit`` (dollars) are the flow's budget, None where it has none. ``flows`` are those
    that it calls, by a name of the plan's own; none calls itself, nor one that leads back to it.
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
        """Every step, those of blocks behind their block, those of called flows last."""
        yield from walk_steps(self.steps)
        for flow in self.flows.values():
            yield from walk_steps(flow.steps)


def to_json(plan: Plan, *, indent: int | None = None) -> str:
    return json.dumps(as_data(plan), ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON has it."""
    return plain_data(plan)


def from_json(text: str | bytes) -> Plan:
    """Raises ValueError with the place and the reason where the text is no plan of this version, kind for kind."""
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
