"""The events of attempts: one beginning and one end of each attempt that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from ..vocabulary.account import Ceiling
from ..vocabulary.call import Reply
from ..vocabulary.errors import AnswerError, CallError
from ..vocabulary.request_events import Bill
from ..vocabulary.usage import NO_USAGE, Usage
from ..vocabulary.waits import Cause
from .batch import Batch
from .run_clock import RunClock

Publish = Callable[[e.Event], None]


@dataclass(frozen=True, slots=True)
class AttemptEvents:
    """The publisher of the events of attempts. An attempt has the number of its batch."""

    publish: Publish
    clock: RunClock

    def started(self, batch: Batch, each: Ceiling, waited: Mapping[Cause, int], began: float) -> None:
        asked = batch.asked
        self.publish(
            e.RequestStarted(
                batch.number,
                asked[0].path,
                batch.endpoint.provider.model,
                len(asked),
                each,
                asked,
                waited,
                batch.retries.made + 1,
                0 if batch.twin_of is None else batch.twin_of.number,
                at=self.clock.since_begin(began),
            )
        )

    def grew(self, batch: Batch, characters: int) -> None:
        self.publish(e.AnswerGrew(batch.number, batch.asked[0].path, characters, at=self.clock.now()))

    def attempt_failed(self, batch: Batch, error: CallError) -> None:
        """Publish that an attempt has no usable answer. The end of the attempt follows."""
        usage = (error.usage or NO_USAGE) if isinstance(error, AnswerError) else NO_USAGE
        self.publish(e.AttemptFailed(batch.number, len(batch.asked), _how(error), usage, error, at=self.clock.now()))

    def retried(self, batch: Batch, error: CallError, wait: float) -> None:
        asked = batch.asked
        self.publish(
            e.RequestRetried(
                batch.number, asked[0].path, str(error), wait, len(asked), asked, error, at=self.clock.now()
            )
        )

    def failed(self, batch: Batch, error: CallError, seconds: float) -> None:
        asked, model = batch.asked, batch.endpoint.provider.model
        self.publish(
            e.RequestFailed(
                batch.number,
                asked[0].path,
                model,
                len(asked),
                seconds,
                str(error),
                asked,
                error,
                at=self.clock.now(),
            )
        )

    def cancelled(self, batch: Batch, *, wanted: bool = False) -> None:
        asked = batch.asked
        self.publish(e.RequestCancelled(batch.number, asked[0].path, len(asked), asked, wanted, at=self.clock.now()))

    def finished(self, batch: Batch, reply: Reply, usage: Usage, seconds: float, *, doubtful: bool) -> None:
        """Publish that the answers of a reply may be used."""
        asked, answers = batch.asked, reply.answers
        self.publish(
            e.RequestFinished(
                batch.number,
                asked[0].path,
                batch.endpoint.provider.model,
                len(asked),
                seconds,
                usage.input_tokens,
                usage.output_tokens,
                min(len(asked), len(answers)),
                doubtful,
                asked,
                answers,
                Bill(usage, reply.receipt),
                at=self.clock.now(),
            )
        )


def _how(error: CallError) -> Literal["refused", "spoilt", "doubtful"]:
    if isinstance(error, AnswerError):
        return "spoilt"
    return "doubtful" if error.doubtful else "refused"
