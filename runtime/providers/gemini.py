"""The provider for Google's generateContent, of the Gemini Developer API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ..vocabulary.call import SAMPLES, Answer, Request
from ..vocabulary.errors import AnswerError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.usage import Usage
from .bodies import told
from .content import read_parts
from .endings import GEMINI_ENDINGS
from .endpoints import endpoint
from .hosted import ServedProvider
from .lengths import without_text_lengths
from .message_content import generate_parts
from .posts import PLAIN, Post
from .protocol import Provider, Surroundings
from .services import Service
from .streams import GenerateStream
from .structured import Shape
from .token_details import generate_usage
from .traits import Traits


def opened(name: str, surroundings: Surroundings, service: Service | None = None) -> Provider:
    service = service or PROVIDER
    if {".", ".."} & {*name.split("/")}:
        # The name is a part of the address, and may come from a flow.
        raise UsageError(f"{service.name} has no model {shown(name)}: its name leads to another address")
    places = service.places(surroundings.environ)
    at = endpoint(service, name, surroundings.environ)
    provider = GeminiProvider(at, surroundings, samples=SAMPLES, concurrency=places)
    provider.caches_from = caches_from(name)
    return provider


def caches_from(name: str) -> int:
    """Return the tokens of the smallest prompt that implicit caching takes (ai.google.dev/gemini-api/docs/caching)."""
    return 2048 if name.removeprefix("models/").startswith("gemini-2") else 4096


class GeminiProvider(ServedProvider):
    """A provider for generateContent, with ``candidateCount`` samples (Gemini 2; Gemini 3 refuses more than 1).

    Its schemas may have any root, so no value is wrapped. A choice is asked for as ``text/x.enum``. The tokens of the
    model's thoughts count as output, as they do on the bill.
    """

    api = "gemini"
    modes = ("responseJsonSchema", PLAIN)
    optional = ("seed", "temperature", "logprobs")
    named = ("modelVersion", "responseId")

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        mode = self._mode(form, lacks)
        messages = request.messages
        config: dict[str, Any] = {}
        if form is not None and mode == PLAIN:
            messages = tuple(told(messages, form.in_words(as_object=False)))
        elif form is not None and form.choices:
            config["responseMimeType"] = "text/x.enum"
            config["responseSchema"] = {"type": "STRING", "enum": list(form.choices)}
        elif form is not None:
            config["responseMimeType"] = "application/json"
            config["responseJsonSchema"] = without_text_lengths(form.source)
        if samples > 1:
            config["candidateCount"] = samples
        if request.max_tokens is not None:
            config["maxOutputTokens"] = request.max_tokens
        config |= self._optional(request, lacks)
        body: dict[str, Any] = {
            "contents": [
                {"role": "model" if message.role == "assistant" else "user", "parts": generate_parts(message)}
                for message in messages
                if message.role != "system"
            ]
        }
        system = [part for message in messages if message.role == "system" for part in generate_parts(message)]
        if system:
            body["systemInstruction"] = {"parts": system}
        if config:
            body["generationConfig"] = config
        if request.options:
            self._further.write(body, request, lacks)
        name = self._name if "/" in self._name else f"models/{self._name}"
        if not self._streams(request, lacks):
            return Post(f"/v1beta/{quote(name)}:generateContent", body, samples, form, mode)
        stream = GenerateStream(request.hear, typed=form is not None and mode == PLAIN and samples == 1)
        path = f"/v1beta/{quote(name)}:streamGenerateContent?alt=sse"
        return Post(path, body, samples, form, mode, stream)

    def _holds(self, call: Post, name: str) -> bool:
        return name in call.body.get("generationConfig", {})

    def _answers(self, data: dict[str, Any], call: Post) -> Iterator[Answer]:
        candidates = data.get("candidates")
        if not isinstance(candidates, list) or not candidates:
            feedback = data.get("promptFeedback")
            reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
            what = (
                f"the prompt was blocked ({self._at.quote(str(reason))})" if reason else "the server sent no candidates"
            )
            raise AnswerError(f"{self.model}: {what}", final=bool(reason))
        for candidate in candidates:
            if isinstance(candidate, dict):
                content = candidate.get("content")
                read = read_parts(content.get("parts") if isinstance(content, dict) else None)
                logprobs = candidate.get("logprobsResult") and _logprobs(candidate["logprobsResult"])
                yield GEMINI_ENDINGS.read(candidate.get("finishReason"), read.text, read.reasoning, logprobs)

    def _usage(self, data: dict[str, Any]) -> Usage:
        return generate_usage(data)


def _logprobs(found: object) -> Json:
    from .logprobs import generate_logprobs  # few requests ask for them

    return generate_logprobs(found)


# The google-genai SDK prefers GOOGLE_API_KEY when both are set.
PROVIDER = Service(
    name="gemini",
    title="Google Gemini (generateContent)",
    example="gemini:gemini-2.5-flash",
    base_url="https://generativelanguage.googleapis.com",
    base_variable="GOOGLE_GEMINI_BASE_URL",
    key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    key_header="x-goog-api-key",
    traits=Traits(
        price_list="google",
        price_variable="GOOGLE_GEMINI_BASE_URL",
        concurrency=32,
        api="gemini",
        least_kept=caches_from,
    ),
    versions=("/v1beta",),
    open=opened,
)
