"""The bounds of a reducer: its asks, and the size of the value that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import plan as p
from .. import types as t
from ..catalog import AskSpec
from ..records import dataclass
from .amounts import Amounts, bounds_for
from .ask_bounds import Asked, asked
from .bound import NOTHING, Bound, any_of
from .candidate_sizes import numbered
from .expression_sizes import SizeScope, joined
from .sizes import NONE, Known, Many, Size, Some, is_counted, items_of, listed, one_of
from .survey import BlockBounds, Done, Survey
from .trees import levels, merges
from .vote_averages import constants

_DIGITS = 24
"""The most tokens of a number that a reducer makes."""


def combined(
    survey: Survey,
    step: p.Step,
    reduce: p.Reduce,
    parts: BlockBounds,
    scope: SizeScope,
    given: dict[str, Size],
    sharing: bool,
) -> Done:
    """Add the bounds of the reducer to the bounds of the bodies of its block."""
    title = reduce.rule
    amounts, rounds, inside = parts.amounts, parts.rounds, parts.inside
    if reduce.deciding is not None:
        if reduce.same and (mean := parts.expected) is not None:
            from .comparisons import with_comparisons  # few votes compare answers

            compared = with_comparisons(survey, step, reduce, reduce.deciding, mean, scope, given)
            parts = replace(parts, expected=compared)
        decided = _decided(survey, step, reduce, parts, scope, given)
        if reduce.searches and (mean := parts.expected) is not None:
            # The search judges each of its samples. An answer of a judge is seldom malformed.
            result = one_of(items_of(given["results"])[1] or [NONE])
            once = _decision(survey, step, reduce, reduce.deciding, {"result": result}, scope)
            cost = mean.cost + once.amounts.cost * Bound(mean.samples, mean.samples)
            parts = replace(parts, expected=replace(mean, calls=mean.calls + mean.samples, cost=cost))
        amounts += decided.amounts
        if reduce.searches:
            # The judge reads results as they arrive, and none behind one that passes.
            rounds = rounds.merged(parts.soonest, decided.tries, reduce.needs, loses=True)
        else:
            rounds = rounds.then(decided.tries, reduce.needs)
        inside = (*inside, bounds_for("reduce", f"ask of {title}", decided.amounts, decided.tries, line=step.line))
    if reduce.ask is None:
        value = _reduced(survey, step, reduce, parts, scope)
        if reduce.extern is not None:
            rounds = rounds.behind(reduce.needs)
    else:
        asks = (_fold if reduce.rule == "fold" else _merged)(survey, step, reduce, parts, scope, given)
        more = asks.each.amounts.alike(asks.times, sharing=sharing)
        amounts += more
        behind = asks.each.tries * asks.deep
        if reduce.rule == "fold" or reduce.count is not None:
            rounds = rounds.merged(parts.soonest, behind, reduce.needs, loses=parts.loses)
        else:
            rounds = rounds.then(behind, reduce.needs)
        title, value = asks.title, asks.value
        if parts.count.least == 0:
            value = one_of([value, Known([] if isinstance(reduce.ask.answer, t.ListOf) else "")])
        inside = (*inside, bounds_for("reduce", title, more, behind, line=step.line))
    what = f"{parts.what}, reduce {title}"
    row = bounds_for(step.title, what, amounts, rounds.bound, elements=parts.elements, inside=inside, line=step.line)
    return Done(replace(row, expected=parts.expected), amounts, rounds, value)


@dataclass(frozen=True, slots=True)
class _Asks:
    """The asks that combine the results of a block.

    ``each`` has the bounds of one ask, ``times`` is the number of asks, and ``deep`` is the number of asks in a row.
    """

    title: str
    each: Asked
    times: Bound
    deep: Bound
    value: Size


def _fold(
    survey: Survey, step: p.Step, reduce: p.Reduce, parts: BlockBounds, scope: SizeScope, given: dict[str, Size]
) -> _Asks:
    items = items_of(given["results"])[1]
    begins, times = items, _one_fewer(parts.count)
    if "from" in reduce.args:
        begins, times = [survey.size(reduce.args["from"], scope)], parts.count
    after = one_of(items or [NONE])
    first = _asked(survey, step, reduce, SizeScope(scope, {"so_far": one_of(begins or [NONE]), "next": after}))
    # The later asks of a fold see its own answers.
    each = _asked(survey, step, reduce, SizeScope(scope, {"so_far": one_of([*begins, first.value]), "next": after}))
    value = each.value if times.least else one_of([each.value, *begins])
    return _Asks(reduce.rule, each, times, times, value)


def _merged(
    survey: Survey, step: p.Step, reduce: p.Reduce, parts: BlockBounds, scope: SizeScope, given: dict[str, Size]
) -> _Asks:
    """Bound one ask about all results, or a tree of such asks."""
    each = _asked(survey, step, reduce, SizeScope(scope, given))
    if reduce.count is None:
        times = Bound(min(1, parts.count.least), 0 if parts.count.most == 0 else 1)
        return _Asks(reduce.rule, each, times, times, each.value)
    fan_in = survey.size(reduce.count, scope)
    width = fan_in.value if isinstance(fan_in, Known) and isinstance(fan_in.value, int) else None
    times, deep = _tree(parts.count, width)
    count, items = items_of(given["results"])
    # Higher up, a tree merges its own answers.
    some = Many(Bound(2, count.most if width is None else width, count.why), one_of([*items, each.value]))
    each = _asked(survey, step, reduce, SizeScope(scope, {**given, "results": some}))
    value = each.value if times.least else one_of([each.value, *items])
    title = f"by {width or ('tokens' if isinstance(reduce.count, p.RuleOf) else 'N')} ask"
    return _Asks(title, each, times, deep, value)


def _asked(survey: Survey, step: p.Step, reduce: p.Reduce, scope: SizeScope) -> Asked:
    """Bound one of the asks that combine the results."""
    assert reduce.ask is not None
    return asked(
        reduce.ask, reduce.options, survey.models, scope, survey.world,
        title=step.title, vote=False, stores=True,
    )  # fmt: skip


def _one_fewer(count: Bound) -> Bound:
    """Return the number of asks in a fold that begins with the first result."""
    return Bound(max(0, count.least - 1), None if count.most is None else max(0, count.most - 1), count.why)


def _decided(
    survey: Survey, step: p.Step, reduce: p.Reduce, parts: BlockBounds, scope: SizeScope, given: dict[str, Size]
) -> Asked:
    """Bound the asks that a reducer makes to decide, for example to break a tie."""
    ask = reduce.deciding
    spec = survey.reducers.get(reduce.rule)
    compares = bool(reduce.same)
    params = spec.params if spec is not None else ()
    asks = next((one.asks for one in params if one.asks is not None and one.asks.compares is compares), None)
    if ask is None or asks is None:
        return Asked(Amounts(), NOTHING, NONE)
    there = _present(step, parts)
    if compares:
        from .comparisons import compared_by  # few votes compare answers

        most = asks.comparisons(None if there.most is None else int(there.most))
        return compared_by(survey, step, reduce, ask, Bound(0, most, there.why), scope, given)
    times, deep = _decisions(asks, there, constants(reduce))
    count, items = items_of(given["results"])
    pairs = asks.times is not None and asks.times(2, constants(reduce)) is not None
    seen = numbered(Bound(2, 2) if pairs else Bound(min(2, count.least), count.most, count.why), items)
    names = {"result": one_of(items or [NONE])} if asks.each else {**given, "results": seen}
    found = _decision(survey, step, reduce, ask, names, scope)
    tries = found.tries * deep
    # Candidates may be equal, and then the asks about them are equal, too.
    amounts = replace(found.amounts.alike(times, sharing=True), shared_input=0, shared_cost=0)
    return Asked(amounts, tries if times.most != 0 else NOTHING, found.value)


def _decision(
    survey: Survey, step: p.Step, reduce: p.Reduce, ask: p.Ask, names: dict[str, Size], scope: SizeScope
) -> Asked:
    """Bound one ask of a rule that decides, with the sizes of the ``names`` that it sees."""
    seen = SizeScope(scope, names)
    return asked(ask, reduce.options, survey.models, seen, survey.world, title=step.title, vote=False, stores=True)


def _decisions(asks: AskSpec, there: Bound, args: Mapping[str, object]) -> tuple[Bound, Bound]:
    """Bound the asks of a rule, and how many of them run one after another."""
    if asks.each:
        # The judge of a search asks about one result at least. In the worst case, each verdict is waited for.
        return (found := Bound(min(1, there.least), there.most, there.why)), found
    least = (0, 0)
    if there.least > 1:
        told = asks.times(int(there.least), args) if asks.times is not None else None
        least = told if told is not None else (asks.least, min(1, asks.least))
    if there.most is None and asks.times is not None and asks.times(2, args) is not None:
        return Bound(least[0], None, there.why), Bound(least[1], None, there.why)
    if there.most is None or there.most > 1:
        most = _times(asks, 2 if there.most is None else int(there.most), args)
    else:
        most = (0, 0) if there.most == 0 else (asks.alone, min(1, asks.alone))
    return Bound(least[0], most[0]), Bound(least[1] if least[0] else 0, most[1])


def _times(asks: AskSpec, number: int, args: Mapping[str, object]) -> tuple[int, int]:
    """Return the asks about two results or more, and how many of them run one after another."""
    found = asks.times(number, args) if asks.times is not None else None
    return found if found is not None else (asks.most, 1)


def _present(step: p.Step, parts: BlockBounds) -> Bound:
    """Bound the number of results if the reducer leaves out missing results, such as that of a skipped branch."""
    block = step.block
    if block is None:
        return parts.count
    branches = isinstance(step.node, p.Fanout)
    sure = sum(not _may_be_none(one.type) for one in block.steps if branches or one.name == block.result)
    return replace(parts.count, least=min(parts.count.least, sure)) if branches or not sure else parts.count


def _may_be_none(type_: t.Type) -> bool:
    return isinstance(type_, t.Optional) or type_ in (t.JSON, t.NONE, t.UNKNOWN)


def _tree(leaves: Bound, fan_in: int | None) -> tuple[Bound, Bound]:
    """Return the number of merges in a tree, and the number of merges in a row."""
    if fan_in is not None and fan_in < 2:
        return NOTHING, NOTHING
    least = merges(leaves.least, fan_in) if fan_in else int(leaves.least > 1)
    deep = levels(leaves.least, fan_in) if fan_in else int(leaves.least > 1)
    if leaves.most is None:
        return Bound(least, None, leaves.why), Bound(deep, None, leaves.why)
    return Bound(least, merges(leaves.most, fan_in or 2)), Bound(deep, levels(leaves.most, fan_in or 2))


def _reduced(survey: Survey, step: p.Step, reduce: p.Reduce, parts: BlockBounds, scope: SizeScope) -> Size:
    """Return the size of the value of a reducer that makes no call."""
    results, rule = parts.results, reduce.rule
    spec = survey.reducers.get(rule) if reduce.extern is None else None
    branches = isinstance(step.node, p.Fanout)
    values = [size for _, size in _fields(results)] if branches else list(items_of(results)[1])
    if spec is not None and rule in ("approval", "ranked"):
        return one_of([item for value in values for item in items_of(value)[1]] or [NONE])
    if spec is not None and (spec.spares or rule in ("best", "consistent")):
        return one_of(values or [NONE])
    if spec is not None and rule in ("count", "sum", "mean", "median"):
        return Some(step.type, Bound(1, _DIGITS))
    if spec is not None and rule == "rank":
        top = reduce.args.get("top")
        most = top.value if isinstance(top, p.Constant) else None
        there = _present(step, parts)
        return Many(there.maybe if top is not None and most is None else there.capped(most), one_of(values or [NONE]))
    if spec is not None and rule == "dedupe":
        there = _present(step, parts)
        return Many(replace(there, least=min(1, there.least)), one_of(values or [NONE]))
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
    return Some(step.type, Bound(0, None, f"the result of `{rule}` is known only when the flow runs"))


def _fields(size: Size) -> list[tuple[str, Size]]:
    if isinstance(size, Known):
        return [(name, Known(value)) for name, value in size.value.items()]
    return list(getattr(size, "fields", ()))
