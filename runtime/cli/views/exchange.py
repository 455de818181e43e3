"""The exchange with a model about one call: its answers, and the messages that later attempts added to the prompt."""

from __future__ import annotations

from collections.abc import Iterator

from flowrun.dsl import dataclass

from ...vocabulary.call import Message
from ...vocabulary.call_record import AnswerRecord, CallRecord


@dataclass(frozen=True, slots=True)
class Correction:
    """The messages that attempts added to the prompt. ``attempts`` are the numbers of these attempts, from 1."""

    attempts: tuple[int, ...]
    messages: tuple[Message, ...]


def exchange(call: CallRecord) -> Iterator[Correction | AnswerRecord]:
    """Yield the corrections and answers of a call. A correction stands before the first answer to it."""
    sent: dict[tuple[Message, ...], list[int]] = {}
    for number, attempt in enumerate(call.attempts, 1):
        if attempt.correction:
            sent.setdefault(attempt.correction, []).append(number)
    left = [Correction(tuple(numbers), messages) for messages, numbers in sent.items()]
    brought = {attempt.answer: number for number, attempt in enumerate(call.attempts, 1)}
    for at, answer in enumerate(call.answers):
        while left and left[0].attempts[0] <= brought.get(at, 0):
            yield left.pop(0)
        yield answer
    yield from left
