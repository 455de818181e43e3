"""The batch API of Mistral (docs.mistral.ai, "Batch inference"; the states are those of its OpenAPI's BatchJobStatus).

A submission is an uploaded file of lines without a model, which the submission names. Its metadata have our tag.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from .chat import FileBatches, file_row
from .protocol import Listed, SubmissionLine, SubmissionState, number_in, objects_in, part, text_in

_ENDED = frozenset({"SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED"})
_PAGE = 100


class MistralBatches(FileBatches):
    async def submit(self, tag: str, lines: Sequence[SubmissionLine]) -> str:
        bare = (replace(line, body={k: v for k, v in line.body.items() if k != "model"}) for line in lines)
        file = await self.upload(tag, map(file_row, bare))
        body = {
            "input_files": [file],
            "model": self.name,
            "endpoint": f"/v1{lines[0].path}",
            "metadata": {"flowrun": tag},
            "timeout_hours": 24,
        }
        return text_in(await self.wire.ask("POST", "/batch/jobs", body, pays=True), "id")

    async def look(self, id_: str) -> SubmissionState:
        data = await self.wire.ask("GET", f"/batch/jobs/{part(id_)}")
        word = text_in(data, "status")
        said = "; ".join(one["message"] for one in objects_in(data, "errors") if text_in(one, "message"))
        files = tuple(file for name in ("output_file", "error_file") if (file := text_in(data, name)))
        inputs = data.get("input_files")
        first = inputs[0] if isinstance(inputs, list) and inputs and isinstance(inputs[0], str) else ""
        return SubmissionState(
            word.replace("_", " ").lower(),
            word in _ENDED,
            number_in(data, "completed_requests")
            or number_in(data, "succeeded_requests") + number_in(data, "failed_requests"),
            (said or "it gives no reason") if word == "FAILED" and not files else "",
            word != "SUCCESS",
            files,
            first,
        )

    async def listed(self) -> AsyncIterator[Listed]:
        page = 0
        while True:
            data = await self.wire.ask("GET", f"/batch/jobs?page={page}&page_size={_PAGE}")
            rows = objects_in(data, "data")
            for row in rows:
                tag = text_in(row, "metadata", "flowrun")
                yield Listed(text_in(row, "id"), tag, number_in(row, "created_at"), number_in(row, "total_requests"))
            page += 1
            if len(rows) < _PAGE:
                return
