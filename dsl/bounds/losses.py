"""The least that bodies take of which some may be lost: each pays for what it asks before it fails.

A call that fails is paid for once at least, be it by an answer that is none. An endpoint that closes in mid-run, and a
budget that is spent, leave calls unsent: the least of such a run is not told here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

from .. import plan as p
from .amounts import Amounts, merged
from .expected import constants
from .rounds import START, Rounds, all_of
from .sizes import Bound
from .survey import Body, Done, Least

SAFE = frozenset({"collect", "concat", "count", "flatten", "rank", "sum"})
"""Rules that make a value of any results, and of none."""
_PLAIN = frozenset({"agreement", "join", "length", "votes"})
"""Functions that have a value of whatever they are given."""


def least_of(amounts: Amounts) -> Least:
    return Least(amounts.calls.least, amounts.tokens_in.least, amounts.tokens_out.least, amounts.cost.least)


# What fails


def failing_ask(amounts: Amounts) -> Least:
    """One try, whose answer is none: it may be a token long."""
    out = amounts.tokens_out.least
    return Least(1, amounts.tokens_in.least, min(1, out), amounts.cost.least if out <= 1 else amounts.shared_cost)


def may_fail(expr: p.Expr) -> bool:
    """Whether an expression may have no value though its operands have theirs."""
    match expr:
        case p.CallOf(function, args):
            return function not in _PLAIN or any(may_fail(one) for one in args.values())
        case p.Apply(operator, operands):
            return operator in ("/", "%") or any(may_fail(one) for one in operands)
        case p.Items(items):
            return any(may_fail(one) for one in items)
        case p.RecordOf(entries):
            return any(may_fail(one.value) for one in entries)
        case p.FieldOf(base, _):
            return may_fail(base)
    return False


def failing_of(behind: Mapping[str, frozenset[str]], steps: Mapping[str, Done]) -> Least | None:
    """The least that steps side by side take where one fails: all that this one waited for is done."""
    ways = [
        sum((least_of(steps[name].amounts) for name in behind[at]), done.failing)
        for at, done in steps.items()
        if done.failing is not None
    ]
    return reduce(Least.__or__, ways) if ways else None


def failing_block(
    step: p.Step, rule: p.Reduce, bodies: Sequence[Body], *, spared: bool, empty: bool, loses: bool
) -> Least | None:
    """The least that a block takes where it fails.

    ``spared`` says that it goes on without a body that failed, ``empty`` that it may have no body at all, and ``loses``
    that it may have lost all of them.
    """
    if "timeout" in step.options:
        # Its calls may still have waited for a place.
        return Least()
    ways = [] if spared else [body.failing for body in bodies if body.failing is not None]
    own = rule.ask is None and rule.extern is None
    if not (own and rule.rule in SAFE) and (own or rule.extern is not None or empty or loses):
        ways += [Least()] if empty or not bodies else [least_of(lowered(body)) for body in bodies]
    if rule.asks:
        ways += [least_of(body.amounts) + Least(1) for body in bodies]
    return reduce(Least.__or__, ways) if ways else None


# What some of the bodies take


def lowered(body: Body, *, answered: bool = False) -> Amounts:
    """A body that has a result or fails. Of calls that fail only those that were ``answered`` are sure to be billed."""
    if body.failing is None:
        return body.amounts
    failing = body.failing if answered else Least(body.failing.calls)
    low, amounts = least_of(body.amounts) | failing, body.amounts
    shared = min(amounts.shared_input, low.tokens_in), min(amounts.shared_cost, low.cost)
    return _from(amounts, low, *shared)


def _from(amounts: Amounts, low: Least, shared_input: float, shared_cost: float) -> Amounts:
    """The same amounts from another least on."""
    calls, tokens_in, tokens_out, cost = amounts.calls, amounts.tokens_in, amounts.tokens_out, amounts.cost
    return replace(
        amounts,
        calls=Bound(low.calls, calls.most, calls.why),
        tokens_in=Bound(low.tokens_in, tokens_in.most, tokens_in.why),
        tokens_out=Bound(low.tokens_out, tokens_out.most, tokens_out.why),
        cost=Bound(low.cost, cost.most, cost.why),
        shared_input=shared_input,
        shared_cost=shared_cost,
    )


def shorter(body: Body) -> Rounds:
    """The rounds of a body that has a result or fails."""
    if body.failing is None:
        return body.rounds
    return replace(body.rounds, least={START: min(body.rounds.shortest, 1 if body.failing.calls >= 1 else 0)})


def some_of(
    whole: Amounts, bodies: Sequence[Body], runs: int, sure: int, *, apart: bool, sharing: bool, answered: bool
) -> Amounts:
    """All the bodies, of which so many are sure to run and so many of those to have a result.

    ``whole`` is what they take together at most; a body that is not ``apart`` stands for all of them.
    """
    least = _group([body.amounts for body in bodies], sure, apart=apart, sharing=sharing)
    if runs > sure:
        low = [lowered(body, answered=answered) for body in bodies]
        # A prompt that samples share is paid with those that have a result.
        low = [_without_shared(one) for one in low] if sharing else low
        lost = _group(low, runs - sure, apart=apart, sharing=False)
        return _from(whole, least_of(least) + least_of(lost), least.shared_input, least.shared_cost)
    return _from(whole, least_of(least), least.shared_input, least.shared_cost)


def first_of_all(bodies: Sequence[Body], *, lost: bool) -> Rounds:
    """Any one of these bodies; one that may be ``lost`` if so."""
    return all_of([shorter(body) if lost else body.rounds for body in bodies], certain=False)


def ballots(rule: p.Reduce, runs: int) -> int:
    """The bodies of a vote that are sure to have a result: a race has one, and a vote that is no failure has one."""
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
    """The part of a map's elements that may be lost; all where the flow does not say."""
    share = errors.args.get("share") if isinstance(errors, p.RuleOf) else None
    return share.value if isinstance(share, p.Constant) and isinstance(share.value, int | float) else 1.0
