"""The least and the most calls, rounds, tokens and dollars of steps, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from functools import reduce
from math import floor

from ..plain_data import OMITTED
from ..records import dataclass
from .bound import COUNTED, NOTHING, Bound


@dataclass(frozen=True, slots=True)
class Amounts:
    """The calls, tokens and dollars of some steps together.

    Samples of a repeat with the same prompt may share one request. ``shared_input`` and ``shared_cost`` are the parts
    of the least tokens and dollars that such samples pay only once. ``attempts`` counts the attempts that may be
    billed, even if servers fail, and ``billed`` is their cost. Of both only the most is known. ``people`` counts the
    answers of people, which are no calls.
    """

    calls: Bound = NOTHING
    tokens_in: Bound = NOTHING
    tokens_out: Bound = NOTHING
    cost: Bound = NOTHING
    shared_input: float = 0
    shared_cost: float = 0
    attempts: Bound = NOTHING
    billed: Bound = NOTHING
    people: Bound = NOTHING

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
            self.shared_input + other.shared_input,
            self.shared_cost + other.shared_cost,
            self.attempts + other.attempts,
            self.billed + other.billed,
            self.people + other.people,
        )

    def __or__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.calls | other.calls,
            self.tokens_in | other.tokens_in,
            self.tokens_out | other.tokens_out,
            self.cost | other.cost,
            min(self.shared_input, other.shared_input),
            min(self.shared_cost, other.shared_cost),
            self.attempts | other.attempts,
            self.billed | other.billed,
            self.people | other.people,
        )

    def __mul__(self, times: Bound) -> Amounts:
        return Amounts(
            self.calls * times,
            self.tokens_in * times,
            self.tokens_out * times,
            self.cost * times,
            self.shared_input * times.least,
            self.shared_cost * times.least,
            self.attempts * times,
            self.billed * times,
            self.people * times,
        )

    def hedged(self, share: float) -> Amounts:
        """Return the amounts if at most this share of the calls is sent twice and no server fails."""
        if not share:
            return self
        more = Bound(1, 1 + share)
        return replace(
            self,
            calls=self.calls * more,
            tokens_in=self.tokens_in * more,
            tokens_out=self.tokens_out * more,
            cost=self.cost * more,
        )

    def within(self, calls: int | None, money: float | None) -> Amounts:
        """Return the amounts under a budget. A budget counts each attempt that may be billed as a call."""
        return replace(
            self,
            calls=self.calls.capped(calls),
            cost=self.cost.capped(money),
            attempts=self.attempts.capped(calls),
            billed=self.billed.capped(money),
        )

    @property
    def countable(self) -> Amounts:
        """The same amounts, with each bound limited to COUNTED."""
        return Amounts(
            self.calls.countable,
            self.tokens_in.countable,
            self.tokens_out.countable,
            self.cost.countable,
            min(self.shared_input, COUNTED),
            min(self.shared_cost, COUNTED),
            self.attempts.countable,
            self.billed.countable,
            self.people.countable,
        )

    @property
    def maybe(self) -> Amounts:
        return Amounts(
            self.calls.maybe,
            self.tokens_in.maybe,
            self.tokens_out.maybe,
            self.cost.maybe,
            attempts=self.attempts,
            billed=self.billed,
            people=self.people.maybe,
        )

    def alike(self, times: Bound, *, sharing: bool) -> Amounts:
        """Return the amounts of this many equal bodies. In a repeat (``sharing``) equal bodies share a prompt."""
        found = self * times
        if not sharing or times.least <= 1:
            return found
        again = times.least - 1
        return replace(
            found,
            tokens_in=replace(found.tokens_in, least=found.tokens_in.least - again * self.shared_input),
            cost=replace(found.cost, least=found.cost.least - again * self.shared_cost),
            shared_input=self.shared_input,
            shared_cost=self.shared_cost,
        )

    def sampled(self, samples: Bound) -> Amounts:
        """Return the amounts of this many samples. They may share their prompts."""
        return replace(self.alike(samples, sharing=True), shared_input=0, shared_cost=0)


def in_all(amounts: Iterable[Amounts]) -> Amounts:
    return reduce(Amounts.__add__, amounts, Amounts())


def merged(elements: Sequence[Amounts], fewest: int, *, sharing: bool) -> Amounts:
    """Add up the bodies of a map. At least ``fewest`` of them run, and it is not known which.

    In a repeat (``sharing``) equal elements share a prompt too, so only one prompt is sure to be sent.
    """
    if not elements:
        return Amounts()
    whole = in_all(elements)

    def least(values: Iterable[float]) -> float:
        return sum(sorted(values)[:fewest])

    def shared(values: Sequence[float]) -> float:
        if not sharing:
            return least(values)
        return 0 if fewest == 0 else max(values) if fewest == len(values) else min(values)

    tokens = shared([one.shared_input for one in elements])
    cost = shared([one.shared_cost for one in elements])
    return Amounts(
        Bound(least(one.calls.least for one in elements), whole.calls.most, whole.calls.why),
        Bound(
            tokens + least(one.tokens_in.least - one.shared_input for one in elements),
            whole.tokens_in.most,
            whole.tokens_in.why,
        ),
        Bound(least(one.tokens_out.least for one in elements), whole.tokens_out.most, whole.tokens_out.why),
        Bound(cost + least(one.cost.least - one.shared_cost for one in elements), whole.cost.most, whole.cost.why),
        tokens,
        cost,
        whole.attempts,
        whole.billed,
        Bound(least(one.people.least for one in elements), whole.people.most, whole.people.why),
    )


@dataclass(frozen=True, slots=True)
class Expected:
    """The average amounts of a vote or a cascade. ``samples`` counts the samples, or the stages.

    Each sample is right, and each stage is enough, with the probability ``right``, whatever the others are.
    ``comparisons`` are those of its ``calls`` that compare two answers.
    """

    right: float
    samples: float
    calls: float
    cost: Bound
    comparisons: float = 0.0

    def __or__(self, other: Expected) -> Expected | None:
        """Return the averages of either of two elements; None if they differ in more than the cost."""
        return replace(self, cost=self.cost | other.cost) if replace(self, cost=other.cost) == other else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one step, and the bounds of the steps inside it for one run of its body.

    ``calls``, ``rounds`` (calls in a row), tokens and ``cost`` hold as long as no server fails. Then a call is repeated
    only if its answer is malformed. ``attempts`` and ``billed`` hold even if servers fail: one run makes at most this
    many attempts that may be billed, and ``billed`` is the cost of all of them. Tokens are estimates, and so are the
    dollars.

    ``elements`` is the number of times that the body runs, if it is known. ``flows`` has the bounds of the called
    flows, for one call each, and only at the top. ``expected`` has the average of a vote, if it is known. ``people``
    counts the answers of people. ``cached`` is the number of tokens that servers are expected to read from their
    caches, only at the top.
    """

    title: str
    what: str
    calls: Bound = NOTHING
    rounds: Bound = NOTHING
    tokens_in: Bound = NOTHING
    tokens_out: Bound = NOTHING
    cost: Bound = NOTHING
    elements: int | None = None
    inside: tuple[Bounds, ...] = ()
    flows: tuple[Bounds, ...] = ()
    line: int = 0
    expected: Expected | None = None
    attempts: Bound = NOTHING
    billed: Bound = NOTHING
    people: Bound = field(default=NOTHING, metadata={OMITTED: NOTHING})
    cached: float = 0

    @property
    def least(self) -> float:
        return self.calls.least

    @property
    def most(self) -> float | None:
        return self.calls.most

    def __or__(self, other: Bounds) -> Bounds:
        """Return bounds that hold for either of two runs of a step."""
        return replace(
            self,
            what=self.what if self.elements == other.elements else self.what.replace(f" × {self.elements}", ""),
            calls=self.calls | other.calls,
            rounds=self.rounds | other.rounds,
            tokens_in=self.tokens_in | other.tokens_in,
            tokens_out=self.tokens_out | other.tokens_out,
            cost=self.cost | other.cost,
            elements=self.elements if self.elements == other.elements else None,
            inside=either(self.inside, other.inside),
            expected=self.expected | other.expected if self.expected and other.expected else None,
            attempts=self.attempts | other.attempts,
            billed=self.billed | other.billed,
            people=self.people | other.people,
        )


def either(ours: tuple[Bounds, ...], theirs: tuple[Bounds, ...]) -> tuple[Bounds, ...]:
    """Join the bounds of the same steps in two runs. If a step ran in one of them only, its bounds stay."""
    if not ours or not theirs:
        return ours or theirs
    return tuple(a if a is b else a | b for a, b in zip(ours, theirs, strict=False))


def bounds_for(
    title: str,
    what: str,
    amounts: Amounts,
    rounds: Bound,
    *,
    elements: int | None = None,
    inside: tuple[Bounds, ...] = (),
    line: int = 0,
) -> Bounds:
    """Make bounds from these amounts. There are never more rounds than calls."""
    return Bounds(
        title,
        what,
        _whole(amounts.calls),
        rounds.capped(amounts.calls.most),
        amounts.tokens_in,
        amounts.tokens_out,
        amounts.cost,
        elements,
        inside,
        line=line,
        attempts=_whole(amounts.attempts),
        billed=amounts.billed,
        people=_whole(amounts.people),
    )


def _whole(bound: Bound) -> Bound:
    """Round the most down to a whole number, because a part of a call is not a call."""
    return bound if bound.most is None else replace(bound, most=floor(bound.most + 1e-9))
