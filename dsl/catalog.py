"""What reducers, functions and splitters declare of themselves.

The checker is handed a catalog; it looks nothing up. Whoever runs flows builds the catalog from what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

from .types import NONE, Type, show

_KINDS = {(True, False): "TYPE", (False, True): "FIELD"}


@dataclass(frozen=True, slots=True)
class AskSpec:
    """An ask that a reducer makes: what it answers with, made of the type of one result, and how often it is made
    where there are two results or more.

    It sees what it is about as ``results``. Its type is the rule's own: a flow writes none behind it.
    """

    answer: Callable[[Type], Type]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A parameter of a function, a reducer or a flow.

    ``rules`` are for a parameter that takes the name of a rule, bare or called (``heading``, ``chars(800)``).
    ``takes_type`` marks one that takes the name of a type, ``takes_field`` one that takes the name of a field of the
    results, ``of_item`` one that takes a value such as they are, and ``asks`` one that takes an ask. ``low`` and
    ``high`` bound a number. ``takes`` tells which types will do, where ``type`` alone does not, and ``taken`` says it
    in words.
    """

    name: str
    type: Type
    required: bool = False
    rules: Mapping[str, tuple[ParamSpec, ...]] = field(default_factory=dict)
    asks: AskSpec | None = None
    takes_type: bool = False
    takes_field: bool = False
    of_item: bool = False
    low: float | None = None
    high: float | None = None
    takes: Callable[[Type], bool] | None = None
    taken: str = ""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A built-in function. ``result`` gets the types of the arguments by name.

    ``reads`` marks one whose argument is a path: its place is checked against what the user allowed.
    ``of_step`` marks one whose argument is the name of a vote, not its value.
    ``known`` works out the value before the flow runs, None where it cannot. It gets the arguments as far as the file
    tells them: what the run decides, be it all or a part, stands there as an object of no type of the language.
    """

    name: str
    params: tuple[ParamSpec, ...]
    result: Callable[[Mapping[str, Type]], Type]
    summary: str
    reads: bool = False
    of_step: bool = False
    known: Callable[[Mapping[str, object]], object] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reducer does not take these results, or this argument, and what it would take."""

    message: str
    help: str
    arg: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What a reducer stands behind.

    ``item`` is the type of one result, and ``branches`` are those of a fan-out's, by name. ``least`` and ``most`` are
    the numbers of results; None where only the run knows them. ``args`` has the arguments: their values where they are
    written out, None where not.
    """

    item: Type
    least: int | None = None
    most: int | None = None
    args: Mapping[str, object] = field(default_factory=dict)
    branches: Mapping[str, Type] | None = None

    @property
    def each(self) -> tuple[Type, ...]:
        """The types of the results: of every branch, or the one of all."""
        return (self.item,) if self.branches is None else tuple(self.branches.values())

    @property
    def chooses(self) -> bool:
        """Whether the number of samples is the reducer's to choose, as in ``repeat 3..9``."""
        return self.least is not None and self.least != self.most

    def number(self, name: str) -> float | None:
        """An argument that is a number, where it is written out."""
        value = self.args.get(name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class ReducerSpec:
    """A reducer. ``result`` is the type of its value, or why it does not take what it is given.

    ``votes`` marks a reducer that counts ballots and keeps a tally. One that ``spares`` does without a result that
    failed: a vote takes it for an abstention. One that ``needs`` results fails where there are none, as each vote does.
    ``adaptive`` marks one that may choose a number of samples between two, as in ``repeat 3..9``. ``fewest`` is the
    smallest number of results that can settle it, of those planned at least and at most; ``expected`` how many samples
    it takes on the average where each is right by itself with this probability and all wrong ones are alike, or None
    where that is not known. Both get the arguments that are known. ``typed`` marks one, beside votes, that goes by the
    type of its results.
    """

    name: str
    params: tuple[ParamSpec, ...]
    result: Callable[[Given], Type | Refusal]
    summary: str
    votes: bool = False
    spares: bool = False
    adaptive: bool = False
    needs: bool = False
    fewest: Callable[[int, int, Mapping[str, object]], int] = lambda least, most, args: most
    expected: Callable[[int, int, Mapping[str, object], float], float | None] | None = None
    typed: bool = False

    @property
    def goes_by_type(self) -> bool:
        """Whether its value depends on the type that its results are said to have, and not on them alone."""
        return self.votes or self.typed


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
        return f"of {high:.12g} or less"
    return f"of {low:.12g} or more" if high is None else f"from {low:.12g} to {high:.12g}"


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
        kind = (
            " | ".join(param.rules)
            if param.rules
            else _KINDS.get((param.takes_type, param.takes_field)) or show(param.type)
        )
        if param.asks is not None:
            kind = kind + " | ask" if param.type != NONE else "ask"
        parts.append(f"{param.name}: {kind}" + ("" if param.required else "?"))
    return f"{name}({', '.join(parts)})"
