"""The rules by which the events of a run pair up: a beginning for each end, and the end of the run ends everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from flowrun.runtime.vocabulary import events as e

ENDS = (e.RequestFinished, e.RequestRetried, e.RequestFailed, e.RequestCancelled)


@dataclass
class Paired:
    """The state of a run as its events tell it. ``take`` raises AssertionError for an event that does not fit.

    ``out`` are the requests under way by number; ``failed`` are those whose attempt has failed. ``steps`` and
    ``blocks`` count the open ones by path, because unnamed steps of one line share a path. ``elements`` have ended.
    """

    out: dict[int, e.RequestStarted] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    steps: Counter[str] = field(default_factory=Counter)
    blocks: Counter[str] = field(default_factory=Counter)
    elements: set[str] = field(default_factory=set)
    now: float = 0.0
    began: bool = False
    over: bool = False

    def take(self, event: e.Event) -> None:
        assert not self.over, "an event follows the end of the run"
        assert event.at >= self.now, "time runs backwards"
        self.now = event.at
        if isinstance(event, e.RunStarted):
            assert not self.began
            self.began = True
        elif isinstance(event, e.RunFinished):
            self.over = True
            assert self.began, "a run ends that has not begun"
        elif isinstance(event, e.StepStarted | e.StepFinished | e.StepFailed):
            self._step(event)
        elif isinstance(event, e.BlockOpened | e.BlockGrew | e.BlockClosed):
            self._block(event)
        elif isinstance(event, e.ElementFinished | e.ElementLost):
            self._element(event)
        else:
            self._request(event)

    def _step(self, event: e.StepStarted | e.StepFinished | e.StepFailed) -> None:
        assert self.began
        if isinstance(event, e.StepStarted):
            self.steps[event.path] += 1
            return
        assert self.steps.get(event.path), "a step ends that is not open"
        self.steps[event.path] -= 1
        if isinstance(event, e.StepFailed):
            assert event.reason

    def _block(self, event: e.BlockOpened | e.BlockGrew | e.BlockClosed) -> None:
        if isinstance(event, e.BlockOpened):
            assert self.steps.get(event.path), "a block opens whose step is not open"
            self.blocks[event.path] += 1
            return
        assert self.blocks.get(event.path), "a block changes that is not open"
        if isinstance(event, e.BlockClosed):
            self.blocks[event.path] -= 1

    def _element(self, event: e.ElementFinished | e.ElementLost) -> None:
        path = event.path if isinstance(event, e.ElementFinished) else event.element
        if not path:
            # A question of a reducer.
            return
        assert path not in self.elements, "an element ends twice"
        self.elements.add(path)
        if isinstance(event, e.ElementLost):
            assert event.path.startswith(path), "an element fails outside of itself"
        if path.endswith("]") and path.rpartition("[")[0].endswith(".reduce"):
            assert isinstance(event, e.ElementLost)
            assert self.steps.get(path.rpartition(".reduce[")[0]), "a question is lost outside of its block"
        elif path.endswith("]"):
            assert self.blocks.get(path.rpartition("[")[0]), "an element ends outside of its block"
        else:
            assert isinstance(event, e.ElementLost)
            assert self.steps.get(path.rpartition(".")[0]), "a branch is lost outside of its fan-out"

    def _request(self, event: e.Event) -> None:
        if isinstance(event, e.RequestStarted):
            assert event.number not in self.out, "a request is sent again before its last attempt has ended"
            assert len(event.carried) == event.calls
            assert event.path == event.carried[0].path
            assert all(one.messages == event.carried[0].messages for one in event.carried)
            assert all(one.model == event.model for one in event.carried)
            before = self.attempts.get(event.number, 0)
            assert event.beside or event.attempt > before, "an attempt has the number of one before it"
            self.attempts[event.number] = event.attempt
            self.out[event.number] = event
        elif isinstance(event, e.AttemptFailed):
            assert event.number in self.out
            assert event.number not in self.failed
            assert event.error is not None
            assert event.reason
            self.failed.add(event.number)
        elif isinstance(event, e.AnswerGrew):
            assert event.number in self.out
        elif isinstance(event, ENDS):
            self._end(event)

    def _end(self, event: e.RequestFinished | e.RequestRetried | e.RequestFailed | e.RequestCancelled) -> None:
        assert event.number in self.out, f"{type(event).__name__} of a request that is not under way"
        began = self.out.pop(event.number)
        assert event.carried == began.carried
        assert event.calls == began.calls
        if isinstance(event, e.RequestRetried | e.RequestFailed):
            assert event.number in self.failed, "a request fails without a failed attempt"
            assert event.error is not None
            assert event.reason == str(event.error)
        elif isinstance(event, e.RequestFinished):
            assert event.number not in self.failed
            assert event.answers is not None
            assert 0 < event.answers <= len(event.came)
            assert event.at >= began.at + event.seconds - 1e-9
        self.failed.discard(event.number)


def paired(events: Iterable[e.Event]) -> Paired:
    """Take all events of a run."""
    state = Paired()
    for place, event in enumerate(events):
        try:
            state.take(event)
        except AssertionError as error:
            raise AssertionError(f"event {place}, {event!r}: {error}") from error
    return state
