"""The Batch API of Gemini with its requests inline (ai.google.dev/api/batch-api: models.batchGenerateContent).

An inline submission has at most 20 MB. Its display name is our tag. Each request has metadata, which its response has
too; responses also stand in the order of the requests. Only successful requests are paid.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from .anthropic import seconds_of
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

_GOOD = "SUCCEEDED"
_ENDED = frozenset({_GOOD, "FAILED", "CANCELLED", "EXPIRED"})


class GeminiBatches(SubmissionApi):
    most_bytes = 16 * 1024 * 1024

    async def submit(self, tag: str, lines: Sequence[SubmissionLine]) -> str:
        requests = [{"request": line.body, "metadata": {"key": line.key}} for line in lines]
        body = {"batch": {"displayName": tag, "inputConfig": {"requests": {"requests": requests}}}}
        name = self.name if "/" in self.name else f"models/{self.name}"
        path = f"/v1beta/{quote(name)}:batchGenerateContent"
        return text_in(await self.wire.ask("POST", path, body, pays=True), "name").removeprefix("batches/")

    async def look(self, id_: str) -> SubmissionState:
        data = await self._operation(id_)
        word = _word(data)
        stats = ("metadata", "batchStats")
        done = number_in(data, *stats, "successfulRequestCount") + number_in(data, *stats, "failedRequestCount")
        said = text_in(data, "error", "message")
        refused = (said or "it gives no reason") if word == "FAILED" and not _responses(data) else ""
        return SubmissionState(word.lower(), word in _ENDED or data.get("done") is True, done, refused, word != _GOOD)

    async def results(self, id_: str, state: SubmissionState, keys: Sequence[str]) -> AsyncIterator[LineResult]:
        for at, row in enumerate(_responses(await self._operation(id_))):
            key = text_in(row, "metadata", "key") or (keys[at] if at < len(keys) else "")
            body = row.get("response")
            if isinstance(body, dict):
                yield LineResult(key, body)
            else:
                yield LineResult(key, why=text_in(row, "error", "message") or "it has no reply")

    async def listed(self) -> AsyncIterator[Listed]:
        token = ""
        while True:
            data = await self.wire.ask("GET", f"/v1beta/batches?pageSize=100{token and f'&pageToken={part(token)}'}")
            for row in objects_in(data, "operations"):
                yield Listed(
                    text_in(row, "name").removeprefix("batches/"),
                    text_in(row, "metadata", "displayName"),
                    seconds_of(text_in(row, "metadata", "createTime")),
                    number_in(row, "metadata", "batchStats", "requestCount"),
                )
            token = text_in(data, "nextPageToken")
            if not token:
                return

    async def _operation(self, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.wire.ask("GET", f"/v1beta/batches/{part(id_)}")
        return found


def _word(data: dict[str, Any]) -> str:
    """Return the last word of the state, which is ``BATCH_STATE_…`` in the API and ``JOB_STATE_…`` in its SDK."""
    return text_in(data, "metadata", "state").rpartition("_STATE_")[2]


def _responses(data: dict[str, Any]) -> list[dict[str, Any]]:
    places = (("response",), ("metadata", "output"))
    return next((rows for at in places if (rows := objects_in(data, *at, "inlinedResponses", "inlinedResponses"))), [])
