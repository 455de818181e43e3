"""The listener of a dispatcher: it is told what becomes of calls."""

from __future__ import annotations

from ..engine.decisions import Call
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, DiskError
from ..vocabulary.usage import Usage


class Listener:
    """Hears of calls. The scheduler is one.

    A listener that is ``behind`` works its answers off in the loop's next turn, or when it is told to ``catch_up``.
    """

    @property
    def behind(self) -> bool:
        return False

    def catch_up(self) -> None:
        """Work off the answers that have come."""

    def answered(self, call: Call, answer: Answer, usage: Usage) -> None:
        raise NotImplementedError

    def failed(self, call: Call, error: CallError) -> None:
        raise NotImplementedError

    def doubted(self, call: Call) -> bool:
        """An attempt may have been paid, and is to be made again: whether that is afforded. Else the call is over."""
        raise NotImplementedError

    def hedged(self, call: Call) -> bool:
        """A call is to be asked a second time side by side: whether that is afforded."""
        return False

    def idle(self) -> None:
        """Nothing is on its way after ``stop``."""

    def trouble(self, error: DiskError) -> None:
        """What is asked and answered cannot be written down."""

    def mistake(self, error: BaseException) -> None:
        """A mistake of ours."""
