"""The last lines of a run."""

from __future__ import annotations

from ..api import Result
from ..reducers import Tally
from .progress import money_text

MANY = 5


def votes_lines(result: Result) -> list[str]:
    """How each vote ended, or all of them in one line where there are many."""
    tallies = result.outcome.tallies
    if len(tallies) == 1 and _headline(result):
        return []
    if len(tallies) > MANY:
        mean = sum(tally.agreement for tally in tallies.values()) / len(tallies)
        split = sum(tally.agreement < 1 for tally in tallies.values())
        return [f"{len(tallies)} votes, {split} of them split; mean agreement {mean:.2f}"]
    return [f"{path}: {_vote(tally)}" for path, tally in tallies.items()]


def closing_line(result: Result) -> str:
    """The answer of the vote, the calls, the time, and the time that the same calls take one after another."""
    summary = result.summary
    parts = []
    if headline := _headline(result):
        parts.append(headline)
    calls = _count(summary.calls, "call")
    if summary.requests != summary.calls:
        calls += f" in {_count(summary.requests, 'request')}"
    extras = []
    if summary.spared:
        extras.append(f"{summary.spared} not needed")
    if summary.failed:
        extras.append(f"{summary.failed} failed")
    if summary.retries:
        extras.append(f"{_count(summary.retries, 'retry', 'retries')}")
    parts.append(calls + (f" ({', '.join(extras)})" if extras else ""))
    if summary.recalled:
        parts.append(f"{_count(summary.recalled, 'answer')} from the journal")
    if summary.in_doubt:
        parts.append(f"{summary.in_doubt:,} sent again in doubt")
    time = _time(summary.seconds - summary.loading)
    if summary.requests > 1 and summary.busy > summary.seconds - summary.loading:
        time += f"; one after another {_time(summary.busy)}"
    if summary.loading >= 0.1:
        time += f"; {_time(summary.loading)} to load the model"
    parts.append(time)
    tokens = summary.input_tokens + summary.output_tokens
    if tokens:
        parts.append(f"{summary.input_tokens:,} tokens in, {summary.output_tokens:,} out")
    if money := money_text(summary):
        parts.append(money)
    return " · ".join(parts)


def _headline(result: Result) -> str:
    """`SPAM (2 of 3)` where the flow's answer is that of its one vote."""
    tallies = list(result.outcome.tallies.values())
    if len(tallies) == 1 and result.ok and tallies[0].winner == result.value:
        return _vote(tallies[0])
    return ""


def _vote(tally: Tally) -> str:
    count = next((count for answer, count in tally.ballots if answer == tally.winner), 0)
    winner = " ".join(str(tally.winner).split())
    of = f"{tally.counted}, up to {tally.planned}" if tally.adaptive else f"{tally.planned}"
    return f"{winner if len(winner) <= 60 else winner[:59] + '…'} ({count} of {of})"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _time(seconds: float) -> str:
    if seconds >= 120:
        return f"{int(seconds // 60)} min {seconds % 60:.0f} s"
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
