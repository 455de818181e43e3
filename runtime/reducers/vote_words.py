"""The words about a vote that has no value because of its missing samples."""

from __future__ import annotations

from typing import Protocol

from ..vocabulary.amounts import count_text
from ..vocabulary.tally import in_words, plural
from .ballots import Ballots
from .protocol import Setting


class Vote(Protocol):
    """The part of a vote that is told."""

    ballots: Ballots
    lost: int
    setting: Setting

    @property
    def against(self) -> int: ...

    def standing(self) -> int: ...


def abstained(vote: Vote) -> str:
    """Describe the samples that are not ballots."""
    discarded = f"{vote.ballots.discarded} answers failed or were not valid"
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
