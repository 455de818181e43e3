"""The listener of a dispatcher: it is told the answers and failures of calls."""

from __future__ import annotations

from ..engine.decisions import Call
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, DiskError
from ..vocabulary.usage import Usage


class Listener:
    """A listener to the calls of a run, such as the scheduler.

    A listener that is ``behind`` handles its answers in the loop's next turn, or when it is told to ``catch_up``.
    """

    @property
    def behind(self) -> bool:
        return False

    def catch_up(self) -> None:
        """Handle the answers that have come."""

    def answered(self, call: Call, answer: Answer, usage: Usage) -> None:
        raise NotImplementedError

    def failed(self, call: Call, error: CallError) -> None:
        raise NotImplementedError

    def doubted(self, call: Call) -> bool:
        """Tell whether the budgets afford another attempt at a call after one that may have been paid.

        If they do not, the call is over.
        """
        raise NotImplementedError

    def hedged(self, call: Call) -> bool:
        """Tell whether the budgets afford to send a slow call a second time, side by side."""
        return False

    def idle(self) -> None:
        """Hear that after ``stop`` nothing is on its way any more."""

    def trouble(self, error: DiskError) -> None:
        """Hear that the journal cannot be written."""

    def mistake(self, error: BaseException) -> None:
        """Hear of a mistake in this program itself."""
