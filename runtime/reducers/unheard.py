"""The tally of a vote that has no ballot, because a budget had nothing for its samples."""

from __future__ import annotations

from typing import Protocol

from ..vocabulary.tally import Tally
from .ballots import Ballots
from .protocol import Setting


class Vote(Protocol):
    """The part of a vote that its tally without ballots tells. ``unsent`` of its ``lost`` samples were never sent."""

    ballots: Ballots
    lost: int
    unsent: int
    setting: Setting

    @property
    def adaptive(self) -> bool: ...


def unheard(vote: Vote) -> Tally | None:
    """Return the tally of a vote without ballots; None if anything but a budget kept it from having one."""
    if not 0 < vote.unsent == vote.lost:
        return None
    return Tally(
        None,
        (),
        vote.setting.most,
        discarded=vote.ballots.discarded,
        adaptive=vote.adaptive,
        settled=False,
        of=float(vote.lost),
        missing=vote.lost,
        unsent=vote.unsent,
        unit=vote.setting.unit,
    )
