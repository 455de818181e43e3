"""The traffic of a run: its steps and requests under way, and the time that they took."""

from __future__ import annotations

from dataclasses import field

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from ..vocabulary.errors import AnswerError
from ..vocabulary.waits import NO_WAITS, Waits

_ENDS = (e.RequestFinished, e.RequestFailed, e.RequestCancelled, e.RequestRetried)


@dataclass(slots=True)
class TrafficCounts:
    """The counts of a run's steps and requests so far.

    ``failed`` counts calls whose request failed for good, without an answer that is paid. ``busy`` is the sum of the
    times of all requests in seconds, which is the time that they would take one after another. ``growing`` has the
    characters of unfinished streamed answers, by request. ``loading`` is the longest time in seconds that a model took
    to get ready; it is a part of ``seconds``. ``waits`` has the waiting of a run that has ended, since it began or was
    resumed. ``submissions`` has the last state of each submission to a batch API that was not read yet, by its tag.
    """

    steps: int = 0
    finished: int = 0
    flying: int = 0
    failed: int = 0
    cancelled: int = 0
    retries: int = 0
    busy: float = 0.0
    seconds: float = 0.0
    loading: float = 0.0
    waits: Waits = NO_WAITS
    growing: dict[int, int] = field(default_factory=dict)
    submissions: dict[str, e.SubmissionMoved] = field(default_factory=dict)

    def count(self, event: e.Event) -> None:
        """Count an event about a run, a block or a request."""
        if isinstance(event, e.RequestStarted):
            self.flying += event.calls
        elif isinstance(event, e.AnswerGrew):
            self.growing[event.number] = event.characters
        elif isinstance(event, _ENDS):
            self.growing.pop(event.number, None)
            self.flying -= event.calls
            self._end(event)
        else:
            self._rarer(event)

    def _end(self, event: e.RequestFinished | e.RequestFailed | e.RequestCancelled | e.RequestRetried) -> None:
        match event:
            case e.RequestFinished():
                self.busy += event.seconds
            case e.RequestFailed():
                # A spoilt answer is paid, and counts as spoilt.
                self.failed += 0 if isinstance(event.error, AnswerError) else event.calls
                self.busy += event.seconds
            case e.RequestCancelled():
                self.cancelled += event.calls
            case e.RequestRetried():
                self.retries += 1

    def _rarer(self, event: e.Event) -> None:
        match event:
            case e.RunStarted(_, steps):
                self.steps += steps
            case e.BlockOpened(_, elements, steps) | e.BlockGrew(_, elements, steps):
                self.steps += elements * steps
            case e.BlockClosed(_, spared):
                self.steps -= spared
            case e.ModelReady(_, seconds):
                self.loading = max(self.loading, seconds)
            case e.SubmissionMoved(tag, state="read"):
                self.submissions.pop(tag, None)
            case e.SubmissionMoved(tag):
                self.submissions[tag] = event
            case e.RunFinished(_, seconds, waits):
                self.seconds, self.waits = seconds, waits
