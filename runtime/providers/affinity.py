"""The memory of which of several addresses has read which beginnings of prompts.

A beginning is remembered at lengths that double, as a hash of its text. SGLang's router and vLLM's production stack
(docs.vllm.ai/projects/production-stack) also choose by the longest beginning that an address has read, as long as its
load allows it. SGLang's router takes a match from 0.3 of a prompt on as one that counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ..vocabulary.call import Request

_FIRST = 256
"""The length in characters of the shortest beginning that is remembered."""
_REMEMBERED = 1 << 14
"""The most beginnings that are remembered."""
SHARE = 0.3
"""A beginning counts if it is at least this share of the prompt."""


class Affinity:
    """The memory of one endpoint. Addresses are known by their numbers."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, int] = OrderedDict()

    def choose(self, keys: Sequence[int], length: int) -> int | None:
        """Return the address that has last read the longest beginning; None if none has read enough."""
        found, depth = None, 0
        for number, key in enumerate(keys, start=1):
            address = self._seen.get(key)
            if address is None:
                break
            found, depth = address, number
        return found if depth and _FIRST << (depth - 1) >= SHARE * length else None

    def note(self, keys: Sequence[int], address: int) -> None:
        """Record that an address reads a prompt with these beginnings."""
        seen = self._seen
        for key in keys:
            seen[key] = address
            seen.move_to_end(key)
        while len(seen) > _REMEMBERED:
            seen.popitem(last=False)


def keys_of(request: Request) -> tuple[list[int], int]:
    """Return the keys of the beginnings of a prompt, the shortest first, and the length of the prompt."""
    messages = request.messages
    if len(messages) == 1:
        text = messages[0].text
    else:
        ordered = sorted(messages, key=lambda one: one.role != "system")
        text = "\n".join([one.text for one in ordered])
    keys: list[int] = []
    start, until, key = 0, _FIRST, 0
    while until <= len(text):
        key = hash((key, text[start:until]))
        keys.append(key)
        start, until = until, 2 * until
    return keys, len(text)
