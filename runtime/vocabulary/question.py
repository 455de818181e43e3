"""A question to a person. A person stands in the place of a model, and takes neither money nor tokens."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from flowrun.dsl import dataclass, types

from .errors import AnswerError, FlowrunError, PermanentError
from .json_value import Json

PERSON = "human"
"""The word that stands for a person in the place of a model's address."""


TRUTH = {"yes": "true", "y": "true", "no": "false", "n": "false", "true": "true", "false": "false"}
"""The words for a truth value that a person may type, with their JSON."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a person: its ``text``, the path of its ask in the flow, and the ``type`` of the answer.

    ``read`` reads a typed answer as the flow will. It raises AnswerError if the answer does not fit.
    """

    path: str
    text: str
    type: types.Type
    read: Callable[[str], Json]

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that the person may choose from; empty for other types."""
        inner = types.unwrapped(self.type)
        if inner == types.BOOL:
            return ("yes", "no")
        return inner.options if isinstance(inner, types.Choice | types.OpenChoice) else ()


def typed(question: Question, text: str) -> str:
    """Return an answer as a person types it in the form in which the flow reads it. Raises AnswerError."""
    inner = types.unwrapped(question.type)
    word = text.strip()
    if isinstance(question.type, types.Optional) and word.lower() in ("", "none", "null"):
        text = "null"
    elif inner == types.BOOL:
        text = TRUTH.get(word.lower(), text)
    try:
        question.read(text)
    except AnswerError:
        if inner == question.type:
            raise
        # A word of a type that may be missing is JSON, and a person types it without quotes.
        text = json.dumps(text, ensure_ascii=False)
        question.read(text)
    return text


UNANSWERED = "a person has not answered"
AskPerson = Callable[[Question], Awaitable[str]]
"""A function that puts a question to a person. It returns the typed answer, or raises LeftOpenError."""


def unanswered(seconds: float) -> PermanentError:
    """Make the failure of a question that nobody answered in time."""
    return PermanentError(f"nobody answered within {seconds:,g} s")


class LeftOpenError(FlowrunError):
    """Nobody answers the question in this run."""

    def __init__(self) -> None:
        super().__init__("the question is left open")


class OpenQuestionsError(FlowrunError):
    """The run has done all that it can without the answers of people. ``questions`` are those that are open."""

    def __init__(self, questions: tuple[Question, ...]) -> None:
        self.questions = questions
        many = len(questions)
        what = UNANSWERED if many == 1 else f"{many:,} questions to people are open:"
        paths = [f"`{one.path}`" for one in questions[:5]]
        more = [f"{many - 5:,} more"] if many > 5 else []
        super().__init__(f"{what} {', '.join([*paths, *more])}")
