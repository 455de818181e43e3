"""A fake provider for tests. Its answers come from a script and never from a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from flowrun.dsl import dataclass

from ..vocabulary.call import Answer, Reply, Request
from ..vocabulary.errors import CallError
from ..vocabulary.json_value import Json
from ..vocabulary.usage import Usage


@dataclass(frozen=True, slots=True)
class Scripted:
    """A scripted reply: its text or its failure, the seconds that it takes, and the further facts of its answer."""

    text: str | CallError
    seconds: float = 0.0
    more: Mapping[str, Json] | None = None


Script = Callable[[Request, int], Scripted | str]
"""A function of the request and the number of the call (from 0, in the order of arrival)."""


class ScriptedProvider:
    """A provider that takes answers from a function or from a list of texts, and remembers its requests.

    ``calls`` has all requests in the order of arrival. ``peak`` is the most requests that were open at once.
    """

    def __init__(
        self,
        script: Script | Iterable[str],
        *,
        model: str = "scripted:test",
        samples: int = 1,
        concurrency: int = 64,
        caches_from: int | None = None,
    ) -> None:
        self.model = model
        self.endpoint = model
        self.samples = samples
        self.concurrency = concurrency
        self.caches_from = caches_from
        self.calls: list[Request] = []
        self.open = 0
        self.peak = 0
        self._script = script if callable(script) else _from_list(tuple(script))

    async def start(self) -> None:
        return None

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        replies = []
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            for _ in range(samples):
                reply = self._script(request, len(self.calls))
                self.calls.append(request)
                replies.append(Scripted(reply) if isinstance(reply, str) else reply)
            slowest = max(reply.seconds for reply in replies)
            if slowest:
                await asyncio.sleep(slowest)
        finally:
            self.open -= 1
        answers = []
        for reply in replies:
            if isinstance(reply.text, CallError):
                raise reply.text
            answers.append(Answer(reply.text, more=reply.more))
        words = sum(len(message.text.split()) for message in request.messages)
        return Reply(tuple(answers), Usage(words, sum(len(answer.text.split()) for answer in answers)))

    async def close(self) -> None:
        return None


def _from_list(texts: tuple[str, ...]) -> Script:
    def script(request: Request, number: int) -> str:
        if number >= len(texts):
            raise AssertionError(f"the script has {len(texts)} replies, and call {number + 1} needs another reply")
        return texts[number]

    return script
