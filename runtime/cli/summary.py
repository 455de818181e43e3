"""The last lines of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..account.causes import Cause, Causes, in_lines
from ..vocabulary.amounts import ceiling_text, count_text, money_text, time_text
from ..vocabulary.errors import BudgetError
from ..vocabulary.quoting import sentence
from ..vocabulary.tally import in_words, standing_text, votes
from .waits import waiting

if TYPE_CHECKING:
    from ..account.summary import Summary
    from ..api import Result
    from ..vocabulary.tally import Tally

MANY = 5
ALL = "--json lists them all"


def votes_lines(result: Result) -> list[str]:
    """Return a line for each vote. If there are many votes, return one line for all of them."""
    tallies = result.outcome.tallies
    spent = spent_line(result)
    if spent and len(tallies) > 1:
        return [spent]
    if len(tallies) == 1 and _headline(result) and _plain(next(iter(tallies.values()))):
        return []
    if len(tallies) > MANY:
        mean = sum(tally.agreement for tally in tallies.values()) / len(tallies)
        split = sum(tally.agreement < 1 for tally in tallies.values())
        return [
            f"{len(tallies)} votes, {split} of them split; mean agreement {mean:.2f}",
            *filter(None, [single_calls(result)]),
        ]
    return [f"{path}: {vote_text(tally)}" for path, tally in tallies.items()]


def spent_line(result: Result) -> str:
    """Tell how many votes the budget left open, in one line for all of them. "" if it left none open."""
    tallies, summary = result.outcome.tallies.values(), result.summary
    open_ = sum(tally.unsent > 0 and not tally.settled for tally in tallies)
    if not open_ or summary.limits is None:
        return ""
    decided = sum(tally.settled for tally in tallies)
    rest = len(tallies) - decided - open_
    told = [f"{decided:,} of {count_text(len(tallies), 'vote')} decided", f"{open_:,} ended with the budget"]
    told += [f"{rest:,} undecided after all samples"] if rest else []
    account, limits = summary.whole, summary.limits
    if limits.calls is not None:
        told[-1] += f"; {account.sent:,} of {count_text(limits.calls, 'call')}"
    elif limits.dollars is not None:
        cost = summary.prices.of(account)
        told[-1] += f"; {money_text(cost or 0.0) or '$0'} of {money_text(limits.dollars)}"
    return ", ".join(told)


def single_calls(result: Result) -> str:
    """Return the advice to ask once instead of voting, if all of many votes of a whole run were unanimous; else ""."""
    from ..eval.unanimity import run_advice

    summary = result.summary
    if not result.outcome.complete or len(result.outcome.tallies) != len(summary.votes):
        return ""
    # A resume takes the earlier answers of its own run from the journal too.
    calls = summary.calls + summary.recalled
    return run_advice(summary.votes, calls, summary.prices, None if summary.recalled else summary.requests)


def losses_lines(result: Result, *, all_causes: bool = False) -> list[str]:
    """Return lines about the losses, one for each cause whose losses were not all reported during the run.

    With ``all_causes`` none of them was reported, so each cause gets a line.
    """
    causes, spent = Causes(), Causes()
    for loss in result.outcome.losses:
        # The account of the votes has the samples for which the budget had nothing left.
        if not isinstance(loss.error, BudgetError):
            causes.add(loss.path, loss.reason, ballot=loss.ballot)
        elif not (loss.ballot and spent_line(result)):
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


def _left_out(cause: Cause) -> str:
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
        _headline(result),
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
    calls = count_text(account.answered, "call")
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


def _plain(tally: Tally) -> bool:
    """Tell whether the closing line already says everything about a vote."""
    single = len(tally.ballots) == 1 and tally.panel is None and tally.contest is None
    return single and not tally.discarded and not tally.missing and tally.settled


def _headline(result: Result) -> str:
    """Write `SPAM (2 of 3; NOT 1)` if the flow's answer is the answer of its only vote. Otherwise write ""."""
    tallies = list(result.outcome.tallies.values())
    if len(tallies) == 1 and tallies[0].contest is None and result.ok and tallies[0].winner == result.value:
        others = _others(tallies[0])
        return _vote(tallies[0], f"; {others}" if others else "")
    return ""


def _standing(result: Result) -> str:
    """Say behind the headline how many changed samples the answer stands against, if it stands against any."""
    if not _headline(result):
        return ""
    tally = next(iter(result.outcome.tallies.values()))
    return standing_text(tally) if tally.stands else ""


def _vote(tally: Tally, others: str = "") -> str:
    of = f"{tally.counted}, up to {tally.planned}" if tally.adaptive else f"{tally.planned}"
    if tally.of != tally.counted + tally.missing:
        of = f"a weight of {votes(tally.of)} in {tally.counted} ballots"
    return f"{_short(tally.first)} ({votes(tally.votes)} of {of}{others})"


def vote_text(tally: Tally) -> str:
    """Describe one vote: its answer, the other answers with votes, and the samples that were not needed."""
    if tally.contest is not None:
        saved = f"; {tally.saved} of {tally.planned} saved" if tally.saved else ""
        return f"{tally.contest.text}{saved}"
    parts = [_vote(tally)]
    if others := _others(tally):
        parts.append(others)
        parts.append(f"agreement {tally.agreement:.2f}, margin {votes(tally.margin)}")
    if tally.discarded:
        parts.append(f"{tally.discarded} discarded")
    if tally.missing:
        parts.append(f"{tally.missing} missing")
    if tally.saved:
        parts.append(f"{tally.saved} of {tally.planned} saved")
    if standing := standing_text(tally):
        parts.append(standing)
    if said := _panel(tally):
        parts.append(said)
    if not tally.settled:
        open_end = "not settled" if tally.missing else "not enough"
        parts.append("not settled after all samples" if tally.adaptive and not tally.missing else open_end)
    return "; ".join(parts)


def _panel(tally: Tally) -> str:
    """Tell who said what in a panel, if that is short. "" otherwise."""
    if tally.panel is None:
        return ""
    from ..vocabulary.panel import SHORT, panel_text  # few votes are panels

    text = panel_text(tally, SHORT)
    return f"by item ({text})" if text else ""


def _others(tally: Tally) -> str:
    """List the answers other than the winner's, with their votes. "" if there are none."""
    others = [(answer, count) for answer, count in tally.ballots if answer != tally.first]
    listed = ", ".join(f"{_short(answer)} {votes(count)}" for answer, count in others[:3])
    return listed + (f" and {len(others) - 3} more" if len(others) > 3 else "")


def _short(answer: Any) -> str:
    return sentence(in_words(answer), 60)
