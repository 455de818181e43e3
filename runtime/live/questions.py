"""The questions to people that the live pages of a run show, and the answers that come from there."""

from __future__ import annotations

import asyncio
import threading

from flowrun.dsl import dataclass

from ..pages.live_page import QuestionShown
from ..vocabulary.errors import AnswerError
from ..vocabulary.question import Question, typed

OVER = "This question is answered already, or nobody asks it any more."


@dataclass(eq=False, slots=True)
class _Waiting:
    """A question that waits in the loop of its run."""

    question: Question
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str]


class LiveQuestions:
    """The open questions of a run. The run asks in its own loop; a page answers in another thread.

    ``version`` changes with the questions.
    """

    def __init__(self) -> None:
        self.version = 0
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._count = 0

    async def ask(self, question: Question) -> str:
        """Wait for the answer of a page."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(question, loop, loop.create_future())
        with self._lock:
            self._count += 1
            self.version += 1
            number = self._count
            self._waiting[number] = waiting
        try:
            return await waiting.answer
        finally:
            with self._lock:
                self._waiting.pop(number, None)
                self.version += 1

    def shown(self) -> tuple[QuestionShown, ...]:
        """Return the open questions as pages show them."""
        with self._lock:
            open_ = [(number, one.question) for number, one in self._waiting.items()]
        return tuple(QuestionShown(number, one.path, one.text, one.choices, one.type) for number, one in open_)

    def answer(self, number: int, text: str) -> str:
        """Answer a question. Return why the answer is not taken, "" if it is."""
        with self._lock:
            waiting = self._waiting.get(number)
        if waiting is None:
            return OVER
        try:
            text = typed(waiting.question, text)
        except AnswerError as error:
            return str(error)
        with self._lock:
            if self._waiting.pop(number, None) is None:
                return OVER
            self.version += 1
        waiting.loop.call_soon_threadsafe(_give, waiting.answer, text)
        return ""


def _give(answer: asyncio.Future[str], text: str) -> None:
    if not answer.done():
        answer.set_result(text)
