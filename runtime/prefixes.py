"""Who waits until a prompt has been read once: a server that keeps the prefixes of prompts reads it again for less.

Where one request asks for several answers the prompt is read once anyway, and a short prompt gains nothing.
"""

from __future__ import annotations

from .batches import Batch, Endpoint
from .call import Request

Key = tuple[str, tuple[int, str], int]
_CHARACTERS = 4
"""About so many make a token."""
_REMEMBERED = 4096
"""So many prompts are known to have been read; a server forgets them within minutes."""


class Prefixes:
    """The requests that wait for the first of those that have the same prompt."""

    def __init__(self) -> None:
        self._leads: dict[Key, Batch] = {}
        self._read: dict[Key, None] = {}

    def holds(self, batch: Batch, endpoint: Endpoint) -> bool:
        """Whether a request is to wait for one that is out. One that nobody has asked before goes ahead."""
        call, least = batch.calls[0], getattr(endpoint.provider, "caches_from", None)
        if call.group is None or not call.patient or least is None or endpoint.provider.samples > 1:
            return False
        if prompt_tokens(call.request) < least:
            return False
        key = (call.model, call.group, hash(call.request.messages))
        if key in self._read:
            return False
        lead = self._leads.setdefault(key, batch)
        if lead is batch:
            batch.leads = key
            return False
        lead.followers.append(batch)
        return True

    def release(self, batch: Batch) -> list[Batch]:
        """Those that waited for this request, which has come to an end, be it good or bad."""
        if batch.leads is None:
            return []
        del self._leads[batch.leads]
        self._read[batch.leads] = None
        if len(self._read) > _REMEMBERED:
            del self._read[next(iter(self._read))]
        batch.leads = None
        followers, batch.followers = batch.followers, []
        return followers


def prompt_tokens(request: Request) -> int:
    """About how many tokens a prompt has."""
    return sum(len(message.text) for message in request.messages) // _CHARACTERS
