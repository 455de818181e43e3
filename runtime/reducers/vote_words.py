"""The words about a vote that has no value."""

from __future__ import annotations

from typing import Protocol

from ..vocabulary.amounts import count_text
from ..vocabulary.tally import in_words, plural
from .ballots import Ballots
from .protocol import ReduceError, Setting, UndecidedError


class Vote(Protocol):
    """The part of a vote that is told."""

    ballots: Ballots
    lost: int
    setting: Setting

    @property
    def against(self) -> int: ...

    @property
    def enough(self) -> int: ...

    @property
    def doubtful(self) -> bool: ...

    @property
    def stood(self) -> bool: ...

    def standing(self) -> int: ...


def refusal(vote: Vote) -> ReduceError:
    """Return the error of a vote without a winner. A vote that stands and has enough ballots ended in a tie."""
    counted, text = vote.ballots.counted, vote.ballots.text()
    if counted < vote.enough:
        kind = UndecidedError if vote.doubtful else ReduceError
        said = f"the vote has {counted} of {vote.setting.most} ballots and needs {vote.enough}: {abstained(vote)}"
        return kind(said + (f" ({text})" if counted else ""))
    if vote.doubtful:
        return UndecidedError(led(vote))
    tied = len(vote.ballots.tied) > 1 and vote.setting.args.get("ties") == "error"
    return ReduceError(f"the vote ended in a tie: {text}" if tied else fell(vote))


def abstained(vote: Vote) -> str:
    """Describe the samples that are not ballots."""
    one = vote.ballots.discarded == 1
    discarded = f"{count_text(vote.ballots.discarded, 'answer')} failed or {'was' if one else 'were'} not valid"
    if not vote.lost:
        return discarded
    lost = f"{count_text(vote.lost, 'sample')} gave no answer"
    return f"{lost}, {discarded}" if vote.ballots.discarded else lost


def led(vote: Vote) -> str:
    """Describe the leader of a vote that is not settled, and the missing samples."""
    told, ranked = "no answer has a vote", vote.ballots.ranked()
    if ranked:
        leader = in_words(vote.ballots.answer(ranked[0])) if vote.ballots.lead else "no answer"
        told = f"{leader} leads ({vote.ballots.text()})"
    lost = count_text(vote.lost, "sample")
    return f"the vote is not settled: {told}, and {lost} of {vote.setting.most} gave no answer"


def fell(vote: Vote) -> str:
    """Describe a vote that does not stand against as many samples as the flow wants."""
    wanted, found = vote.against, vote.standing()
    text = vote.ballots.text() if vote.ballots.ranked() else "no answer has a vote"
    units = count_text(wanted, vote.setting.unit, plural(vote.setting.unit))
    return f"the vote must stand against {units}, and stands against {found}: {text} of {vote.setting.most}"
