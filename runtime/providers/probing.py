"""The check of an endpoint: it asks for everything at once, and tells refusals apart only where there are some."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from flowrun.dsl import dataclass

from ..vocabulary.errors import PermanentError, UsageError
from ..vocabulary.json_value import Json
from . import rejections
from .endpoints import HttpEndpoint
from .failures import RejectedError
from .http import HttpClient
from .probe_bodies import (
    FORMS,
    IGNORED,
    LOGPROBS,
    PARTS,
    REFUSED,
    SEED,
    SERVED,
    SHAPE,
    STREAM,
    TAKEN,
    UNKNOWN,
    USAGE,
    N,
    Probe,
    judged,
)

MOST_REQUESTS = 8
_CAPS = ("max_tokens", "max_completion_tokens")
_NAMES = {
    N: (rejections.SAMPLES,),
    SHAPE: (rejections.SHAPE,),
    STREAM: ("stream",),
    USAGE: ("stream_options", "include_usage"),
    SEED: ("seed",),
    LOGPROBS: ("logprobs", "top_logprobs", "responseLogprobs", "response_logprobs"),
}
"""The words by which a rejection names a part."""


@dataclass(slots=True)
class Abilities:
    """The abilities of an endpoint, by part, after this many ``requests``.

    ``read`` and ``written`` are the counted tokens.

    ``wordless`` are the parts for which its API has no words. ``spent`` tells that the allowed requests ended the
    search.
    """

    found: dict[str, str] = field(default_factory=dict)
    wordless: tuple[str, ...] = ()
    requests: int = 0
    read: int = 0
    written: int = 0
    spent: bool = False


class Probing:
    """The check of one model at an endpoint. It sends at most ``most`` requests, one after another."""

    def __init__(self, at: HttpEndpoint, kind: str, most: int = MOST_REQUESTS, timeout: float = 60.0) -> None:
        self._at = at
        self._form = FORMS[kind]
        self._most = min(most, MOST_REQUESTS)
        self._timeout = timeout
        self._other_cap = kind == "openai" and at.host.endswith(".openai.com")
        self._swapped = False
        wordless = tuple(part for part in PARTS if part not in self._form.parts)
        self.abilities = Abilities(dict.fromkeys(self._form.parts, UNKNOWN), wordless)

    async def find(self) -> Abilities:
        """Ask the endpoint. Raises CallError, if it gives no answer to a plain request."""
        client = HttpClient.join()
        try:
            await self._together(client)
        finally:
            await client.leave(self._at)
        return self.abilities

    async def _together(self, client: HttpClient) -> None:
        """Ask for all parts, then without those that the server names, and at last for each by itself."""
        asked = [part for part in PARTS if part in self._form.parts]
        while (rejected := await self._asked(client, asked)) is not None:
            named = [part for part in asked if any(rejections.is_named(one, rejected) for one in _NAMES[part])]
            if USAGE in named and STREAM in named:
                # `stream_options` has the word `stream` in it.
                named.remove(STREAM)
            if rejections.means_another_cause(rejected) or not asked:
                raise rejected
            if not named:
                await self._each(client, asked, rejected)
                return
            self.abilities.found |= dict.fromkeys(named, REFUSED)
            asked = [part for part in asked if part not in named]
            if self._ended:
                return
        await self._unstreamed(client, asked)

    async def _unstreamed(self, client: HttpClient, asked: Collection[str]) -> None:
        """Ask once more without a stream for what a streamed reply left out: some servers do both, but not together."""
        missed = [part for part in (N, SHAPE, LOGPROBS) if part in asked and self.abilities.found[part] == IGNORED]
        if missed and STREAM in asked and not self._ended:
            await self._asked(client, missed)

    async def _each(self, client: HttpClient, parts: Collection[str], first: RejectedError) -> None:
        """Ask for each part by itself, after a plain request has shown that the server answers at all."""
        if self._ended:
            return
        if await self._asked(client, ()) is not None:
            raise first
        for part in parts:
            if self._ended:
                return
            asked = (STREAM, USAGE) if part == USAGE else (part,)
            if part == USAGE and self.abilities.found[STREAM] == REFUSED:
                continue
            if await self._asked(client, asked) is not None:
                self.abilities.found[part] = REFUSED

    @property
    def _ended(self) -> bool:
        self.abilities.spent = self.abilities.requests >= self._most
        return self.abilities.spent

    async def _asked(self, client: HttpClient, asked: Collection[str]) -> RejectedError | None:
        """Send one request and keep what its reply shows. Return the rejection, if the server rejects it."""
        probe = self._form.probe(self._at.model.partition(":")[2], asked, other_cap=self._other_cap)
        self.abilities.requests += 1
        try:
            data = await self._sent(client, probe)
        except RejectedError as rejected:
            if not self._swapped and any(rejections.is_named(cap, rejected) for cap in _CAPS) and not self._ended:
                self._swapped, self._other_cap = True, not self._other_cap
                return await self._asked(client, asked)
            return rejected
        seen = self._form.seen(data)
        if not seen.texts:
            # A reply without answers shows nothing, so nothing is kept of it.
            raise PermanentError(f"{self._at.model}: {self._at.host} sent no answer in the form of its API")
        self.abilities.read += seen.read or 0
        self.abilities.written += seen.written or 0
        # A reply without a stream shows the usage, too, though nobody asked for it.
        shown = {*asked, USAGE} if STREAM not in asked else asked
        for part, what in judged(seen, shown, streamed="events" in data).items():
            known = self.abilities.found[part]
            if known == UNKNOWN or (known != REFUSED and what in (SERVED, TAKEN)):
                self.abilities.found[part] = what
        return None

    async def _sent(self, client: HttpClient, probe: Probe) -> Mapping[str, Json]:
        deadline = client.time() + self._timeout
        data, _, _ = await client.post(self._at, probe.path, probe.body, deadline, "", probe.stream)
        return data


def kind_at(provider: object) -> str:
    """Return the API that a provider speaks, as FORMS names it.

    Raises: UsageError, for a provider that is no server or whose API has no probes.
    """
    from .anthropic import AnthropicProvider
    from .gemini import GeminiProvider
    from .openai import OpenAIProvider

    for kind, one in (("openai", OpenAIProvider), ("anthropic", AnthropicProvider), ("gemini", GeminiProvider)):
        if isinstance(provider, one):
            return kind
    raise UsageError("there is no server to ask: only endpoints that speak openai, anthropic or gemini can be checked")
