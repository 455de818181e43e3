"""The plan of a flow: its steps, their inputs and their order, as plain data that any process can read.

Names of steps are unique along each path of nested blocks, so a mention needs only a name. ``to_json`` and
``from_json`` write and read a plan as text. Its version is the version of this layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Any

from .path_names import ANSWER, RESULT
from .plain_data import OMITTED, must_be_kept, plain_data, strict_json
from .plan_endpoints import Endpoint
from .plan_expressions import (
    Apply,
    Ask,
    CallOf,
    Check,
    Constant,
    Entry,
    Expr,
    FieldOf,
    GivenValue,
    Items,
    Label,
    Message,
    Passing,
    RecordOf,
    Ref,
    RuleOf,
    ShapeOf,
    TextOf,
    TypeOf,
    expr_parts,
    label,
    walk_exprs,
)
from .plan_steps import (
    Block,
    Cascade,
    Chain,
    Class,
    ExternCall,
    Fanout,
    FlowCall,
    Map,
    Match,
    Node,
    Reduce,
    Repeat,
    RoundEnd,
    Rounds,
    Step,
    Value,
    listed,
    walk_steps,
)
from .records import dataclass
from .types import Type

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "ANSWER",
    "RESULT",
    "VERSION",
    "Apply",
    "Ask",
    "Block",
    "CallOf",
    "Cascade",
    "Chain",
    "Check",
    "Class",
    "Constant",
    "Endpoint",
    "Entry",
    "Expr",
    "Extern",
    "ExternCall",
    "Fanout",
    "FieldOf",
    "Flow",
    "FlowCall",
    "GivenValue",
    "Items",
    "Label",
    "Map",
    "Match",
    "Message",
    "Model",
    "Node",
    "Param",
    "Passing",
    "Plan",
    "RecordOf",
    "Reduce",
    "Ref",
    "Repeat",
    "RoundEnd",
    "Rounds",
    "RuleOf",
    "ShapeOf",
    "Step",
    "TextOf",
    "TypeOf",
    "Value",
    "as_data",
    "expr_parts",
    "from_json",
    "json_schema",
    "listed",
    "to_json",
    "walk_exprs",
    "walk_steps",
]

VERSION = 1
WITH_RETRIES = " with retries "
"""The words between a flow's key and the `retries` of its call: each such pair is planned as a flow of its own."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter. If it is `untrusted`, its value is foreign data; if it is `trusted`, it takes no such text."""

    name: str
    type: Type
    default: Expr | None
    required: bool
    label: Label = label()


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    address: str
    options: dict[str, Expr]
    fallback: str | None = None


def plain_name(key: str) -> str:
    """Return the name of a flow or an extern as its file writes it. ``key`` is its key in a plan."""
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
        """The names of the flow's parameters, steps, elements and places, and `last` if it has rounds or a cascade."""
        steps = list(walk_steps(self.steps))
        elements = {name for step in steps if isinstance(step.node, Map) for name in step.node.names}
        elements |= {"last" for step in steps if isinstance(step.node, Rounds | Cascade)}
        return elements | {param.name for param in self.params} | {step.name for step in steps}


@dataclass(frozen=True, slots=True)
class Extern:
    """A Python function, as ``package.module:function``, with its parameters and the type of its result.

    ``label`` is the label of the result.
    """

    target: str
    params: tuple[Param, ...]
    type: Type
    label: Label = label()


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a flow.

    ``result`` is the returned expression, and ``type`` its type. ``source`` is the name of the flow's file.
    ``calls_limit`` and ``money_limit`` (dollars) are the flow's budget; None if it has none. ``flows`` has the called
    flows, by a name that the plan gives them; no flow calls itself, directly or through others. ``labels`` repeats the
    labels of all parts: a plan in which a label differs from it was edited. ``endpoints`` are those of all files.
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
    labels: dict[str, Label] = field(default_factory=dict, metadata={OMITTED: {}})
    endpoints: tuple[Endpoint, ...] = field(default=(), metadata={OMITTED: ()})

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

    Raises ValueError, with the place and the reason, if the text is not a valid plan of this version.
    """
    # pydantic's own reader of JSON stops at 200 levels, and blocks nested 40 deep have more.
    try:
        data = strict_json(text)
        plan = _adapter().validate_python(data)
    except RecursionError:
        raise ValueError("the plan is nested too deep") from None
    if plan.version != VERSION:
        raise ValueError(f"the plan has version {plan.version}, and this flowrun reads version {VERSION}")
    must_be_kept(data, as_data(plan))
    return plan


def json_schema() -> dict[str, Any]:
    return _adapter().json_schema()


@cache
def _adapter() -> TypeAdapter[Plan]:
    from pydantic import TypeAdapter

    return TypeAdapter(Plan)
