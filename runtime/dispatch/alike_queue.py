"""The queue for places at an endpoint whose server keeps the beginnings of prompts.

Lanes take turns, as in every queue. Within a lane, prompts that begin alike are sent one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .batch import Batch
from .endpoint import Endpoint, keeps_prompts
from .queues import FairQueue, T

if TYPE_CHECKING:
    from .alike_lane import AlikeLane


class AlikeQueue(FairQueue[T]):
    """A fair queue whose lanes prefer prompts that begin alike. ``text_of`` gives the text of an item."""

    def __init__(self, text_of: Callable[[T], str]) -> None:
        self._text_of = text_of
        self._tries: dict[int, AlikeLane[T]] = {}
        self._turns: dict[int, AlikeLane[T]] = {}
        self._of: dict[T, AlikeLane[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._turns)

    def __iter__(self) -> Iterator[T]:
        return (item for lane in self._turns.values() for item in lane)

    def put(self, lane: int, item: T) -> None:
        self._lane(lane).put(item)

    def put_first(self, lane: int, item: T) -> None:
        self._lane(lane).put_first(item)

    def peek(self, after: T | None = None) -> T | None:
        for lane in self._turns.values():
            return lane.choose(after)
        return None

    def pop(self) -> T:
        lane = next(iter(self._turns.values()))
        item = lane.take()
        self._of[item] = lane
        if len(self._turns) > 1 or not lane:
            del self._turns[lane.number]
            if lane:
                self._turns[lane.number] = lane
        return item

    def left(self, item: T) -> None:
        lane = self._of.pop(item, None)
        if lane is not None:
            lane.left(item)
            if lane.number not in self._turns and lane.idle:
                self._tries.pop(lane.number, None)

    def clear(self) -> list[T]:
        items = list(self)
        self._turns.clear()
        self._tries.clear()
        self._of.clear()
        return items

    def _lane(self, number: int) -> AlikeLane[T]:
        lane = self._tries.get(number)
        if lane is None:
            from .alike_lane import AlikeLane

            lane = self._tries[number] = AlikeLane(number, self._text_of)
        if number not in self._turns:
            self._turns[number] = lane
        return lane


def queue_at(endpoint: Endpoint) -> FairQueue[Batch]:
    """Make the queue for places at an endpoint."""
    return AlikeQueue(_text_of) if keeps_prompts(endpoint.provider) and endpoint.live is None else FairQueue()


def _text_of(batch: Batch) -> str:
    """Return the prompt of a batch as one text, that of the system first. Some servers read it first."""
    prompt = batch.prompt
    if prompt.text is None:
        calls = batch.calls or batch.asked
        messages = calls[0].request.messages if calls else ()
        if len(messages) == 1:
            prompt.text = messages[0].text
        else:
            system = [one.text for one in messages if one.role == "system"]
            prompt.text = "\n".join(system + [one.text for one in messages if one.role != "system"])
    return prompt.text
