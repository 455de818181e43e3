"""The survey of a plan, and its findings: of a step, of a body and of the bodies of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .. import plan as p
from ..ballots import holds_ballots, rule_of
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


def spec_of(survey: Survey, reduce: p.Reduce) -> ReducerSpec | None:
    """The rule that makes the value of a block; None where an ask or an extern makes it."""
    rule = rule_of(reduce)
    return None if rule is None else survey.reducers.get(rule)


def votes_in(survey: Survey, node: p.Fanout | p.Map | p.Repeat) -> bool:
    """Whether the asks of a block are ballots, whose malformed answers are not asked for again."""
    spec = spec_of(survey, node.reduce)
    return holds_ballots(node, votes=spec is not None and spec.votes, around=False)
