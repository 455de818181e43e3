"""The least amounts of bodies if some of them may fail. A body pays for its calls before it fails.

A call that fails is paid for at least once, because its answer may be malformed. If an endpoint closes during the run,
or a budget is spent, some calls are never sent. This module does not bound the least of such a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

from .. import plan as p
from ..catalog import Given, ReducerSpec, Refusal
from ..types import UNKNOWN
from .amounts import Amounts, merged
from .bound import Bound
from .rounds import START, Rounds, all_of
from .survey import BodyBounds, Done, Least
from .vote_averages import constants

SAFE = frozenset({"collect", "concat", "count", "dedupe", "flatten", "rank", "sum"})
"""The reducers that have a value for any results, and also for no results."""
_PLAIN = frozenset({"agreement", "decided", "join", "length", "sure", "votes"})
"""The functions that have a value for any arguments."""


def least_of(amounts: Amounts) -> Least:
    return Least(amounts.calls.least, amounts.tokens_in.least, amounts.tokens_out.least, amounts.cost.least)


# Failures


def failing_ask(amounts: Amounts) -> Least:
    """Return the least amounts of an ask that fails: one try, with a malformed answer that may have a single token."""
    out = amounts.tokens_out.least
    return Least(1, amounts.tokens_in.least, min(1, out), amounts.cost.least if out <= 1 else amounts.shared_cost)


def may_fail(expr: p.Expr) -> bool:
    """Return True if an expression may have no value even if its operands have values."""
    match expr:
        case p.CallOf(function) if function not in _PLAIN:
            return True
        case p.Apply("/" | "%"):
            return True
        case p.ShapeOf() | p.RuleOf():
            return False
    return any(may_fail(part) for part in p.expr_parts(expr))


def failing_of(near: Mapping[str, frozenset[str]], steps: Mapping[str, Done]) -> Least | None:
    """Return the least amounts of steps of which one fails; None if none can fail.

    They include all steps that the failed step has waited for. ``near`` has the steps in order, each with the steps
    that it waits for itself. A step may take less if it fails than if it has a value. Then no step behind it fails for
    less, so most steps of a long row are not added up.
    """
    found: Least | None = None
    # The paid steps before each step; None where a step before it fails for no more.
    paid: dict[str, frozenset[str] | None] = {}
    for at, needs in near.items():
        ways = [_paid_until(need, paid[need], steps[need]) for need in needs]
        known = [way for way in ways if way is not None]
        paid[at] = before = frozenset().union(*known) if len(known) == len(ways) else None
        failing = steps[at].failing
        if failing is not None and before is not None:
            way = sum((least_of(steps[name].amounts) for name in sorted(before)), failing)
            found = way if found is None else found | way
    return found


def _paid_until(name: str, before: frozenset[str] | None, done: Done) -> frozenset[str] | None:
    """Return the paid steps up to the end of a step; None if it, or a step before it, fails for no more."""
    if before is None:
        return None
    whole = least_of(done.amounts)
    if done.failing is not None and done.failing | whole == done.failing:
        return None
    return before if whole == Least() else before | {name}


def may_be_refused(spec: ReducerSpec | None, rule: p.Reduce, least: int, most: int) -> bool:
    """Tell whether a vote may fail before it asks, because it can never have the votes that it needs."""
    args = constants(rule)
    if spec is None or not spec.votes:
        return False
    if "votes" in args or "risk" in args or args.get("stands", 0) != 0:
        # An argument that only the run knows may be too large.
        found = spec.result(Given(UNKNOWN, least, most, args))
        return None in args.values() or (isinstance(found, Refusal) and found.arg in ("votes", "stands", "risk"))
    return False


def failing_block(
    step: p.Step, rule: p.Reduce, bodies: Sequence[BodyBounds], *, spared: bool, empty: bool, loses: bool
) -> Least | None:
    """Return the least amounts of a block that fails; None if it cannot fail.

    ``spared`` says that the block goes on without a failed body. ``empty`` says that it may have no body. ``loses``
    says that all its bodies may have failed.
    """
    if "timeout" in step.options:
        # At the time-out, all its calls may still wait for a place.
        return Least()
    ways = [] if spared else [body.failing for body in bodies if body.failing is not None]
    own = rule.ask is None and rule.extern is None
    if not (own and rule.rule in SAFE) and (own or rule.extern is not None or empty or loses):
        ways += [Least()] if empty or not bodies else [least_of(lowered(body)) for body in bodies]
    if rule.asks:
        paid = Least(int(not all(ask.person for ask in rule.asks)))
        ways += [least_of(body.amounts) + paid for body in bodies]
    return reduce(Least.__or__, ways) if ways else None


def hollow_results(reduce: p.Reduce) -> bool:
    """Return True if a reducer treats an empty place like any other result.

    A tree and a fold take results as they arrive and leave failed ones out.
    """
    one_by_one = reduce.count is not None or reduce.rule == "fold"
    return reduce.extern is not None or (reduce.ask is not None and not one_by_one)


def needs_one(reduce: p.Reduce) -> bool:
    """Return True if a reducer has no value when every result is lost. A fold with a first value has one."""
    if reduce.ask is not None:
        return "from" not in reduce.args
    return reduce.extern is None and reduce.rule not in SAFE


# The amounts of some of the bodies


def lowered(body: BodyBounds, *, answered: bool = False) -> Amounts:
    """Return the amounts of a body that may succeed or fail.

    Its failed calls are certain to be billed only if they were ``answered``.
    """
    if body.failing is None:
        return body.amounts
    failing = body.failing if answered else Least(body.failing.calls)
    low, amounts = least_of(body.amounts) | failing, body.amounts
    shared = min(amounts.shared_input, low.tokens_in), min(amounts.shared_cost, low.cost)
    return _from(amounts, low, *shared)


def _from(amounts: Amounts, low: Least, shared_input: float, shared_cost: float) -> Amounts:
    """Return the amounts with another lower bound, ``low``."""
    calls, tokens_in, tokens_out, cost = amounts.calls, amounts.tokens_in, amounts.tokens_out, amounts.cost
    return replace(
        amounts,
        calls=Bound(low.calls, calls.most, calls.why),
        tokens_in=Bound(low.tokens_in, tokens_in.most, tokens_in.why),
        tokens_out=Bound(low.tokens_out, tokens_out.most, tokens_out.why),
        cost=Bound(low.cost, cost.most, cost.why),
        shared_input=shared_input,
        shared_cost=shared_cost,
        people=amounts.people.maybe,
    )


def shorter(body: BodyBounds) -> Rounds:
    """Return the rounds of a body that may succeed or fail."""
    if body.failing is None:
        return body.rounds
    return replace(body.rounds, least={START: min(body.rounds.shortest, 1 if body.failing.calls >= 1 else 0)})


def some_of(
    whole: Amounts, bodies: Sequence[BodyBounds], runs: int, sure: int, *, apart: bool, sharing: bool, answered: bool
) -> Amounts:
    """Return the amounts of bodies. At least ``runs`` of them run, and at least ``sure`` of these have a result.

    ``whole`` is the most that the bodies take together. If the bodies are not ``apart``, the first stands for all.
    """
    least = _group([body.amounts for body in bodies], sure, apart=apart, sharing=sharing)
    if runs > sure:
        low = [lowered(body, answered=answered) for body in bodies]
        # The samples with a result already pay for the shared prompt.
        low = [_without_shared(one) for one in low] if sharing else low
        lost = _group(low, runs - sure, apart=apart, sharing=False)
        return _from(whole, least_of(least) + least_of(lost), least.shared_input, least.shared_cost)
    return _from(whole, least_of(least), least.shared_input, least.shared_cost)


def first_of_all(bodies: Sequence[BodyBounds], *, lost: bool) -> Rounds:
    """Return rounds that hold for each of these bodies. ``lost`` says that a body may fail."""
    return all_of([shorter(body) if lost else body.rounds for body in bodies], certain=False)


def ballots(rule: p.Reduce, runs: int) -> int:
    """Return the number of bodies that certainly have a result.

    It is at least one: a race has one result, and so has a vote that does not fail.
    """
    enough = constants(rule).get("at_least")
    return min(runs, max(1, enough if isinstance(enough, int) else 1))


def _group(amounts: Sequence[Amounts], number: int, *, apart: bool, sharing: bool) -> Amounts:
    if not amounts or not number:
        return Amounts()
    if apart:
        return merged(amounts, min(number, len(amounts)), sharing=sharing)
    return amounts[0].alike(Bound(number, number), sharing=sharing)


def _without_shared(amounts: Amounts) -> Amounts:
    low = least_of(amounts)
    tokens, cost = max(0, low.tokens_in - amounts.shared_input), max(0, low.cost - amounts.shared_cost)
    return _from(amounts, Least(low.calls, tokens, low.tokens_out, cost), 0, 0)


def share_of(errors: p.Expr | None) -> float:
    """Return the share of a map's elements that may be lost; 1 if the flow does not say."""
    share = errors.args.get("share") if isinstance(errors, p.RuleOf) else None
    return share.value if isinstance(share, p.Constant) and isinstance(share.value, int | float) else 1.0
