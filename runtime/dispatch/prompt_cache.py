"""The prompt caches of servers: a server that keeps the prefixes of prompts reads one again for less.

So the first of several requests with one long prompt goes ahead, and the others follow when it has been read. Where one
request asks for several answers the prompt is read once anyway, and a short prompt gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .batch import Batch, Held, prompt_tokens

Key = tuple[str, tuple[int, str], int]
_REMEMBERED = 4096
"""So many prompts are known to have been read; a server forgets them within minutes."""


@dataclass(eq=False, slots=True)
class _Lead:
    """The batch that reads a prompt first, and those that wait for it."""

    key: Key
    followers: list[Batch] = field(default_factory=list)


class PromptCache:
    """Holds batches back until the first of those that have the same prompt has been read."""

    def __init__(self) -> None:
        self._by_prompt: dict[Key, _Lead] = {}
        self._by_batch: dict[Batch, _Lead] = {}
        self._read: dict[Key, None] = {}

    def holds(self, batch: Batch) -> bool:
        """Whether a batch is to wait for one that is out. The first of its prompt goes ahead."""
        call, provider = batch.calls[0], batch.endpoint.provider
        least = getattr(provider, "caches_from", None)
        if call.group is None or not call.patient or least is None or provider.samples > 1:
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
        """The batches that waited for this one, whose prompt has been read, or whose end was bad."""
        lead = self._by_batch.pop(batch, None)
        if lead is None:
            return []
        del self._by_prompt[lead.key]
        self._read[lead.key] = None
        if len(self._read) > _REMEMBERED:
            del self._read[next(iter(self._read))]
        return lead.followers
