"""The Batch API of OpenAI, which other servers of Chat Completions have too (platform.openai.com, "Batch API").

A submission is an uploaded file of at most 50,000 lines and 200 MB, for one model. Its metadata have our tag. The file
of results comes when it has ended; failed and expired lines are in a file of errors. Only answered lines are paid.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from .chat import FileBatches, file_row
from .protocol import Listed, SubmissionLine, SubmissionState, number_in, objects_in, part, text_in

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


class OpenAIBatches(FileBatches):
    async def submit(self, tag: str, lines: Sequence[SubmissionLine]) -> str:
        # The address of a line is that of OpenAI's own server, whatever the path of this one is.
        rows = (file_row(line, method="POST", url=f"/v1{line.path}") for line in lines)
        file = await self.upload(tag, rows)
        body = {
            "input_file_id": file,
            "endpoint": f"/v1{lines[0].path}",
            "completion_window": "24h",
            "metadata": {"flowrun": tag},
        }
        return text_in(await self.wire.ask("POST", "/batches", body, pays=True), "id")

    async def look(self, id_: str) -> SubmissionState:
        data = await self.wire.ask("GET", f"/batches/{part(id_)}")
        word = text_in(data, "status")
        said = "; ".join(one["message"] for one in objects_in(data, "errors", "data") if text_in(one, "message"))
        files = tuple(file for name in ("output_file_id", "error_file_id") if (file := text_in(data, name)))
        return SubmissionState(
            word.replace("_", " "),
            word in _ENDED,
            number_in(data, "request_counts", "completed") + number_in(data, "request_counts", "failed"),
            (said or "it gives no reason") if word == "failed" and not files else "",
            word in ("expired", "cancelled", "failed"),
            files,
            text_in(data, "input_file_id"),
        )

    async def listed(self) -> AsyncIterator[Listed]:
        after = ""
        while True:
            data = await self.wire.ask("GET", f"/batches?limit=100{after and f'&after={part(after)}'}")
            rows = objects_in(data, "data")
            for row in rows:
                yield Listed(
                    text_in(row, "id"),
                    text_in(row, "metadata", "flowrun"),
                    number_in(row, "created_at"),
                    number_in(row, "request_counts", "total"),
                )
            after = text_in(rows[-1], "id") if rows else ""
            if data.get("has_more") is not True or not after:
                return
