"""The files of lines and of results, as OpenAI and Mistral have them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from .protocol import LineResult, SubmissionApi, SubmissionLine, SubmissionState, part, text_in


class FileBatches(SubmissionApi):
    """A batch API whose lines and results are files of JSON lines."""

    async def upload(self, tag: str, rows: Iterable[dict[str, Any]]) -> str:
        """Upload the rows of a submission. Return the id of the file."""
        content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("utf-8", "replace") + b"\n"
        return text_in(await self.wire.upload("/files", f"{tag}.jsonl", content, purpose="batch"), "id")

    async def results(self, id_: str, state: SubmissionState, keys: Sequence[str]) -> AsyncIterator[LineResult]:
        for file in state.files:
            async for row in self.wire.rows(f"/files/{part(file)}/content"):
                yield read_row(row)

    async def tidy(self, state: SubmissionState) -> None:
        if state.input:
            await self.wire.ask("DELETE", f"/files/{part(state.input)}")


def read_row(row: dict[str, Any]) -> LineResult:
    """Read a line of results. A line with another status than 200, or with an error, was not paid."""
    key, response = text_in(row, "custom_id"), row.get("response")
    if isinstance(response, dict) and isinstance(response.get("body"), dict):
        body, status = response["body"], response.get("status_code")
        if status in (None, 200):
            return LineResult(key, body, id=text_in(response, "request_id"))
        why = text_in(body, "error", "message") or text_in(body, "message") or f"status {status}"
        return LineResult(key, why=why)
    why = text_in(row, "error", "message") or text_in(row, "error", "code") or text_in(row, "error")
    return LineResult(key, why=why or "it has no reply")


def file_row(line: SubmissionLine, **fields: Any) -> dict[str, Any]:
    return {"custom_id": line.key, **fields, "body": line.body}
