"""The budgets that one element can spend before the requests of others are sent."""

from __future__ import annotations

from collections.abc import Iterator, Set

from .. import plan as p
from .reached import Reached
from .sites import Sites


def spendings(sites: Sites, scarce: Set[str], flows: Set[str], *, ends: bool) -> Iterator[Reached]:
    """Yield a line for each budget that may not last. ``flows`` has the keys of the flows that make the calls.

    ``ends`` says that no block goes on without the requests that a budget ends, so the run ends.
    """
    what = "the run" if ends else "all requests that are left"
    for key in sorted(scarce):
        if not any(key in ("", one) or key in _callers(sites, one) for one in flows):
            continue
        flow = sites.plan.flows[key] if key else sites.plan
        whose = f" of `{p.plain_name(key)}`" if key else ""
        text = f"how soon the budget{whose} of {_limit(flow)} is spent, which ends {what}"
        yield Reached("budget", text, (p.plain_name(key) if key else sites.plan.flow,), ())


def _callers(sites: Sites, flow: str) -> set[str]:
    """Return the flows that call a flow, or call one that does."""
    found: set[str] = set()
    todo = [flow] if flow else []
    while todo:
        for call in sites.calls.get(todo.pop(), ()):
            if call.flow not in found:
                found.add(call.flow)
                todo.append(call.flow)
    return found


def _limit(flow: p.Plan | p.Flow) -> str:
    calls, money = flow.calls_limit, flow.money_limit
    parts = [f"${money:,.2f}"] if money is not None else []
    if calls is not None:
        parts.append(f"{calls:,} call{'s' * (calls != 1)}")
    return " and ".join(parts)
