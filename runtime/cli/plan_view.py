"""The view of a plan's bounds on a terminal: a tree of its steps, and the totals.

There are three kinds of totals: totals that hold without server failures, totals that always hold, and expected totals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..vocabulary.amounts import LARGEST, bound_text
from ..vocabulary.columns import columns, cut, padded
from ..vocabulary.quoting import one_line

if TYPE_CHECKING:
    from flowrun.dsl import Bound, Bounds, Foreseen

_LEAST = 12
"""The least columns for the name of a step, and for what it is."""
_GAP = "  "
_MORE = ", and the flow may need more"
_HEADS = ("", "", "calls", "rounds", "in ≈", "out ≈", "cost")


def view(
    bounds: Bounds,
    calls_limit: int | None,
    money_limit: float | None,
    width: int | None = None,
    *,
    votes: bool = False,
) -> Iterator[str]:
    """Yield the lines of a plan. Each called flow follows once, with the bounds of one call of it.

    The table of steps takes at most ``width`` columns, if that is possible. None sets no limit. ``votes`` tells whether
    the plan has votes over samples, which share a budget that may not reach for all.
    """
    yield from _table(bounds, width)
    yield ""
    yield from ("without server failures:", f"  {totals(bounds)}")
    if bounds.people.most != 0:
        yield f"  {answers_of_people(bounds.people)}"
    yield from ("always:", f"  {attempts(bounds)}")
    means = [f"  {mean}" for mean in (*_means(bounds), *_cached(bounds))]
    yield from ("expected:", *means) if means else ()
    yield from _reasons(bounds)
    short = list(_shortfalls(bounds, calls_limit, money_limit))
    yield from short or (_shared(bounds, calls_limit, money_limit) if votes else ())


def _table(bounds: Bounds, width: int | None) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [_HEADS]
    for tree in (bounds, *bounds.flows):
        rows += _rows(tree, "", "")
    priced = any(row[6] not in ("", "$0", "?") for row in rows[1:])
    widths = [max(columns(row[place]) for row in rows) for place in range(7 if priced else 6)]
    if width is not None:
        _narrow(widths, width)
    shown = [place for place, wide in enumerate(widths) if wide]
    for row in rows:
        yield _GAP.join(padded(cut(row[place], widths[place]), widths[place]) for place in shown).rstrip()


def _narrow(widths: list[int], width: int) -> None:
    """Make a table fit into a width. The texts of the first two columns are cut, but never a number.

    If that is not enough, whole columns are left out: what a step is, the tokens, the rounds.
    """
    for place in (None, 1, 3, 4, 5):
        if place is not None and place < len(widths):
            widths[place] = 0
        over = sum(wide + len(_GAP) for wide in widths if wide) - len(_GAP) - width
        for text in (1, 0):
            spare = max(0, min(over, widths[text] - _LEAST))
            widths[text] -= spare
            over -= spare
        if over <= 0:
            return


def journal_line(kept: Foreseen) -> str:
    """Write how many answers a run would take from the journal, and how many calls it must certainly make."""
    answers = "1 answer" if kept.answers == 1 else f"{kept.answers:,} answers"
    if not kept.calls and kept.questions:
        asked = "1 question" if kept.questions == 1 else f"{kept.questions:,} questions"
        return f"the journal has {answers} for this flow: a run makes no calls before people answer {asked}"
    if not kept.calls:
        return f"the journal has {answers} for this flow: a run makes no calls"
    calls, them = ("1 call", "it") if kept.calls == 1 else (f"{kept.calls:,} calls", "them")
    return f"the journal has {answers} for this flow: a run makes {calls} and the calls that depend on {them}"


def unforeseen_line(names: Sequence[str]) -> str:
    """Write whose `extra` the bounds do not know."""
    whose = ", ".join(f"`{one_line(name)}`" for name in names)
    return f"`extra` of {whose} is sent as it stands: these bounds do not know what it does to lengths and prices"


def attempts(bounds: Bounds) -> str:
    """Write how many attempts may be billed at most, even if servers fail, and the dollars of all of them."""
    most = bounds.attempts.most
    if most is None:
        return "no bound on the attempts that may be billed"
    if most == 0:
        return "no attempt that may be billed"
    cost = "" if not bounds.billed.most else f", {bound_text(bounds.billed.most, up=True)} for all of them"
    return f"at most {most_in_words(bounds.attempts)} attempt{'s' * (most > 1)} that may be billed{cost}"


def most_in_words(bound: Bound) -> str:
    """Write the most of a bound with all its digits, because users copy this number into a limit."""
    if bound.most is None:
        return "any number"
    return f"{bound.most:,.0f}" if bound.most <= LARGEST else number(bound.most)


def totals(bounds: Bounds) -> str:
    """Write the totals that hold without server failures.

    If a server fails, there are more attempts, or the run ends before it reaches the least totals.
    """
    return " · ".join(
        (
            f"calls {in_words(bounds.calls)}",
            f"rounds {in_words(bounds.rounds)}",
            f"tokens in ≈ {in_words(bounds.tokens_in)}",
            f"out ≈ {in_words(bounds.tokens_out)}",
            f"cost {cost_in_words(bounds.cost)}",
        )
    )


def answers_of_people(people: Bound) -> str:
    """Write how many answers people give. These are no calls, and cost neither tokens nor money."""
    if people.most == 1:
        return "1 answer of a person" if people.least == 1 else "at most 1 answer of a person"
    return f"{in_words(people)} answers of people"


def _means(bounds: Bounds) -> Iterator[str]:
    """Yield a line for each vote and cascade with its expected calls and cost."""
    todo = [bounds, *bounds.flows]
    while todo:
        one = todo.pop(0)
        todo[:0] = one.inside
        if one.expected is None:
            continue
        found = one.expected
        cost = "" if (found.cost.least, found.cost.most) == (0, 0) else f", cost {cost_in_words(found.cost)}"
        told = f", {found.comparisons:.1f} of them comparisons" if found.comparisons else ""
        alike = " and no two answers have the same words" if found.comparisons else ""
        what = "each stage is enough" if one.what == "cascade" else "a sample is right"
        yield (
            f"{one.title}: {found.calls:.1f} calls on average{told}{cost}, "
            f"if {what} {found.right * 100:g} % of the time{alike}"
        )


def _cached(bounds: Bounds) -> Iterator[str]:
    """Yield a line for the tokens that servers are expected to read from their caches, if there are any."""
    if bounds.cached >= 1:
        yield f"tokens in: ≈ {number(bounds.cached)} of them read from the servers' caches, for less"


def _rows(bounds: Bounds, head: str, indent: str) -> Iterator[tuple[str, ...]]:
    asks = bounds.calls.most != 0
    cells = (
        _cell(bounds.calls),
        _cell(bounds.rounds),
        _cell(bounds.tokens_in),
        _cell(bounds.tokens_out),
        _cost_cell(bounds.cost),
    )
    yield (one_line(head + bounds.title), one_line(bounds.what), *(cells if asks else ("",) * 5))
    for number, inner in enumerate(bounds.inside):
        last = number == len(bounds.inside) - 1
        yield from _rows(inner, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  "))


def _reasons(bounds: Bounds) -> Iterator[str]:
    """Yield the reasons why some totals have no upper limit, each reason once."""
    named = (
        ("calls", bounds.calls),
        ("attempts", bounds.attempts),
        ("rounds", bounds.rounds),
        ("tokens in", bounds.tokens_in),
        ("tokens out", bounds.tokens_out),
        ("cost", bounds.cost),
    )
    reasons: dict[str, list[str]] = {}
    for name, bound in named:
        if bound.most is None:
            reasons.setdefault(bound.why, []).append(name)
    for why, names in reasons.items():
        listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
        yield f"no bound on {listed}: {why}"


def _shortfalls(bounds: Bounds, calls_limit: int | None, money_limit: float | None) -> Iterator[str]:
    calls = sum(step.calls.least for step in bounds.inside)
    cost = sum(step.cost.least for step in bounds.inside)
    if calls_limit is not None and calls > calls_limit:
        yield f"the budget of {calls_limit:,} calls is too small: the flow makes at least {calls:,.0f}"
    if money_limit is not None and cost > money_limit:
        yield f"the budget of {bound_text(money_limit)} is too small: the flow costs at least {bound_text(cost)}"


def _shared(bounds: Bounds, calls_limit: int | None, money_limit: float | None) -> Iterator[str]:
    """Yield a line for each budget that may not reach, although it may be enough."""
    steps = bounds.inside
    calls = None if any(step.calls.most is None for step in steps) else sum(step.calls.most or 0 for step in steps)
    cost = None if any(step.cost.most is None for step in steps) else sum(step.cost.most or 0 for step in steps)
    if calls_limit is not None and (calls is None or calls > calls_limit):
        known = f" calls{_MORE}" if calls is None else f" of at most {calls:,.0f} calls"
        yield f"the budget covers {calls_limit:,}{known}: votes share it by need"
    if money_limit is not None and (cost is None or cost > money_limit):
        known = _MORE if cost is None else f" of at most {bound_text(cost, up=True)}"
        yield f"the budget covers {bound_text(money_limit)}{known}: votes share it by need"


def number(value: float) -> str:
    """Write a count in at most four characters, for counts up to a billion."""
    if value > LARGEST:
        return "more than 10^15"
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 1000)):
        if value >= size * 0.9995:
            whole = value / size
            return f"{whole:.1f}{unit}" if whole < 9.95 else f"{whole:.0f}{unit}"
    return f"{value:.0f}"


def in_words(bound: Bound) -> str:
    if bound.most is None:
        return number(bound.least) + " or more" * (bound.least <= LARGEST)
    if number(bound.least) == number(bound.most):
        return number(bound.most)
    return f"{number(bound.least)} to {number(bound.most)}"


def cost_in_words(bound: Bound) -> str:
    if bound.most is None:
        return "unknown" if bound_text(bound.least) == "$0" else f"{bound_text(bound.least)} or more"
    if bound.most == 0:
        return "$0"
    return f"{bound_text(bound.least)} to {bound_text(bound.most, up=True)}"


def _cell(bound: Bound) -> str:
    if bound.most is None:
        return number(bound.least) + "+" * (bound.least <= LARGEST)
    least, most = number(bound.least), number(bound.most)
    return most if least == most else f"{least}–{most}"


def _cost_cell(bound: Bound) -> str:
    if bound.most is None:
        return "?" if bound_text(bound.least) == "$0" else f"{bound_text(bound.least)}+"
    if bound.most == 0:
        return "$0"
    return f"{bound_text(bound.least)}–{bound_text(bound.most, up=True).removeprefix('$')}"
