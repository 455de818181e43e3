"""The progress of a run for those who wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..vocabulary import events as e
from ..vocabulary.amounts import count_text
from ..vocabulary.partial_listener import TracingListener

if TYPE_CHECKING:
    from ..account.sums import Figures

_HEARD = frozenset(
    (
        *(e.RunStarted, e.StepFinished, e.BlockOpened, e.BlockGrew, e.BlockClosed, e.ElementLost),
        *(e.RequestFinished, e.AnswerRecalled),
    )
)


class Progress(TracingListener):
    """The steps and calls of a run so far.

    ``steps`` are all steps that are known, of which ``finished`` are over; the number grows as maps open. ``most`` is
    the bound of the calls, None if there is none. ``run`` is the id in the journal, as soon as there is one, and
    ``named`` is called then. ``version`` changes with each change.
    """

    reads_prompts = False

    def __init__(self, most: int | None, named: Callable[[], None]) -> None:
        self.most = most
        self._named = named
        self.run = ""
        self.version = 0
        self.steps = self.finished = self.calls = self.recalled = self.lost = 0

    def hears(self, kind: type) -> bool:
        return kind in _HEARD

    def __call__(self, event: e.Event) -> None:
        self.version += 1
        match event:
            case e.StepFinished():
                self.finished += 1
            case e.RequestFinished():
                self.calls += event.calls if event.answers is None else event.answers
            case e.AnswerRecalled():
                self.recalled += 1
            case e.RunStarted(_, steps):
                self.steps += steps
            case e.BlockOpened(_, elements, steps) | e.BlockGrew(_, elements, steps):
                self.steps += elements * steps
            case e.BlockClosed(_, spared):
                self.steps -= spared
            case e.ElementLost():
                self.lost += 1

    def add_figures(self, figures: Figures) -> None:
        """Take the sums of events of a worker process."""
        self.version += 1
        self.steps += figures.count("steps")
        self.finished += figures.count("finished")
        self.recalled += figures.count("recalled")
        self.calls += figures.account.answered

    def open_trace(self, flow: str) -> str:
        return ""

    def name_trace(self, run: str, places: Mapping[str, str], traces: Sequence[str]) -> None:
        self.run = run
        self.version += 1
        self._named()

    @property
    def words(self) -> str:
        most = "" if self.most is None else f" of at most {self.most:,}"
        parts = [f"{count_text(self.calls, 'call')}{most}", f"{self.finished:,} of {count_text(self.steps, 'step')}"]
        parts += [f"{count_text(self.recalled, 'answer')} from the journal"] if self.recalled else []
        parts += [f"{self.lost:,} lost"] if self.lost else []
        return " · ".join(parts)

    def data(self) -> dict[str, Any]:
        """Return the progress as JSON data."""
        return {
            "calls": self.calls,
            "most_calls": self.most,
            "recalled": self.recalled,
            "steps": self.finished,
            "known_steps": self.steps,
            "lost": self.lost,
        }
