"""The provider for Anthropic's Messages API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..vocabulary.call import Answer, Request
from ..vocabulary.errors import AnswerError
from ..vocabulary.usage import Usage
from .bodies import told
from .breakpoints import least_kept, without_cuts
from .content import read_parts
from .endings import ANTHROPIC_ENDINGS
from .endpoints import endpoint
from .further_options import thinks
from .hosted import ServedProvider
from .message_content import messages_content, messages_system
from .posts import PLAIN, Post
from .protocol import Provider, Surroundings
from .services import Service
from .streams import MessagesStream
from .structured import ANTHROPIC_KEYWORDS, Shape
from .token_details import messages_usage
from .traits import Traits

MOST_WRITTEN = 4096
"""The most tokens of an answer that a request names; the API requires a number."""
_TOOL = "answer"
LACKS = frozenset({"n", "seed", "logprobs", "presence_penalty", "frequency_penalty", "verbosity"})
"""The parameters of OpenAI's clients that Messages does not have: https://platform.claude.com/docs/en/api/openai-sdk."""


def opened(name: str, surroundings: Surroundings, service: Service | None = None) -> Provider:
    service = service or PROVIDER
    places = service.places(surroundings.environ)
    at = endpoint(service, name, surroundings.environ).with_headers(anthropic_version="2023-06-01")
    return AnthropicProvider(at, surroundings, samples=1, concurrency=places)


class AnthropicProvider(ServedProvider):
    """A provider for Anthropic's Messages API, with one sample for each request.

    It asks for structured answers by ``output_config`` (every model since Claude 4.5). Older models refuse that, so the
    provider makes them call a tool instead; the newest models refuse such a call. Models since Opus 4.7 take no
    ``temperature``. Messages has no seed. The server keeps the head of a prompt only if a request marks its end, and
    that costs more at first.
    """

    api = "anthropic"
    modes = ("output_config", "tool", PLAIN)
    optional = ("temperature",)
    keywords = ANTHROPIC_KEYWORDS
    tells_beginning = True

    @property
    def keeps_from(self) -> int:
        """The fewest tokens of a head that the server keeps."""
        return least_kept(self._name)

    def _parts(self, call: Post, lacks: frozenset[str]) -> list[str]:
        marked = '"cache_control"' in json.dumps([call.body.get("system"), call.body["messages"]])
        return [*super()._parts(call, lacks), *(["cache_control"] if marked else [])]

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        mode = self._mode(form, lacks)
        messages = request.messages
        body: dict[str, Any] = {"model": self._name, "max_tokens": request.max_tokens or MOST_WRITTEN}
        if form is not None and mode == "output_config" and form.strict is None:
            mode = "tool"  # a tool may leave its objects open
        if mode == "tool" and ("tool" in lacks or thinks(request)):
            mode = PLAIN  # a model that thinks refuses a tool that it must call
        if form is not None:
            if mode == "output_config":
                body["output_config"] = {"format": {"type": "json_schema", "schema": form.strict}}
            elif mode == "tool":
                body["tools"] = [{"name": _TOOL, "description": "Give the answer.", "input_schema": form.schema}]
                body["tool_choice"] = {"type": "tool", "name": _TOOL}
            else:
                messages = tuple(told(messages, form.in_words(as_object=False)))
        if "cache_control" in lacks:
            messages = without_cuts(messages)
        if system := messages_system(messages):
            body["system"] = system
        body["messages"] = [
            {"role": message.role, "content": messages_content(message)}
            for message in messages
            if message.role != "system"
        ]
        body |= self._optional(request, lacks)
        if request.options:
            self._further.write(body, request, lacks)
        stream = None
        if self._streams(request, lacks):
            body["stream"] = True
            stream = MessagesStream(request.hear, typed=form is not None and mode == PLAIN)
        return Post("/v1/messages", body, 1, form, mode, stream, wrapped=mode != PLAIN)

    def _answers(self, data: dict[str, Any], call: Post) -> Iterator[Answer]:
        blocks = data.get("content")
        if not isinstance(blocks, list):
            raise AnswerError(f"{self.model}: {self._at.host} sent no content")
        content = read_parts(blocks)
        reason = data.get("stop_reason")
        if call.mode == "tool":
            # The model gives its answer as the argument of our own tool.
            for block in blocks:
                if isinstance(block, dict) and block.get("type") == "tool_use":
                    text = json.dumps(block.get("input"), ensure_ascii=False)
                    yield ANTHROPIC_ENDINGS.read(
                        "end_turn" if reason == "tool_use" else reason, text, content.reasoning
                    )
                    return
        yield ANTHROPIC_ENDINGS.read(reason, content.text, content.reasoning)

    def _usage(self, data: dict[str, Any]) -> Usage:
        return messages_usage(data)


PROVIDER = Service(
    name="anthropic",
    title="Anthropic (Messages)",
    example="anthropic:claude-haiku-4-5",
    base_url="https://api.anthropic.com",
    base_variable="ANTHROPIC_BASE_URL",
    key_variables=("ANTHROPIC_API_KEY",),
    key_header="x-api-key",
    traits=Traits(
        price_list="anthropic",
        price_variable="ANTHROPIC_BASE_URL",
        shares_prompt=False,
        most_written=MOST_WRITTEN,
        concurrency=32,
        api="anthropic",
        lacks=LACKS,
        least_kept=least_kept,
    ),
    versions=("/v1",),
    open=opened,
)
