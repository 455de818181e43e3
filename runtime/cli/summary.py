"""The last lines of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..account.causes import Causes, FailureCause, in_lines
from ..vocabulary.amounts import ceiling_text, count_text, money_text, time_text
from ..vocabulary.errors import BudgetError
from ..vocabulary.tally import standing_text
from .vote_lines import headline, spent_line
from .waits import waiting

if TYPE_CHECKING:
    from ..account.summary import Summary
    from ..api import Result

ALL = "--json lists them all"


def losses_lines(result: Result, *, all_causes: bool = False) -> list[str]:
    """Return lines about the losses, one for each cause whose losses were not all reported during the run.

    With ``all_causes`` none of them was reported, so each cause gets a line.
    """
    causes, spent = Causes(), Causes()
    accounted = bool(spent_line(result))
    for loss in result.outcome.losses:
        # The account of the votes has the samples for which the budget had nothing left.
        if not isinstance(loss.error, BudgetError):
            causes.add(loss.path, loss.reason, ballot=loss.ballot)
        elif not (loss.ballot and accounted):
            spent.add(loss.path, loss.reason, ballot=loss.ballot)
    named = [cause for cause in causes if all_causes or not cause.named]
    return in_lines([*named, *spent], _left_out, ALL)


def failures_lines(result: Result) -> list[str]:
    """Return lines about the failures: one for each failure, or one for each cause if there are many."""
    causes = Causes()
    for failure in result.failures:
        causes.add(failure.path, failure.reason)
    named = [f"{path}: {reason}" for cause in causes if cause.named for path, reason in cause.first]
    many = [cause for cause in causes if not cause.named]
    return named + in_lines(many, lambda cause: count_text(cause.count, "failure"), ALL)


def _left_out(cause: FailureCause) -> str:
    counts = ((cause.ballots, "sample"), (cause.count - cause.ballots, "element"))
    return f"{' and '.join(count_text(number, word) for number, word in counts if number)} left out"


def closing_line(result: Result) -> str:
    """Return the last line of a run: the answer of the vote, how firmly it stands, the calls, time, tokens and cost.

    Beside the time is the time that the same calls would take one after another. Behind it is the greatest cause of
    waiting, if calls waited for a large part of the run.
    """
    summary, account = result.summary, result.summary.whole
    tokens = account.input_tokens or account.output_tokens
    parts = (
        headline(result),
        _standing(result),
        _calls(summary),
        account.people and _people(account.people),
        summary.recalled and f"{count_text(summary.recalled, 'answer')} from the journal",
        summary.hedged and f"{summary.hedged:,} sent twice",
        summary.in_doubt and f"{summary.in_doubt:,} sent again in doubt",
        _times(summary),
        waiting(summary.waits, summary.seconds),
        tokens and f"{account.input_tokens:,} tokens in{_cached(summary)}, {account.output_tokens:,} out",
        cost_text(summary.prices.of(account), account.unbilled(summary.prices)),
    )
    return " · ".join(part for part in parts if part)


def doubtful_line(calls: int) -> str:
    """Write that some calls came with counts of tokens that cannot be true."""
    which = "1 answer came" if calls == 1 else f"{calls:,} answers came"
    return f"{which} with numbers of tokens that cannot be true, so a budget counts the highest cost: `show` tells why"


def _cached(summary: Summary) -> str:
    """Write the tokens of the prompts that came from the providers' caches, and what that saved. "" if there are none.

    If none came from a cache, write those that were put in one.
    """
    found, saved = summary.whole.amounts, summary.prices.cache_saving(summary.whole) or 0.0
    stored = found.stored + found.long_stored
    if not found.cached and not stored:
        return ""
    told = f"{found.cached:,} cached" if found.cached else f"{stored:,} put in a cache"
    if money := money_text(abs(saved)) if saved else "":
        told += f", {money} {'saved' if saved > 0 else 'more'}"
    return f" ({told})"


def _people(answers: int) -> str:
    return "1 answer of a person" if answers == 1 else f"{answers:,} answers of people"


def _calls(summary: Summary) -> str:
    """Write the calls that were paid, and in brackets what else came of calls."""
    account = summary.whole
    calls, counted = count_text(account.answered, "call"), account.input_tokens or account.output_tokens
    if account.requests != account.answered:
        calls += f" in {count_text(account.requests, 'request')}"
    saved = f", ≈ {money_text(summary.saved)} saved" if summary.saved else ""
    # Their answers can be read later, so they are not in doubt.
    held = min(account.in_doubt, sum(one.lines for one in summary.submissions.values()))
    extras = (
        held and f"{held:,} at a batch API",
        summary.past.answered and f"{summary.past.answered:,} before",
        account.spoilt and f"{account.spoilt:,} spoilt",
        account.cancelled and f"{account.cancelled:,} cancelled",
        account.in_doubt > held and f"{account.in_doubt - held:,} in doubt",
        account.doubtful and f"{account.doubtful:,} with doubtful tokens",
        counted and account.uncounted and f"{account.uncounted:,} with uncounted tokens",
        summary.spared and f"{summary.spared} not needed{saved}",
        summary.failed and f"{summary.failed:,} failed",
        summary.retries and count_text(summary.retries, "retry", "retries"),
    )
    told = ", ".join(extra for extra in extras if extra)
    return f"{calls} ({told})" if told else calls


def _times(summary: Summary) -> str:
    seconds = summary.seconds - summary.loading
    time = time_text(1000 * seconds)
    if summary.requests > 1 and summary.busy > seconds:
        time += f"; one after another {time_text(1000 * summary.busy)}"
    if summary.loading >= 0.1:
        time += f"; {time_text(1000 * summary.loading)} to start"
    return time


def cost_text(cost: float | None, unbilled: float | None) -> str:
    """Write the cost of a run: the sum of its known bills, and the highest possible cost. "" if unknown or zero."""
    if cost is None:
        return ""
    told = [money_text(cost)] if cost else []
    if unbilled:
        told.append(f"at most {ceiling_text(cost + unbilled)}")
    return ", ".join(told)


def _standing(result: Result) -> str:
    """Say behind the headline how many changed samples the answer stands against, if it stands against any."""
    if not headline(result):
        return ""
    (tally,) = result.outcome.tallies.values()
    return standing_text(tally) if tally.stands else ""
