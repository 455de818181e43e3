"""The prompt caches of servers: a server that keeps the prefixes of prompts charges less for reading one again.

So the first of several requests with the same long prompt goes ahead, and the others follow when the server has read
it. If one request asks for several answers the prompt is read only once anyway, and a short prompt gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..engine.decisions import Group
from .batch import Batch, Held, prompt_tokens

Key = tuple[str, Group, int]
_REMEMBERED = 4096
"""The most prompts that are remembered as read; a server forgets them within minutes."""


@dataclass(eq=False, slots=True)
class _Lead:
    """The place of the batch that goes ahead with a prompt, and the batches that wait for it."""

    key: Key
    followers: list[Batch] = field(default_factory=list)


class PromptCache:
    """The batches that are held back until the server has read their prompt with the first of them."""

    def __init__(self) -> None:
        self._by_prompt: dict[Key, _Lead] = {}
        self._by_batch: dict[Batch, _Lead] = {}
        self._read: dict[Key, None] = {}

    def holds(self, batch: Batch) -> bool:
        """Hold a batch if another with the same prompt has gone ahead. Return True if it must wait."""
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
        """Release the batches that waited for this one: its prompt has been read, or it has failed."""
        lead = self._by_batch.pop(batch, None)
        if lead is None:
            return []
        del self._by_prompt[lead.key]
        self._read[lead.key] = None
        if len(self._read) > _REMEMBERED:
            del self._read[next(iter(self._read))]
        return lead.followers
