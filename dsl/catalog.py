"""What reducers, functions and splitters declare of themselves.

The checker is handed a catalog; it looks nothing up. Whoever runs flows builds the catalog from what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

from .types import Type, show


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A parameter of a function, a reducer or a flow.

    ``rules`` are for a parameter that takes the name of a rule, bare or called (``heading``, ``chars(800)``).
    ``takes_type`` marks one that takes the name of a type. ``low`` and ``high`` bound a number. ``takes`` tells which
    types will do, where ``type`` alone does not, and ``taken`` says it in words.
    """

    name: str
    type: Type
    required: bool = False
    rules: Mapping[str, tuple[ParamSpec, ...]] = field(default_factory=dict)
    takes_ask: bool = False
    takes_type: bool = False
    low: float | None = None
    high: float | None = None
    takes: Callable[[Type], bool] | None = None
    taken: str = ""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A built-in function. ``result`` gets the types of the arguments by name.

    ``reads`` marks one whose argument is a path: its place is checked against what the user allowed.
    ``of_step`` marks one whose argument is the name of a vote, not its value.
    """

    name: str
    params: tuple[ParamSpec, ...]
    result: Callable[[Mapping[str, Type]], Type]
    summary: str
    reads: bool = False
    of_step: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reducer does not take these results, and what would."""

    message: str
    help: str


@dataclass(frozen=True, slots=True)
class ReducerSpec:
    """A reducer. ``result`` gets the type of one result, or of each branch after a fan-out.

    ``votes`` marks a reducer that counts equal answers; a failed sample of such a block abstains.
    ``fewest`` is the smallest number of samples that can settle it, of those planned at least and at most.
    ``adaptive`` marks one that may choose a number between two, as in ``repeat 3..9``.
    """

    name: str
    params: tuple[ParamSpec, ...]
    result: Callable[[Mapping[str, Type] | Type], Type | Refusal]
    summary: str
    votes: bool = False
    adaptive: bool = False
    fewest: Callable[[int, int], int] = lambda least, most: most


Where = Literal["ask", "model", "map", "repeat", "fanout", "chain", "flow"]


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """An option of ``with``: its type, and what it may stand on. ``rules`` are words that it takes called."""

    name: str
    type: Type
    on: frozenset[Where]
    summary: str
    low: float | None = None
    high: float | None = None
    rules: Mapping[str, tuple[ParamSpec, ...]] = field(default_factory=dict)


def outside(value: float, low: float | None, high: float | None) -> str | None:
    """What a number should be that is not between two bounds; None where it is."""
    if (low is None or value >= low) and (high is None or value <= high):
        return None
    if low is None:
        return f"of {high:g} or less"
    return f"of {low:g} or more" if high is None else f"from {low:g} to {high:g}"


@dataclass(frozen=True, slots=True)
class Catalog:
    functions: Mapping[str, FunctionSpec]
    reducers: Mapping[str, ReducerSpec]
    options: Mapping[str, OptionSpec]
    providers: Set[str]


def usage(name: str, params: tuple[ParamSpec, ...]) -> str:
    """How a function, a reducer or a rule is written."""
    if not params:
        return name
    parts = []
    for param in params:
        kind = " | ".join(param.rules) if param.rules else "TYPE" if param.takes_type else show(param.type)
        parts.append(f"{param.name}: {kind}" + ("" if param.required else "?"))
    return f"{name}({', '.join(parts)})"
