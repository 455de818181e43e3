"""The last lines of a run."""

from __future__ import annotations

from typing import Any

from ..account.causes import Cause, Causes, in_lines
from ..api import Result
from ..reducers.ballots import in_words, votes
from ..vocabulary.quoting import sentence
from ..vocabulary.tally import Tally
from .plan_view import money

MANY = 5
ALL = "--json lists them all"


def votes_lines(result: Result) -> list[str]:
    """Return a line on each vote, or one line on all of them where there are many."""
    tallies = result.outcome.tallies
    if len(tallies) == 1 and _headline(result) and _plain(next(iter(tallies.values()))):
        return []
    if len(tallies) > MANY:
        mean = sum(tally.agreement for tally in tallies.values()) / len(tallies)
        split = sum(tally.agreement < 1 for tally in tallies.values())
        return [f"{len(tallies)} votes, {split} of them split; mean agreement {mean:.2f}"]
    return [f"{path}: {_account(tally)}" for path, tally in tallies.items()]


def losses_lines(result: Result) -> list[str]:
    """Return lines on the losses by cause, for the causes whose losses the run has not named one by one."""
    causes = Causes()
    for loss in result.outcome.losses:
        causes.add(loss.path, loss.reason, ballot=loss.ballot)
    return in_lines((cause for cause in causes if not cause.named), _left_out, ALL)


def failures_lines(result: Result) -> list[str]:
    """Return lines on the failures: one for each, or by cause where there are many."""
    causes = Causes()
    for failure in result.failures:
        causes.add(failure.path, failure.reason)
    named = [f"{path}: {reason}" for cause in causes if cause.named for path, reason in cause.first]
    many = [cause for cause in causes if not cause.named]
    return named + in_lines(many, lambda cause: _count(cause.count, "failure"), ALL)


def _left_out(cause: Cause) -> str:
    counts = ((cause.ballots, "sample"), (cause.count - cause.ballots, "element"))
    return f"{' and '.join(_count(number, word) for number, word in counts if number)} left out"


def closing_line(result: Result) -> str:
    """Return the closing line: the answer of the vote, the calls, the time, the tokens and the cost.

    The time stands beside the time that the same calls would take one after another.
    """
    summary, account = result.summary, result.summary.whole
    parts = []
    if headline := _headline(result):
        parts.append(headline)
    calls = _count(account.answered, "call")
    if account.requests != account.answered:
        calls += f" in {_count(account.requests, 'request')}"
    extras = []
    if summary.past.answered:
        extras.append(f"{summary.past.answered:,} before")
    if account.spoilt:
        extras.append(f"{account.spoilt:,} unusable")
    if account.broken_off:
        extras.append(f"{account.broken_off:,} cancelled")
    if summary.spared:
        saved = f", ≈ {money(summary.saved)} saved" if summary.saved else ""
        extras.append(f"{summary.spared} not needed{saved}")
    if summary.failed:
        extras.append(f"{summary.failed:,} failed")
    if summary.retries:
        extras.append(f"{_count(summary.retries, 'retry', 'retries')}")
    parts.append(calls + (f" ({', '.join(extras)})" if extras else ""))
    if summary.recalled:
        parts.append(f"{_count(summary.recalled, 'answer')} from the journal")
    if summary.hedged:
        parts.append(f"{summary.hedged:,} sent twice")
    if summary.in_doubt:
        parts.append(f"{summary.in_doubt:,} sent again in doubt")
    time = _time(summary.seconds - summary.loading)
    if summary.requests > 1 and summary.busy > summary.seconds - summary.loading:
        time += f"; one after another {_time(summary.busy)}"
    if summary.loading >= 0.1:
        time += f"; {_time(summary.loading)} to load the model"
    parts.append(time)
    if account.input_tokens or account.output_tokens:
        parts.append(f"{account.input_tokens:,} tokens in, {account.output_tokens:,} out")
    if cost := cost_text(summary.prices.of(account), account.unbilled(summary.prices)):
        parts.append(cost)
    return " · ".join(parts)


def cost_text(cost: float | None, unbilled: float | None) -> str:
    """Write the cost of a run by its known bills, and at most; "" where it is unknown or zero."""
    if cost is None:
        return ""
    told = [f"${cost:.4f}"] if cost else []
    if unbilled:
        told.append(f"at most ${cost + unbilled:.4f}")
    return ", ".join(told)


def _plain(tally: Tally) -> bool:
    """Tell whether the closing line says everything about a vote."""
    return len(tally.ballots) == 1 and not tally.discarded and not tally.missing and tally.settled


def _headline(result: Result) -> str:
    """Write `SPAM (2 of 3)` if the flow's answer is that of its only vote; else ""."""
    tallies = list(result.outcome.tallies.values())
    if len(tallies) == 1 and result.ok and tallies[0].winner == result.value:
        return _vote(tallies[0])
    return ""


def _vote(tally: Tally) -> str:
    of = f"{tally.counted}, up to {tally.planned}" if tally.adaptive else f"{tally.planned}"
    if tally.of != tally.counted + tally.missing:
        of = f"a weight of {votes(tally.of)} in {tally.counted} ballots"
    return f"{_short(tally.first)} ({votes(tally.votes)} of {of})"


def _account(tally: Tally) -> str:
    """Describe one vote: its answer, the other answers with votes, and the samples that were not needed."""
    parts = [_vote(tally)]
    others = [(answer, count) for answer, count in tally.ballots if answer != tally.first]
    if others:
        listed = ", ".join(f"{_short(answer)} {votes(count)}" for answer, count in others[:3])
        parts.append(listed + (f" and {len(others) - 3} more" if len(others) > 3 else ""))
        parts.append(f"agreement {tally.agreement:.2f}, margin {votes(tally.margin)}")
    if tally.discarded:
        parts.append(f"{tally.discarded} discarded")
    if tally.missing:
        parts.append(f"{tally.missing} missing")
    if tally.saved:
        parts.append(f"{tally.saved} of {tally.planned} saved")
    if not tally.settled:
        open_end = "not settled" if tally.missing else "not enough"
        parts.append("not settled after all samples" if tally.adaptive and not tally.missing else open_end)
    return "; ".join(parts)


def _short(answer: Any) -> str:
    return sentence(in_words(answer), 60)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _time(seconds: float) -> str:
    if seconds >= 120:
        return f"{int(seconds // 60)} min {seconds % 60:.0f} s"
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
