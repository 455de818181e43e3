"""The lines about the votes of a run, and the answer of its only vote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..vocabulary.amounts import count_text, money_text
from ..vocabulary.quoting import sentence
from ..vocabulary.tally import in_words, standing_text, votes

if TYPE_CHECKING:
    from ..api import Result
    from ..vocabulary.tally import Tally

MANY = 5


def votes_lines(result: Result) -> list[str]:
    """Return a line for each vote. If there are many votes, return one line for all of them."""
    tallies = result.outcome.tallies
    spent = spent_line(result)
    if spent and len(tallies) > 1:
        return [spent]
    if len(tallies) == 1 and headline(result) and _plain(next(iter(tallies.values()))):
        return []
    if len(tallies) > MANY:
        from ..vocabulary.contests import parted  # few runs have many votes

        counted, told = parted(tallies.values())
        if counted:
            mean = sum(tally.agreement for tally in counted) / len(counted)
            split = sum(tally.agreement < 1 for tally in counted)
            noun = "vote" if len(counted) == 1 else "votes"
            told.insert(0, f"{len(counted)} {noun}, {split} of them split; mean agreement {mean:.2f}")
        return [*told, *filter(None, [single_calls(result)])]
    return [f"{path}: {vote_text(tally)}" for path, tally in tallies.items()]


def spent_line(result: Result) -> str:
    """Tell how many votes the budget left open, in one line for all of them. "" if it left none open."""
    tallies, summary = result.outcome.tallies.values(), result.summary
    if summary.limits is None or not any(tally.unsent for tally in tallies):
        return ""
    from ..account.vote_totals import counted_calls, vote_totals  # few runs leave votes open

    told, limits, spent = vote_totals(tallies).text, summary.limits, []
    if not told:
        return ""
    if limits.calls is not None:
        spent.append(f"{counted_calls(summary, limits.calls):,} of {count_text(limits.calls, 'call')}")
    if limits.dollars is not None:
        cost = summary.prices.of(summary.whole)
        spent.append(f"{money_text(cost or 0.0) or '$0'} of {money_text(limits.dollars)}")
    return "; ".join([told, *([", ".join(spent)] if spent else [])])


def single_calls(result: Result) -> str:
    """Return the advice to ask once instead of voting, if all of many votes of a whole run were unanimous; else ""."""
    from ..eval.unanimity import run_advice

    summary, votes = result.summary, result.summary.votes
    if not result.outcome.complete or len(result.outcome.tallies) != len(votes):
        return ""
    if result.outcome.cascades:
        from ..account.cascades import outside_cascades

        # The agreement of a vote in a cascade decides whether it goes up, so one call would not do the same.
        votes = outside_cascades(votes, result.outcome.cascades)
    # A resume takes the earlier answers of its own run from the journal too.
    calls = summary.calls + summary.recalled
    return run_advice(votes, calls, summary.prices, None if summary.recalled else summary.requests)


def _plain(tally: Tally) -> bool:
    """Tell whether the closing line already says everything about a vote."""
    single = len(tally.ballots) == 1 and tally.panel is None and tally.contest is None and tally.classes is None
    return single and not tally.discarded and not tally.missing and tally.settled


def headline(result: Result) -> str:
    """Write `SPAM (2 of 3; NOT 1)` if the flow's answer is the answer of its only vote. Otherwise write ""."""
    tallies = list(result.outcome.tallies.values())
    if cascades := result.outcome.cascades:
        from ..vocabulary.stage_votes import overruled  # few flows have cascades

        tallies = [] if overruled(result.outcome.tallies, cascades) else tallies
    if len(tallies) != 1 or not tallies[0].ballots:
        return ""
    if tallies[0].contest is None and result.ok and tallies[0].winner == result.value and _answered(result):
        others = _others(tallies[0])
        return vote_words(tallies[0], f"; {others}" if others else "")
    return ""


def _answered(result: Result) -> bool:
    """Tell whether the answer can be that of the only vote, which has the same value."""
    (tally,), summary = result.outcome.tallies.values(), result.summary
    if summary.calls + summary.recalled <= tally.asked:
        return True
    from .answer_step import answered_by_vote  # few runs make calls beside one vote

    return answered_by_vote(result)


def vote_words(tally: Tally, others: str = "") -> str:
    if not tally.ballots:
        return f"no ballot of {tally.planned}"
    of = f"{tally.counted}, up to {tally.planned}" if tally.adaptive else f"{tally.planned}"
    if tally.of != tally.counted + tally.missing:
        of = f"a weight of {votes(tally.of)} in {tally.counted} ballots"
    leader = _short(tally.first) if tally.winner is not None else f"none; {_short(tally.first)} leads"
    return f"{leader} ({votes(tally.votes)} of {of}{others})"


def vote_text(tally: Tally) -> str:
    """Describe one vote: its answer, the other answers with votes, and the samples that were not needed."""
    if tally.contest is not None:
        saved = f"; {tally.saved} of {tally.planned} saved" if tally.saved else ""
        return f"{tally.contest.text}{saved}"
    parts = [vote_words(tally)]
    if others := _others(tally):
        parts.append(others)
        parts.append(f"agreement {tally.agreement:.2f}, margin {votes(tally.margin)}")
    if tally.discarded:
        parts.append(f"{tally.discarded} discarded")
    if tally.missing:
        parts.append(f"{tally.missing} missing")
    if tally.saved:
        parts.append(f"{tally.saved} of {tally.planned} saved")
    if tally.classes is not None:
        from ..vocabulary.classes import classes_text  # few votes compare answers

        parts.append(classes_text(tally.classes))
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
