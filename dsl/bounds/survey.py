"""The survey of a plan, and its results for a step, for a body and for all bodies of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from .. import plan as p
from ..ballots import holds_ballots, rule_of
from ..catalog import ReducerSpec
from ..records import dataclass
from .amounts import Amounts, Bounds, Expected
from .bound import COUNTED, Bound
from .effort import Effort
from .expression_sizes import SizeScope
from .model_facts import World
from .rounds import Rounds
from .sizes import Size


@dataclass(frozen=True, slots=True)
class Least:
    """The least calls, tokens and dollars of a part of a plan."""

    calls: float = 0
    tokens_in: float = 0
    tokens_out: float = 0
    cost: float = 0

    def __add__(self, other: Least) -> Least:
        return Least(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )

    @property
    def countable(self) -> Least:
        """The same, with each number cut to COUNTED."""
        parts = (self.calls, self.tokens_in, self.tokens_out, self.cost)
        return self if max(parts) <= COUNTED else Least(*(min(part, COUNTED) for part in parts))

    def __or__(self, other: Least) -> Least:
        """Return the least of both, which holds for either."""
        return Least(
            min(self.calls, other.calls),
            min(self.tokens_in, other.tokens_in),
            min(self.tokens_out, other.tokens_out),
            min(self.cost, other.cost),
        )


@dataclass(frozen=True, slots=True)
class FeedRounds:
    """A list whose elements a map may take before the list is complete, with the rounds until its first element.

    A ``steady`` list gets one element from each body, so its last element comes with its end.
    """

    rounds: Rounds
    steady: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The bounds of a step or a flow.

    ``failing`` is the least that it takes if it fails; None if it cannot fail. ``feed`` is the list that it gives out
    element by element. ``taken`` is the step whose list it takes element by element.
    """

    bounds: Bounds
    amounts: Amounts
    rounds: Rounds
    value: Size
    failing: Least | None = None
    feed: FeedRounds | None = None
    taken: str | None = None


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """The bounds of one run of a body: of the whole body, and of its ``steps`` by name."""

    inside: tuple[Bounds, ...]
    amounts: Amounts
    rounds: Rounds
    value: Size
    failing: Least | None = None
    feed: FeedRounds | None = None
    steps: Mapping[str, Done] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockBounds:
    """All bodies of a block together: their amounts, their results, and the number of results.

    ``soonest`` has the rounds until the first possible result. ``loses`` says that results may be lost.
    """

    what: str
    amounts: Amounts
    rounds: Rounds
    results: Size
    count: Bound
    inside: tuple[Bounds, ...]
    soonest: Rounds
    elements: int | None = None
    expected: Expected | None = None
    loses: bool = False


class Survey(Protocol):
    """The part of a survey that the modules of single blocks use. It works out bodies and sizes."""

    world: World
    reducers: Mapping[str, ReducerSpec]
    models: dict[str, p.Model]
    given_sizes: Mapping[str, int]
    widths: Mapping[str, float]
    right: float
    effort: Effort

    def body(self, block: p.Block, scope: SizeScope, *, vote: bool, sharing: bool) -> BodyBounds: ...

    def size(self, expr: p.Expr, scope: SizeScope) -> Size: ...

    def typed(self, expr: p.Expr, step: p.Step, scope: SizeScope) -> Size:
        """Return the size of a value step, whose type may tell more than its expression."""

    def tree(self, bodies: Sequence[BodyBounds]) -> tuple[Bounds, ...]: ...


def spec_of(survey: Survey, reduce: p.Reduce) -> ReducerSpec | None:
    """Return the reducer of a block; None if an ask or an extern makes the value."""
    rule = rule_of(reduce)
    return None if rule is None else survey.reducers.get(rule)


def votes_in(survey: Survey, node: p.Fanout | p.Map | p.Repeat) -> bool:
    """Return True if the asks of a block are ballots. A call is not repeated if its ballot is malformed."""
    spec = spec_of(survey, node.reduce)
    return holds_ballots(node, votes=spec is not None and spec.votes, around=False)
