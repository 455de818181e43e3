"""What blocks take: bodies side by side or in waves, and the reducer behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .. import plan as p
from .. import types as t
from ..catalog import ReducerSpec
from .amounts import Amounts, Bounds, Expected, bounds_for, levels, merged, merges
from .asking import Asked, asked, quoted
from .expression_sizes import Scope, joined
from .numbered import numbered
from .rounds import Rounds, all_of
from .sizes import (
    NONE,
    NOTHING,
    ONE,
    Bound,
    Known,
    Many,
    Size,
    Some,
    answer_bound,
    any_of,
    is_counted,
    items_of,
    listed,
    one_of,
    record,
)
from .survey import Body, Done, Survey

_DIGITS = 24
"""The most tokens of a number."""
MOST_SAMPLES = 1000
"""Samples whose values are kept apart."""


@dataclass(frozen=True, slots=True)
class _Parts:
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


def fanned(survey: Survey, step: p.Step, node: p.Fanout, scope: Scope, sharing: bool) -> Done:
    inner = Scope(scope)
    body = survey.body(node.body, inner, vote=False, sharing=sharing)
    branches = {branch.name: inner.size(branch.name) for branch in node.body.steps}
    parts = _Parts("fanout", body.amounts, body.rounds, record(branches), ONE, body.inside, body.rounds, len(branches))
    return _combined(
        survey, step, node.reduce, parts, scope, {**branches, "results": listed([*branches.values()])}, sharing
    )


def repeated(survey: Survey, step: p.Step, node: p.Repeat, scope: Scope) -> Done:
    spec = survey.reducers.get(node.reduce.rule) if node.reduce.ask is None else None
    votes = spec is not None and spec.votes
    body = survey.body(node.body, Scope(scope), vote=votes, sharing=True)
    launch = survey.size(step.options["launch"], scope) if "launch" in step.options else Known("cost")
    together = launch == Known("together")
    args = _constants(node.reduce)
    fewest = node.most if spec is None or together else spec.fewest(node.least, node.most, args)
    samples = Bound(fewest, node.most)
    eager = not votes or together or (launch == Known("latency") and node.least == node.most)
    waves = _waves(survey, step, scope, samples, None if eager else fewest)
    number = str(node.most) if node.least == node.most else f"{node.least} to {node.most}"
    if votes or node.most > MOST_SAMPLES:
        results: Size = Many(samples, body.value)
    else:
        results = listed([body.value] * node.most)
    parts = _Parts(
        f"repeat {number}",
        body.amounts.sampled(samples),
        body.rounds.in_waves(waves, body.rounds),
        results,
        samples,
        body.inside,
        body.rounds,
        node.most,
        _expected(survey, spec, (node.least, node.most), args, body.amounts, cheap=launch == Known("cost")),
    )
    return _combined(survey, step, node.reduce, parts, scope, {"results": results}, True)


def mapped(survey: Survey, step: p.Step, node: p.Map, scope: Scope, sharing: bool) -> Done:
    spec = survey.reducers.get(node.reduce.rule) if node.reduce.ask is None else None
    votes = spec is not None and spec.spares
    count, items, apart = _elements(survey, step, node, scope)
    fewest = int(count.least)
    args = _constants(node.reduce)
    if spec is not None:
        fewest = min(fewest, spec.fewest(fewest, fewest, args)) if fewest else 0
    running = Bound(fewest, count.most, count.why)
    bodies, apart = _bodies(survey, node, scope, items, apart=apart, vote=votes, sharing=sharing)
    values = [body.value for body in bodies]
    if apart:
        amounts = merged([body.amounts for body in bodies], fewest if votes else len(bodies), sharing=sharing)
        rounds = all_of([body.rounds for body in bodies], certain=not votes)
        soonest = all_of([body.rounds for body in bodies], certain=False)
    else:
        amounts = bodies[0].amounts.alike(running, sharing=sharing) if bodies else Amounts()
        rounds = bodies[0].rounds if bodies else Rounds()
        soonest = rounds = rounds if fewest else rounds.maybe
    exact = apart and count.least == len(items)
    results = listed(values) if exact else Many(count, one_of(values or [NONE]))
    waves = _waves(survey, step, scope, running, fewest if votes else None)
    elements = int(count.least) if count.least == count.most else None
    times = f" × {elements:,}" if elements is not None else ""
    parts = _Parts(
        f"map {node.element}{times}",
        amounts,
        rounds.in_waves(waves, soonest),
        results,
        count,
        survey.tree(bodies),
        soonest,
        elements,
        _expected(survey, spec, (elements, elements), args, bodies[0].amounts, cheap=True)
        if elements and bodies
        else None,
    )
    return _combined(survey, step, node.reduce, parts, scope, {"results": results}, sharing)


def _bodies(
    survey: Survey,
    node: p.Map,
    scope: Scope,
    items: list[tuple[Size, bool]],
    *,
    apart: bool,
    vote: bool,
    sharing: bool,
) -> tuple[list[Body], bool]:
    """A body for each element, or one for all where that many are too much work; and whether they are apart."""

    def body(item: Size, certain: bool) -> Body:
        inner = Scope(scope, {node.element: item})
        found = survey.body(node.body, inner, vote=vote, sharing=sharing)
        return found if certain else Body(found.inside, found.amounts.maybe, found.rounds.maybe, found.value)

    bodies: list[Body] = []
    for place, (item, certain) in enumerate(items, 1):
        before = survey.work
        bodies.append(body(item, certain))
        # Maps inside this one multiply the work: it is known when the first body is worked out.
        if apart and not survey.affords(node.body, len(items) - place, spent=survey.work - before):
            return [body(one_of([item for item, _ in items]), True)], False
    return bodies, apart


def _elements(survey: Survey, step: p.Step, node: p.Map, scope: Scope) -> tuple[Bound, list[tuple[Size, bool]], bool]:
    """How many elements there are, and each with whether it is sure to run.

    The last value is False where one stands for all of them: they are not known, or too many.
    """
    source = survey.size(node.source, scope)
    count, items = items_of(source)
    if not is_counted(source):
        if step.name in survey.given_sizes:
            count = Bound(survey.given_sizes[step.name], survey.given_sizes[step.name])
        elif node.where is not None:
            count = count.maybe
        count = count.capped(node.at_most)
        if count.most is None:
            count = Bound(count.least, None, count.why or f"nothing bounds the list of {quoted(step.title)}")
        return count, [(one_of(items), True)] if items else [], False
    found = []
    for item in items:
        held: Size = Known(True)
        if node.where is not None:
            held = survey.size(node.where, Scope(scope, {node.element: item}))
        if not isinstance(held, Known):
            found.append((item, False))
        elif held.value:
            found.append((item, True))
    count = Bound(sum(certain for _, certain in found), len(found)).capped(node.at_most)
    if len(found) != count.most or not survey.affords(node.body, len(found)):
        return count, [(one_of([item for item, _ in found]), True)] if found else [], False
    return count, found, True


def _waves(survey: Survey, step: p.Step, scope: Scope, bodies: Bound, first: float | None) -> Bound:
    """How many times bodies wait for each other, where only so many may be open at once.

    ``first`` is how many a vote launches to begin with; each of the others may wait for one before it. None where
    all are launched at once.
    """
    window: float | None = None
    if "concurrency" in step.options:
        option = survey.size(step.options["concurrency"], scope)
        window = option.value if isinstance(option, Known) and isinstance(option.value, int) else 1
    if bodies.most == 0:
        return NOTHING
    least = 1 if bodies.least else 0
    if first is None and window is None:
        return Bound(least, 1)
    if window is not None and window >= 1:
        least = max(least, -int(-bodies.least // window))
    if bodies.most is None:
        return Bound(least, None, bodies.why)
    if first is None:
        return Bound(least, -int(-bodies.most // max(1, window or 1)))
    return Bound(least, max(least, bodies.most - min(first, window or first) + 1))


def _combined(
    survey: Survey, step: p.Step, reduce: p.Reduce, parts: _Parts, scope: Scope, given: dict[str, Size], sharing: bool
) -> Done:
    """A block with its reducer behind it."""
    title = reduce.rule
    amounts, rounds, inside = parts.amounts, parts.rounds, parts.inside
    if reduce.deciding is not None:
        decided = _decided(survey, step, reduce, parts, scope, given)
        amounts += decided.amounts
        rounds = rounds.then(decided.tries, reduce.needs)
        inside = (*inside, bounds_for("reduce", f"ask of {title}", decided.amounts, decided.tries, line=step.line))
    if reduce.ask is None:
        value = _reduced(survey, step, reduce, parts, scope)
    else:
        fan_in = survey.size(reduce.count, scope) if reduce.count is not None else None
        times, deep = ONE, ONE
        fold = reduce.rule == "fold"
        if fold:
            times = deep = parts.count if "from" in reduce.args else _one_fewer(parts.count)
            items = items_of(given["results"])[1]
            begins = [survey.size(reduce.args["from"], scope)] if "from" in reduce.args else items
            given = {
                "so_far": one_of(
                    [*begins, Some(reduce.ask.answer, answer_bound(reduce.ask.answer, survey.world.count))]
                ),
                "next": one_of(items or [NONE]),
            }
        elif fan_in is not None:
            width = fan_in.value if isinstance(fan_in, Known) and isinstance(fan_in.value, int) else None
            times, deep = _tree(parts.count, width)
            title = f"by {width or ('tokens' if isinstance(reduce.count, p.RuleOf) else 'N')} ask"
        elif parts.count.most == 0:
            times, deep = NOTHING, NOTHING
        elif parts.count.least == 0:
            times, deep = Bound(0, 1), Bound(0, 1)
        found = asked(
            reduce.ask, reduce.options, survey.models, Scope(scope, given), survey.world, title=step.title, vote=False
        )
        if fan_in is not None:
            # What a tree merges further up are its own answers.
            count, items = items_of(given["results"])
            wide = fan_in.value if isinstance(fan_in, Known) and isinstance(fan_in.value, int) else None
            most = count.most if wide is None else wide
            some = Many(Bound(2, most, count.why), one_of([*items, found.value]))
            found = asked(
                reduce.ask, reduce.options, survey.models, Scope(scope, {**given, "results": some}), survey.world,
                title=step.title, vote=False,
            )  # fmt: skip
        more = found.amounts.alike(times, sharing=sharing)
        amounts += more
        behind = found.tries * deep
        tree = fan_in is not None
        rounds = rounds.merged(parts.soonest, behind, reduce.needs) if tree else rounds.then(behind, reduce.needs)
        value = found.value
        if fan_in is not None and parts.count.least <= 1:
            value = one_of([value, *items_of(given["results"])[1]])
        if parts.count.least == 0:
            value = one_of([value, Known("" if reduce.ask.answer == t.TEXT else [])])
        inside = (*inside, bounds_for("reduce", title, more, found.tries * deep, line=step.line))
    what = f"{parts.what}, reduce {title}"
    row = bounds_for(step.title, what, amounts, rounds.bound, elements=parts.elements, inside=inside, line=step.line)
    return Done(replace(row, expected=parts.expected), amounts, rounds, value)


def _one_fewer(count: Bound) -> Bound:
    """The asks of a fold that begins with the first result."""
    return Bound(max(0, count.least - 1), None if count.most is None else max(0, count.most - 1), count.why)


def _constants(reduce: p.Reduce) -> dict[str, object]:
    """The arguments of a rule that are written out; None for the others."""
    return {name: one.value if isinstance(one, p.Constant) else None for name, one in reduce.args.items()}


def _expected(
    survey: Survey,
    spec: ReducerSpec | None,
    samples: tuple[int, int],
    args: Mapping[str, object],
    body: Amounts,
    *,
    cheap: bool,
) -> Expected | None:
    """What a vote takes on the average; one that launches all at once pays for all that it launches."""
    if spec is None or not spec.votes:
        return None
    mean = float(samples[1]) if not cheap else spec.expected(*samples, args, survey.right) if spec.expected else None
    calls = body.calls.most
    if mean is None or not calls:
        return None
    return Expected(survey.right, mean, mean * calls, body.sampled(Bound(mean, mean)).cost)


def _decided(
    survey: Survey, step: p.Step, reduce: p.Reduce, parts: _Parts, scope: Scope, given: dict[str, Size]
) -> Asked:
    """What a rule asks beside its counting."""
    ask = reduce.deciding
    spec = survey.reducers.get(reduce.rule)
    asks = next((param.asks for param in spec.params if param.asks is not None), None) if spec is not None else None
    if ask is None or asks is None:
        return Asked(Amounts(), NOTHING, NONE)
    times = Bound(asks.least if parts.count.least > 1 else 0, 0 if parts.count.most in (0, 1) else asks.most)
    count, items = items_of(given["results"])
    seen = numbered(Bound(min(2, count.least), count.most, count.why), items)
    found = asked(
        ask, reduce.options, survey.models, Scope(scope, {**given, "results": seen}), survey.world, title=step.title,
        vote=False,
    )  # fmt: skip
    tries = found.tries if times.least else found.tries.maybe
    return Asked(found.amounts * times, tries if times.most else NOTHING, found.value)


def _tree(leaves: Bound, fan_in: int | None) -> tuple[Bound, Bound]:
    """How many merges a tree takes, and how many of them stand one behind another."""
    if fan_in is not None and fan_in < 2:
        return NOTHING, NOTHING
    least = merges(leaves.least, fan_in) if fan_in else int(leaves.least > 1)
    deep = levels(leaves.least, fan_in) if fan_in else int(leaves.least > 1)
    if leaves.most is None:
        return Bound(least, None, leaves.why), Bound(deep, None, leaves.why)
    return Bound(least, merges(leaves.most, fan_in or 2)), Bound(deep, levels(leaves.most, fan_in or 2))


def _reduced(survey: Survey, step: p.Step, reduce: p.Reduce, parts: _Parts, scope: Scope) -> Size:
    """The value of a reducer that makes no call."""
    results, rule = parts.results, reduce.rule
    spec = survey.reducers.get(rule) if reduce.extern is None else None
    branches = isinstance(step.node, p.Fanout)
    values = [size for _, size in _fields(results)] if branches else list(items_of(results)[1])
    if spec is not None and rule in ("approval", "ranked"):
        return one_of([item for value in values for item in items_of(value)[1]] or [NONE])
    if spec is not None and (spec.spares or rule == "best"):
        return one_of(values or [NONE])
    if spec is not None and rule in ("count", "sum", "mean", "median"):
        return Some(step.type, Bound(1, _DIGITS))
    if spec is not None and rule == "rank":
        return Many(parts.count, one_of(values or [NONE]))
    if rule == "collect" and spec is not None:
        return results
    in_a_row = listed(values) if branches else results
    if rule == "concat" and spec is not None:
        separator = survey.size(reduce.args["separator"], scope) if "separator" in reduce.args else Known("\n\n")
        return joined(in_a_row, separator, survey.world.count)
    if rule == "flatten" and spec is not None:
        if is_counted(in_a_row) and all(is_counted(value) for value in values):
            return listed([item for value in values for item in items_of(value)[1]])
        inner = [items_of(value) for value in values]
        count = any_of([one for one, _ in inner]) * parts.count
        return Many(count, one_of([item for _, items in inner for item in items] or [NONE]))
    return Some(step.type, Bound(0, None, f"what `{rule}` makes is not known before the flow runs"))


def _fields(size: Size) -> list[tuple[str, Size]]:
    if isinstance(size, Known):
        return [(name, Known(value)) for name, value in size.value.items()]
    return list(getattr(size, "fields", ()))
