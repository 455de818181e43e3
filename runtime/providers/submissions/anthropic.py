"""The Message Batches of Anthropic (platform.claude.com, "Batch processing").

A submission is one request with at most 100,000 messages and 256 MB. It has no metadata, so a lost one is found by its
time and its number of lines, and known for certain by the custom ids of its results. Errored, canceled and expired
lines are not paid.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from .protocol import (
    LineResult,
    Listed,
    SubmissionApi,
    SubmissionLine,
    SubmissionState,
    number_in,
    objects_in,
    part,
    text_in,
)

_PATH = "/v1/messages/batches"
_COUNTS = ("succeeded", "errored", "canceled", "expired")


class AnthropicBatches(SubmissionApi):
    tags = False

    async def submit(self, tag: str, lines: Sequence[SubmissionLine]) -> str:
        body = {"requests": [{"custom_id": line.key, "params": line.body} for line in lines]}
        return text_in(await self.wire.ask("POST", _PATH, body, pays=True), "id")

    async def look(self, id_: str) -> SubmissionState:
        data = await self.wire.ask("GET", f"{_PATH}/{part(id_)}")
        word = text_in(data, "processing_status")
        done = sum(number_in(data, "request_counts", name) for name in _COUNTS)
        return SubmissionState(word.replace("_", " "), word == "ended", done)

    async def results(self, id_: str, state: SubmissionState, keys: Sequence[str]) -> AsyncIterator[LineResult]:
        # The address of the results in the answer may be another host's, which must not get the key.
        async for row in self.wire.rows(f"{_PATH}/{part(id_)}/results"):
            key, found = text_in(row, "custom_id"), row.get("result")
            message = found.get("message") if isinstance(found, dict) else None
            if text_in(found, "type") == "succeeded" and isinstance(message, dict):
                yield LineResult(key, message)
                continue
            why = text_in(found, "error", "error", "message") or text_in(found, "error", "message")
            yield LineResult(key, why=why or text_in(found, "type") or "it has no reply")

    async def listed(self) -> AsyncIterator[Listed]:
        after = ""
        while True:
            data = await self.wire.ask("GET", f"{_PATH}?limit=100{after and f'&after_id={part(after)}'}")
            for row in objects_in(data, "data"):
                counts = sum(number_in(row, "request_counts", name) for name in ("processing", *_COUNTS))
                yield Listed(text_in(row, "id"), "", seconds_of(text_in(row, "created_at")), counts)
            after = text_in(data, "last_id")
            if data.get("has_more") is not True or not after:
                return


def seconds_of(time: str) -> float:
    """Read a time of RFC 3339 as seconds of the epoch. 0 if it is none."""
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0
