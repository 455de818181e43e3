"""The survey of a plan, and its findings: of a step, of a body and of the bodies of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .. import plan as p
from ..catalog import ReducerSpec
from .amounts import Amounts, Bounds, Expected
from .expression_sizes import Scope
from .rounds import Rounds
from .served import World
from .sizes import Bound, Size


@dataclass(frozen=True, slots=True)
class Done:
    """A step or a flow that is worked out."""

    bounds: Bounds
    amounts: Amounts
    rounds: Rounds
    value: Size


@dataclass(frozen=True, slots=True)
class Body:
    """A body that is worked out for one run."""

    inside: tuple[Bounds, ...]
    amounts: Amounts
    rounds: Rounds
    value: Size


@dataclass(frozen=True, slots=True)
class Parts:
    """The bodies of a block together: what they take, their results, and how many there are."""

    what: str
    amounts: Amounts
    rounds: Rounds
    results: Size
    count: Bound
    inside: tuple[Bounds, ...]
    soonest: Rounds
    elements: int | None = None
    expected: Expected | None = None


class Survey(Protocol):
    """Works out steps."""

    world: World
    reducers: Mapping[str, ReducerSpec]
    models: dict[str, p.Model]
    given_sizes: Mapping[str, int]
    right: float
    work: int

    def body(self, block: p.Block, scope: Scope, *, vote: bool, sharing: bool) -> Body: ...

    def size(self, expr: p.Expr, scope: Scope) -> Size: ...

    def affords(self, block: p.Block, elements: int, *, spent: int = 0) -> bool: ...

    def tree(self, bodies: Sequence[Body]) -> tuple[Bounds, ...]: ...
