"""The check for a budget that is too small, whatever the models answer. A run with such a budget is refused."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import plan as p

from ..costs.written_budget import Budget
from ..journal.store import Journal
from ..vocabulary.amounts import limit_text
from ..vocabulary.errors import UsageError
from .run_rows import RunSettings

_DOUBT = 2.0
"""The factor by which a least cost must exceed the budget to count, for its tokens are estimates."""


def must_afford(
    plan: p.Plan,
    budget: Budget,
    settings: RunSettings,
    environ: Mapping[str, str],
    journal: Journal | None,
    number: int | None,
    spent: tuple[int, float],
) -> None:
    """Raise UsageError if the flow needs more than its budget allows, whatever its inputs are.

    Answers from the journal cost nothing, and each may replace a call. ``spent`` are the calls and the dollars of the
    run so far. ``number`` is the number of the run in the journal, None for a run that begins.
    """
    if budget.calls is None and budget.money is None:
        return
    # Most flows have no budget, and their runs need no bounds.
    from ..forecast.estimate import least_of

    bounds = least_of(plan, settings.model, environ)
    answers = _answers(journal, number, fresh=settings.fresh)
    least, cost = round(bounds.calls.least), bounds.cost.least
    if budget.calls is not None and least - answers > max(0, budget.calls - spent[0]):
        raise UsageError(f"{_said(least, answers)}, and {_allowed(budget.calls, spent[0])}; {_way_out(least)}")
    if budget.money is not None and not answers and not spent[0] and cost > _DOUBT * budget.money:
        allowed = f"its budget allows {limit_text(budget.money)}"
        raise UsageError(
            f"this flow costs at least about {limit_text(cost)}, and {allowed}; no call was made: give a larger budget"
        )


def _answers(journal: Journal | None, number: int | None, *, fresh: bool) -> int:
    """Count the answers of the journal that the run may use at most."""
    if journal is None:
        return 0
    if not fresh:
        return journal.index.paid.count
    return 0 if number is None else journal.index.runs[number].answers


def _said(least: int, answers: int) -> str:
    known = f" (the journal has at most {answers:,} of their answers)" if answers else ""
    return f"this flow makes at least {_calls(least)}{known}"


def _allowed(limit: int, spent: int) -> str:
    return f"its budget allows {limit:,}" + (f", of which {spent:,} are spent" if spent else "")


def _way_out(least: int) -> str:
    return f"no call was made: give a larger budget, such as --budget '{_calls(least)}'"


def _calls(number: int) -> str:
    return f"{number:,} call{'' if number == 1 else 's'}"
