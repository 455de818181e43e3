"""The prompt caches of servers. A server that keeps the beginnings of prompts charges less for reading one again.

So the first of several requests with the same long prompt is sent first, and the others follow when the server has read
it. A request for several answers reads its prompt only once anyway, and a short prompt gains nothing.
"""

from __future__ import annotations

from dataclasses import field

from flowrun.dsl import dataclass

from ..engine.decisions import Group
from .batch import Batch, Held, prompt_tokens

Key = tuple[str, Group, int]
_REMEMBERED = 4096
"""The most prompts that are remembered as read; a server forgets them within minutes."""


@dataclass(eq=False, slots=True)
class _Lead:
    """The batches that wait until one batch with the same prompt has ended. ``key`` identifies the prompt."""

    key: Key
    followers: list[Batch] = field(default_factory=list)


class PromptCache:
    """The batches that are held back until the server has read their prompt for another batch."""

    def __init__(self) -> None:
        self._by_prompt: dict[Key, _Lead] = {}
        self._by_batch: dict[Batch, _Lead] = {}
        self._read: dict[Key, None] = {}

    def holds(self, batch: Batch) -> bool:
        """Hold a batch if another batch with the same prompt was sent first. Return True if it must wait."""
        call, provider = batch.calls[0], batch.endpoint.provider
        least = getattr(provider, "caches_from", None)
        if call.group is None or not call.group.patient or least is None or provider.samples > 1:
            return False
        if prompt_tokens(call.request) < least:
            return False
        key = (call.model, call.group, hash(call.request.messages))
        if key in self._read:
            return False
        if key in self._by_prompt:
            self._by_prompt[key].followers.append(batch)
            batch.state = Held()
            return True
        self._by_prompt[key] = self._by_batch[batch] = _Lead(key)
        return False

    def release(self, batch: Batch) -> list[Batch]:
        """Release the batches that waited for this batch. The server has read its prompt, or the batch has failed."""
        lead = self._by_batch.pop(batch, None)
        if lead is None:
            return []
        del self._by_prompt[lead.key]
        self._read[lead.key] = None
        if len(self._read) > _REMEMBERED:
            del self._read[next(iter(self._read))]
        return lead.followers
