"""The meter of a test: it publishes the events of requests that a real run would have, and counts them."""

from __future__ import annotations

from flowrun.dsl import dataclass
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.costs.prices import Prices
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.account import Ceiling
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import AnswerError, CallError
from flowrun.runtime.vocabulary.usage import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that has ended, with its times in seconds."""

    number: int
    call: Call
    began: float
    ended: float


class Meter:
    """The account of a test. ``prices`` are those that the flow declares, or the known ones."""

    def __init__(self, prices: Prices) -> None:
        self.summary = Summary(prices=prices)
        self._number = 0

    def started(self, call: Call, now: float, beside: int, attempt: int) -> int:
        """Count a request that is sent. Return its number."""
        self._number += 1
        each = call.ceiling or Ceiling(0)
        started = e.RequestStarted(
            self._number, call.path, call.model, 1, each, (call,), attempt=attempt, beside=beside, at=now
        )
        self.summary(started)
        return self._number

    def finished(self, attempt: Attempt, answer: Answer, usage: Usage) -> None:
        call, seconds = attempt.call, attempt.ended - attempt.began
        read, written = usage.input_tokens, usage.output_tokens
        self.summary(
            e.RequestFinished(
                attempt.number,
                call.path,
                call.model,
                1,
                seconds,
                read,
                written,
                1,
                carried=(call,),
                came=(answer,),
                at=attempt.ended,
            )
        )

    def attempt_failed(self, attempt: Attempt, error: CallError) -> None:
        if isinstance(error, AnswerError):
            failed = e.AttemptFailed(attempt.number, 1, "spoilt", error.usage or NO_USAGE, error, at=attempt.ended)
        else:
            how = "doubtful" if error.doubtful else "refused"
            failed = e.AttemptFailed(attempt.number, 1, how, NO_USAGE, error, at=attempt.ended)  # type: ignore[arg-type]
        self.summary(failed)

    def retried(self, attempt: Attempt, error: CallError, wait: float) -> None:
        call = attempt.call
        self.summary(e.RequestRetried(attempt.number, call.path, str(error), wait, error=error, at=attempt.ended))

    def failed(self, attempt: Attempt, error: CallError) -> None:
        call, seconds = attempt.call, attempt.ended - attempt.began
        self.summary(
            e.RequestFailed(
                attempt.number, call.path, call.model, 1, seconds, str(error), error=error, at=attempt.ended
            )
        )

    def cancelled(self, attempt: Attempt) -> None:
        self.summary(e.RequestCancelled(attempt.number, attempt.call.path, 1, at=attempt.ended))
