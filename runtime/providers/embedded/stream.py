"""A reader that turns the engine's stream of events into answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from typing import Any

from ...vocabulary.call import Answer, Reply
from ...vocabulary.errors import PermanentError, RefusedError
from ...vocabulary.json_value import Json
from ...vocabulary.receipt import Receipt, readable_name
from ...vocabulary.usage import TokenDetail, Usage
from ..content import read_parts
from ..endings import CHAT_ENDINGS
from ..token_details import chat_detail


async def read_reply(lines: AsyncIterable[bytes], samples: int) -> Reply:
    """Read the engine's stream into a reply. The pieces of each sample are joined by its index.

    The engine ends each sample with a usage: the tokens of that sample, and those of the prompt, which all samples
    share.

    Raises: RefusedError or PermanentError, if the stream reports a failure; RefusedError, if it breaks off.
    """
    texts = [""] * samples
    reasons: list[str] = [""] * samples
    logprobs: list[list[Json]] = [[] for _ in range(samples)]
    prompt_tokens = 0
    output_tokens = 0
    cached: int | None = None
    receipt: Receipt | None = None
    async for line in lines:
        if not line.startswith(b"data: {"):
            continue
        event: dict[str, Any] = json.loads(line[6:])
        if "error" in event:
            raise failure(event["error"], samples)
        if receipt is None and isinstance(event.get("id"), str):
            receipt = Receipt(id=readable_name(event["id"]))
        for choice in event["choices"]:
            index = choice["index"]
            texts[index] += choice["delta"].get("content") or ""
            if choice.get("logprobs"):
                from ..logprobs import chat_logprobs  # few requests ask for them

                logprobs[index] += chat_logprobs(choice["logprobs"]) or ()
            if choice["finish_reason"]:
                reasons[index] = choice["finish_reason"]
        if usage := event.get("usage"):
            prompt_tokens = max(prompt_tokens, usage["prompt_tokens"])
            output_tokens += usage["completion_tokens"]
            detail = chat_detail(usage)
            if detail is not None and detail.cached is not None:
                # The first sample reads the prompt, and the others find it read.
                cached = detail.cached if cached is None else min(cached, detail.cached)
    parts = zip(texts, reasons, logprobs, strict=True)
    answers = tuple(_answer(text, reason, found) for text, reason, found in parts if reason)
    if len(answers) < samples:
        raise RefusedError("the answer of the local model is incomplete; it costs nothing")
    detail = None if cached is None else TokenDetail(cached=cached)
    return Reply(answers, Usage(prompt_tokens, output_tokens, detail), receipt=receipt)


def _answer(written: str, reason: str, logprobs: list[Json]) -> Answer:
    content = read_parts(written)
    return CHAT_ENDINGS.read(reason, content.text, content.reasoning, logprobs or None)


def failure(error: dict[str, Any], samples: int) -> RefusedError | PermanentError:
    """Return the error for the engine's error object."""
    said = str(error.get("message", "no reason given"))
    status = int(error.get("code", 500))
    if error.get("type") == "exceed_context_size_error":
        return PermanentError(
            f"the prompt has {error.get('n_prompt_tokens'):,} tokens and the embedded model takes "
            f"{error.get('n_ctx'):,}: split the document into smaller sections",
            status=status,
        )
    if said.startswith("Context size has been exceeded"):
        return PermanentError(
            f"the prompt and {samples} answers together are longer than the context of the embedded model: "
            "split the document "
            "into smaller sections, lower max_tokens, or ask for fewer samples",
            status=status,
        )
    if status >= 500 or status == 429:
        return RefusedError(f"the local model failed: {said}", status=status)
    return PermanentError(f"the local model does not take this request: {said}", status=status)
