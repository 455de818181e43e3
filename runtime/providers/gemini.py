"""Google's generateContent, of the Gemini Developer API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ..errors import AnswerError
from ..metering import Usage
from .content import read_parts
from .endings import GEMINI_ENDINGS
from .endpoints import GEMINI, endpoint
from .failures import RejectedError
from .protocol import Answer, Provider, Request, Surroundings
from .served import PLAIN, Call, ServedProvider, count, told
from .streams import GenerateStream
from .structured import shape

_SHAPE = re.compile(r"response_?(?:json_?)?schema|response_?mime|schema|enum|json mode", re.IGNORECASE)
_SAMPLES = re.compile(r"candidate", re.IGNORECASE)


def open_gemini(name: str, surroundings: Surroundings) -> Provider:
    at = endpoint(GEMINI, name, surroundings.environ)
    provider = GeminiProvider(at, samples=8, concurrency=32, progress=surroundings.progress)
    # The smallest prompts that implicit caching takes (ai.google.dev/gemini-api/docs/caching).
    provider.caches_from = 2048 if name.removeprefix("models/").startswith("gemini-2") else 4096
    return provider


class GeminiProvider(ServedProvider):
    """generateContent with ``candidateCount`` samples (Gemini 2; the models of Gemini 3 refuse more than one).

    Its schemas may have any root, so nothing is wrapped; a choice is asked for as ``text/x.enum``. Tokens that the
    model thought are output, as they are on the bill.
    """

    modes = ("responseJsonSchema", PLAIN)
    optional = ("temperature", "seed")

    def _call(self, request: Request, samples: int) -> Call:
        form = shape(request)
        mode = self._mode(form)
        messages = request.messages
        config: dict[str, Any] = {}
        if form is not None and mode == PLAIN:
            messages = tuple(told(messages, form.in_words(as_object=False)))
        elif form is not None and form.choices:
            config["responseMimeType"] = "text/x.enum"
            config["responseSchema"] = {"type": "STRING", "enum": list(form.choices)}
        elif form is not None:
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = form.source
        if samples > 1:
            config["candidateCount"] = samples
        if request.max_tokens is not None:
            config["maxOutputTokens"] = request.max_tokens
        config |= self._optional(request)
        body: dict[str, Any] = {
            "contents": [
                {"role": "model" if message.role == "assistant" else "user", "parts": [{"text": message.text}]}
                for message in messages
                if message.role != "system"
            ]
        }
        system = [{"text": message.text} for message in messages if message.role == "system"]
        if system:
            body["systemInstruction"] = {"parts": system}
        if config:
            body["generationConfig"] = config
        name = self._name if "/" in self._name else f"models/{self._name}"
        # The text comes back as it should be, so there is nothing to take off.
        shape_left = form if mode == PLAIN else None
        if not self._streams(request):
            return Call(f"/v1beta/{quote(name)}:generateContent", body, samples, shape_left, mode)
        stream = GenerateStream(request.hear, typed=shape_left is not None and samples == 1)
        path = f"/v1beta/{quote(name)}:streamGenerateContent?alt=sse"
        return Call(path, body, samples, shape_left, mode, stream)

    def _objection(self, rejected: RejectedError, call: Call) -> str | None:
        if call.samples > 1 and _SAMPLES.search(rejected.sentence):
            return "candidateCount"
        if call.mode != PLAIN and _SHAPE.search(rejected.sentence):
            return call.mode
        return super()._objection(rejected, call)

    def _holds(self, call: Call, name: str) -> bool:
        return name in call.body.get("generationConfig", {})

    def _concede(self, refused: str, why: str) -> None:
        if refused == "candidateCount":
            self.samples = 1
        super()._concede(refused, why)

    def _answers(self, data: dict[str, Any], call: Call) -> Iterator[Answer]:
        candidates = data.get("candidates")
        if not isinstance(candidates, list) or not candidates:
            feedback = data.get("promptFeedback")
            reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
            what = f"the prompt was blocked ({self._at.quote(str(reason))})" if reason else "no candidates came"
            raise AnswerError(f"{self.model}: {what}")
        for candidate in candidates:
            if isinstance(candidate, dict):
                content = candidate.get("content")
                read = read_parts(content.get("parts") if isinstance(content, dict) else None)
                yield GEMINI_ENDINGS.read(candidate.get("finishReason"), read.text, read.reasoning)

    def _usage(self, data: dict[str, Any]) -> Usage:
        usage = data.get("usageMetadata")
        return Usage(
            count(usage, "promptTokenCount", "toolUsePromptTokenCount"),
            count(usage, "candidatesTokenCount", "thoughtsTokenCount"),
        )
