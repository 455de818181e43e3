"""The provider for Chat Completions, the API of OpenAI and of many other servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..vocabulary.call import SAMPLES, Answer, Request
from ..vocabulary.errors import AnswerError
from ..vocabulary.json_value import Json
from ..vocabulary.usage import Usage
from .bodies import told
from .breakpoints import cache_key, takes_cache_key
from .content import read_message
from .endings import CHAT_ENDINGS
from .endpoints import endpoint
from .failures import sentence_of
from .hosted import ServedProvider
from .message_content import chat_content
from .posts import PLAIN, Post
from .protocol import Provider, Surroundings
from .services import Service
from .streams import ChatStream
from .structured import OPENAI_KEYWORDS, Shape
from .token_details import chat_usage
from .traits import Traits
from .vocabulary import openai_tokens

if TYPE_CHECKING:
    from .endpoints import HttpEndpoint
    from .silence import Silence

CAPS = ("max_completion_tokens", "max_tokens")


def opened(name: str, surroundings: Surroundings, service: Service | None = None) -> Provider:
    service = service or PROVIDER
    places = service.places(surroundings.environ)
    at = endpoint(service, name, surroundings.environ)
    return OpenAIProvider(at, surroundings, samples=SAMPLES, concurrency=places)


class OpenAIProvider(ServedProvider):
    """A provider for Chat Completions, with ``n`` samples and ``response_format`` for structured answers.

    OpenAI's own models want ``max_completion_tokens``. Older servers know only ``max_tokens`` and ignore the other name
    silently, so every server but OpenAI's gets the old name first. Reasoning models take no ``temperature``. A server
    that refuses ``json_schema`` is asked for ``json_object``, and after that in words.
    """

    modes = ("json_schema", "json_object", PLAIN)
    optional = ("seed", "temperature", "verbosity", "user", "safety_identifier", "logprobs")
    keywords = OPENAI_KEYWORDS
    # OpenAI's own figure; gateways and local servers that keep prefixes do so from less.
    caches_from: int | None = 1024

    def __init__(self, endpoint: HttpEndpoint, surroundings: Surroundings, *, samples: int, concurrency: int) -> None:
        super().__init__(endpoint, surroundings, samples=samples, concurrency=concurrency)
        self._keyed = takes_cache_key(endpoint.host)

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        mode = self._mode(form, lacks)
        messages = request.messages
        body: dict[str, Any] = {"model": self._name}
        if form is not None and mode == "json_schema":
            schema = form.schema if form.strict is None else form.strict
            answer = {"name": "answer", "strict": form.strict is not None, "schema": schema}
            body["response_format"] = {"type": mode, "json_schema": answer}
        elif form is not None:
            if mode == "json_object":
                body["response_format"] = {"type": mode}
            messages = tuple(told(messages, form.in_words(as_object=mode == "json_object")))
        body["messages"] = [{"role": message.role, "content": chat_content(message)} for message in messages]
        if samples > 1:
            body["n"] = samples
        if request.max_tokens is not None:
            body[self._cap(lacks)] = request.max_tokens
        body |= self._optional(request, lacks)
        if request.options:
            self._further.write(body, request, lacks)
        if self._keyed and "prompt_cache_key" not in lacks and (key := cache_key(messages)):
            body.setdefault("prompt_cache_key", key)  # `extra` may have another
        stream = None
        if self._streams(request, lacks):
            body["stream"] = True
            if "stream_options" not in lacks:
                body["stream_options"] = {"include_usage": True}
            # No schema binds the model here, so it may talk on after the value.
            stream = ChatStream(request.hear, typed=form is not None and mode != "json_schema" and samples == 1)
        return Post("/chat/completions", body, samples, form, mode, stream, wrapped=mode != PLAIN)

    def _cap(self, lacks: frozenset[str]) -> str:
        first, second = CAPS if self._at.host.endswith(".openai.com") else reversed(CAPS)
        return second if first in lacks else first

    def _parts(self, call: Post, lacks: frozenset[str]) -> list[str]:
        # The limit of an answer's length has two names, and one of them must stay.
        own = ("prompt_cache_key", "stream_options", *(CAPS if lacks.isdisjoint(CAPS) else ()))
        return [*(name for name in own if name in call.body), *super()._parts(call, lacks)]

    def _answers(self, data: dict[str, Any], call: Post) -> Iterator[Answer]:
        choices = _dicts(data.get("choices"))
        if not choices:
            raise AnswerError(f"{self.model}: {self._at.host} sent no choices")
        for choice in choices:
            content = read_message(choice.get("message"))
            if choice.get("error"):
                said = f"the server reports an error in place of an answer: {sentence_of(choice['error'])}"
                yield Answer(content.text, "other", said)
            elif content.refusal:
                yield Answer(content.refusal, "filtered", f"the model refuses: {content.refusal}")
            else:
                logprobs = choice.get("logprobs") and _logprobs(choice["logprobs"])
                yield CHAT_ENDINGS.read(choice.get("finish_reason"), content.text, content.reasoning, logprobs)

    async def _ended(self, data: dict[str, Any], call: Post, silence: Silence, deadline: float) -> dict[str, Any]:
        choices = _dicts(data.get("choices"))
        for choice in choices:
            if choice.get("finish_reason"):
                silence.named(self.model)
                return data
        whole = choices and all(read_message(choice.get("message")).text for choice in choices)
        if not whole or (call.stream is not None and call.stream.begun) or any(one.get("error") for one in choices):
            return data
        fieldless = not any("finish_reason" in choice for choice in choices)
        said = f"{self.model}: {self._at.host} never tells why an answer ended: flowrun takes its answers as complete"
        taken = await silence.takes(self.model, deadline, lambda: self._progress(said), fieldless=fieldless)
        return {**data, "choices": [{**one, "finish_reason": "stop"} for one in choices]} if taken else data

    def _usage(self, data: dict[str, Any]) -> Usage:
        return chat_usage(data)


def _logprobs(found: object) -> Json:
    from .logprobs import chat_logprobs  # few requests ask for them

    return chat_logprobs(found)


def _dicts(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


PROVIDER = Service(
    name="openai",
    title="OpenAI, and servers that speak its Chat Completions (vLLM, llama.cpp, Ollama, gateways)",
    example="openai:gpt-5.4-mini",
    base_url="https://api.openai.com/v1",
    base_variable="OPENAI_BASE_URL",
    key_variables=("OPENAI_API_KEY",),
    key_header="Authorization",
    key_prefix="Bearer ",
    traits=Traits(
        price_list="openai",
        price_variable="OPENAI_BASE_URL",
        tokens=openai_tokens,
        concurrency=64,
        api="openai",
        least_kept=lambda name: OpenAIProvider.caches_from,
    ),
    other_headers=(("OPENAI_ORG_ID", "OpenAI-Organization"), ("OPENAI_PROJECT_ID", "OpenAI-Project")),
    spoken=True,
    open=opened,
)
