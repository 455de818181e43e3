"""The listener of a dispatcher. The dispatcher tells it the answers and failures of calls."""

from __future__ import annotations

from ..engine.decisions import Call
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError, DiskError
from ..vocabulary.usage import Usage


class Listener:
    """A listener to the calls of a run, such as the scheduler.

    A listener that is ``behind`` has answers left to handle. It handles them in the next turn of the event loop, or
    when ``catch_up`` is called.
    """

    @property
    def behind(self) -> bool:
        return False

    def catch_up(self) -> None:
        """Handle the answers that have arrived."""

    def answered(self, call: Call, answer: Answer, usage: Usage) -> None:
        raise NotImplementedError

    def failed(self, call: Call, error: CallError) -> None:
        raise NotImplementedError

    def doubted(self, call: Call, *, live: bool = False) -> bool:
        """Tell whether the budgets allow another attempt at a call, after an attempt that may have been paid.

        With ``live`` the attempt was an unpaid line of a batch API. If they do not, the call is over.
        """
        raise NotImplementedError

    def hedged(self, call: Call) -> bool:
        """Tell whether the budgets allow a second request for a slow call, beside the first."""
        return False

    def idle(self) -> None:
        """Handle the news that nothing is under way any more, after ``stop``."""

    def trouble(self, error: DiskError) -> None:
        """Handle the news that the journal cannot be written."""

    def mistake(self, error: BaseException) -> None:
        """Handle an unexpected exception, which is a fault of flowrun itself."""
