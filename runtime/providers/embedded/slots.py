"""The engine's slots. Each holds the prompt that it read last, and reads only the rest of one that begins alike.

The engine chooses a slot by the share of a prompt that is known. So a short head before long texts is lost, and the
copies for the samples of a vote overwrite slots that hold heads. This module chooses instead: it knows how far the
prompts of a map are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flowrun.dsl import dataclass

from ...vocabulary.call import Message
from .grammar import inert

Prompt = Sequence[tuple[str, str]]
"""The roles and the texts of a prompt, as the engine gets them."""
KEPT = 4
"""The slots that keep prompts. The engine copies a prompt for further samples into the slots before them."""


@dataclass(eq=False, slots=True)
class _Slot:
    """A slot. ``text`` is the prompt that it read last, and its first ``head`` characters come again in other calls."""

    number: int
    text: str = ""
    head: int = 0
    used: int = 0
    busy: bool = False


class Slots:
    """The slots that keep prompts, from number ``first`` on."""

    def __init__(self, first: int) -> None:
        self._slots = [_Slot(first + number) for number in range(KEPT)]
        self._uses = 0

    @contextmanager
    def slot_for(self, prompt: Prompt, head: int) -> Iterator[int | None]:
        """Hold the slot that a prompt shall be read in, and give its number. None if all are busy.

        ``head`` is the length of its beginning that comes again, as ``head_of`` finds it.
        """
        text = _joined(prompt)
        slot = self._choose(text)
        if slot is None:
            yield None
            return
        self._uses += 1
        slot.busy, slot.used = True, self._uses
        slot.text, slot.head = text, head
        try:
            yield slot.number
        finally:
            slot.busy = False

    def _choose(self, text: str) -> _Slot | None:
        free = [slot for slot in self._slots if not slot.busy]
        if not free:
            return None
        shared = {slot.number: _shared(slot.text, text) for slot in free}
        # A slot without a head that comes again holds nothing that is worth keeping.
        loses_nothing = [slot for slot in free if slot.text and shared[slot.number] >= slot.head]
        if loses_nothing:
            return max(loses_nothing, key=lambda slot: (shared[slot.number], slot.used))
        return min(free, key=lambda slot: slot.used)


def head_of(messages: Sequence[Message], prompt: Prompt) -> int:
    """Return how many characters of a joined prompt come again in other calls of the blocks around it.

    ``prompt`` ends with the texts of ``messages``; the others stand before them and come again, too. A head that is the
    whole prompt does not count: samples of one vote are one request.
    """
    added = len(prompt) - len(messages)
    best = 0
    for level in range(max((len(message.heads) for message in messages), default=0)):
        same = list(prompt[:added])
        for message, (role, text) in zip(messages, prompt[added:], strict=True):
            length = message.heads[level] if level < len(message.heads) else message.head
            if length < len(message.text):
                same.append((role, inert(message.text[:length])))
                best = max(best, len(_joined(same)))
                break
            same.append((role, text))
    return best


def _shared(one: str, other: str) -> int:
    """Return the length of the beginning that two texts share."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _joined(prompt: Prompt) -> str:
    return "\0".join(f"{role}\0{text}" for role, text in prompt)
