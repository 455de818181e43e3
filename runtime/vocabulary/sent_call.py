"""The calls of another process, such as a worker, as the listeners of a run see them."""

from __future__ import annotations

from flowrun.dsl import dataclass

from .call import Answer, Message, Request
from .json_value import Json


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call that a request of another process carries.

    ``labels`` are the names of the elements around it, and ``vote`` is the path of its vote, as that process knows
    them. ``labels`` is None if it does not tell.
    """

    path: str
    place: str
    model: str
    request: Request
    labels: tuple[str, ...] | None = None
    vote: str = ""

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.request.messages


@dataclass(frozen=True, slots=True)
class ValuedAnswer(Answer):
    """An answer with its ``value``, as the process has read it that asked. ``fault`` says why it has none, or is ""."""

    value: Json = None
    fault: str = ""
