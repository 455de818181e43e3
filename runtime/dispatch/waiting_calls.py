"""The calls of a run that wait for their answers."""

from __future__ import annotations

from ..engine.decisions import Call
from ..vocabulary.call import Answer
from ..vocabulary.errors import CallError
from ..vocabulary.usage import Usage
from .batch import Batch, part_of
from .ledger import NoLog
from .listener import Listener


class WaitingCalls:
    """The calls that wait, by their numbers, and the batch of each. ``listener`` and ``log`` hear how they end."""

    def __init__(self, listener: Listener, log: NoLog) -> None:
        self._log = log
        self._listener = listener
        self._batch_of: dict[int, Batch] = {}

    def __bool__(self) -> bool:
        return bool(self._batch_of)

    def __len__(self) -> int:
        return len(self._batch_of)

    def __contains__(self, call: Call) -> bool:
        return call.number in self._batch_of

    def enter(self, call: Call, batch: Batch) -> None:
        self._batch_of[call.number] = batch

    def drop(self, number: int) -> Batch | None:
        """Let a call wait no more. Return its batch; None if it did not wait."""
        return self._batch_of.pop(number, None)

    def clear(self) -> None:
        self._batch_of.clear()

    def answer(self, call: Call, answer: Answer, part: Usage) -> bool:
        """Give a call its answer and its part of the bill. Return False if it does not wait for one."""
        if self.drop(call.number) is None:
            return False
        self._listener.answered(call, answer, part)
        return True

    def fail(self, batch: Batch, error: CallError, *, told: bool = False) -> None:
        """End the calls of a batch that has failed. ``told`` says that the row of an attempt has the failure."""
        failed = [call for call in tuple(batch.calls) if self.drop(call.number) is not None]
        if failed and not told:
            self._log.failed(failed, error)
        for call in failed:
            self._listener.failed(call, part_of(error, batch.asked, call))

    @property
    def batches(self) -> set[Batch]:
        """The batches of the calls that wait."""
        return set(self._batch_of.values())

    def afforded(self, calls: list[Call], tries: int, *, live: bool = False) -> list[Call]:
        """Return the calls that the budgets allow to be sent again, after ``tries`` attempts that may be paid.

        With ``live`` the attempts were unpaid lines of a batch API, and the next ones are at the live price.
        """
        for call in calls:
            call.tries = tries
        again = [call for call in calls if self._listener.doubted(call, live=live)]
        for call in calls:
            if call not in again:
                self.drop(call.number)
        # A decision about one call may cancel another.
        return [call for call in again if call in self]
