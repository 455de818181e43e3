"""The provider for Amazon Bedrock's Converse and ConverseStream.

The form of requests and replies: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..vocabulary.call import Answer, Request
from ..vocabulary.errors import AnswerError, UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.usage import Usage
from .amazon_keys import checked_region, is_region, region_of, signer_of
from .bodies import told
from .breakpoints import kept_at_bedrock, without_cuts
from .cloud_services import CloudService
from .content import read_parts
from .converse_stream import ConverseStream
from .endings import CONVERSE_ENDINGS
from .endpoints import endpoint
from .further_options import thinks
from .hosted import ServedProvider
from .message_content import converse_content
from .posts import PLAIN, Post
from .protocol import Provider, Surroundings
from .structured import ANTHROPIC_KEYWORDS, Shape
from .token_details import converse_usage
from .traits import Traits

_TOOL = "answer"
_ARN = "arn:"
_LACKS = frozenset({"n", "seed", "logprobs", "presence_penalty", "frequency_penalty", "verbosity", "user", "batch"})
"""The parts of requests that Converse does not have (docs.aws.amazon.com/bedrock, "Converse"), and batches."""
# The domains of AWS's other partitions, by the beginning of their regions (botocore, partitions.json).
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}


def opened(name: str, surroundings: Surroundings) -> Provider:
    environ, model = surroundings.environ, f"{PROVIDER.name}:{name}"
    if not name.isascii() or not name.isprintable() or " " in name:
        raise UsageError(f"{shown(model)} has a character that no id of a Bedrock model has")
    own = environ.get(PROVIDER.base_variable, "").strip()
    region = _region_in(name) or checked_region(environ, model)
    service = PROVIDER if own else replace(PROVIDER, located=lambda _: _host(region))
    if not environ.get("AWS_BEARER_TOKEN_BEDROCK", "").strip():
        service = replace(service, key_variables=())
    at = endpoint(service, name, environ)
    if not at.key:
        at = replace(at, signer=signer_of(environ, model, region))
    return BedrockProvider(at, surroundings, samples=1, concurrency=PROVIDER.places(environ))


class BedrockProvider(ServedProvider):
    """A provider for Converse, with one sample for each request.

    It asks for structured answers by ``outputConfig`` ("Get validated JSON results from models" lists the models that
    take it). It makes other models call a tool, and asks those that cannot be made to do so in words. Converse has no
    seed. Requests are signed, unless the user has an API key of Bedrock. The server keeps the head of a prompt only if
    a cache point marks its end, and only for some models.
    """

    api = "bedrock"
    tells_beginning = True
    modes = ("outputConfig", "tool", PLAIN)
    optional = ("temperature",)
    keywords = ANTHROPIC_KEYWORDS

    @property
    def keeps_from(self) -> int | None:
        """The fewest tokens of a head that the server keeps. None if the model takes no cache points."""
        return kept_at_bedrock(self._name)

    def _parts(self, call: Post, lacks: frozenset[str]) -> list[str]:
        marked = '"cachePoint"' in json.dumps([call.body.get("system"), call.body["messages"]])
        return [*super()._parts(call, lacks), *(["cachePoint"] if marked else [])]

    def _call(self, request: Request, form: Shape | None, samples: int, lacks: frozenset[str]) -> Post:
        mode = self._mode(form, lacks)
        messages = request.messages
        body: dict[str, Any] = {}
        if form is not None and mode == "outputConfig" and form.strict is None:
            mode = "tool"  # a tool may leave its objects open
        if mode == "tool" and ("tool" in lacks or thinks(request)):
            mode = PLAIN  # a model that thinks refuses a tool that it must call
        if form is not None:
            if mode == "outputConfig":
                schema = {"schema": json.dumps(form.strict), "name": _TOOL}
                body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
            elif mode == "tool":
                tool = {"name": _TOOL, "description": "Give the answer.", "inputSchema": {"json": form.schema}}
                body["toolConfig"] = {"tools": [{"toolSpec": tool}], "toolChoice": {"tool": {"name": _TOOL}}}
            else:
                messages = tuple(told(messages, form.in_words(as_object=False)))
        if "cachePoint" in lacks:
            messages = without_cuts(messages)
        system = [part for message in messages if message.role == "system" for part in converse_content(message)]
        if system:
            body["system"] = system
        body["messages"] = [
            {"role": message.role, "content": converse_content(message)}
            for message in messages
            if message.role != "system"
        ]
        config = self._optional(request, lacks)
        if request.max_tokens is not None:
            config["maxTokens"] = request.max_tokens
        if config:
            body["inferenceConfig"] = config
        self._further.write(body, request, lacks)
        path = f"/model/{quote(self._name, safe='')}/converse"
        if not self._streams(request, lacks):
            return Post(path, body, 1, form, mode, wrapped=mode != PLAIN)
        stream = ConverseStream(request.hear, typed=form is not None and mode == PLAIN)
        return Post(f"{path}-stream", body, 1, form, mode, stream, wrapped=mode != PLAIN)

    def _holds(self, call: Post, name: str) -> bool:
        return name in call.body.get("inferenceConfig", {})

    def _answers(self, data: dict[str, Any], call: Post) -> Iterator[Answer]:
        blocks = _blocks(data)
        if blocks is None:
            raise AnswerError(f"{self.model}: {self._at.host} sent no content")
        content = read_parts([_part(block) for block in blocks])
        reason = data.get("stopReason")
        if call.mode == "tool":
            # The model gives its answer as the argument of our own tool.
            for block in blocks:
                if isinstance(tool := block.get("toolUse"), dict):
                    text = json.dumps(tool.get("input"), ensure_ascii=False)
                    yield CONVERSE_ENDINGS.read("end_turn" if reason == "tool_use" else reason, text, content.reasoning)
                    return
        yield CONVERSE_ENDINGS.read(reason, content.text, content.reasoning)

    def _usage(self, data: dict[str, Any]) -> Usage:
        return converse_usage(data)


def _blocks(data: dict[str, Any]) -> list[dict[str, Any]] | None:
    match data:
        case {"output": {"message": {"content": list(blocks)}}}:
            return [block for block in blocks if isinstance(block, dict)]
    return None


def _part(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block as one of the parts that all providers share."""
    match block:
        case {"reasoningContent": {"reasoningText": {"text": str(text)}}}:
            return {"type": "thinking", "thinking": text}
    return block


def _region_in(name: str) -> str:
    """Return the region in a model's ARN, the only one that serves it. "" for a name without a region."""
    parts = name.split(":")
    return parts[3] if name.startswith(_ARN) and len(parts) > 4 and is_region(parts[3]) else ""


def _host(region: str) -> str:
    domain = next((name for start, name in _DOMAINS.items() if region.startswith(start)), "amazonaws.com")
    return f"https://bedrock-runtime.{region}.{domain}"


def _located(environ: Mapping[str, str]) -> str:
    if own := environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "").strip():
        return own
    region = region_of(environ)
    return _host(region) if is_region(region) else ""


PROVIDER = CloudService(
    name="bedrock",
    title="Amazon Bedrock (Converse)",
    example="bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
    base_url="https://bedrock-runtime.us-east-1.amazonaws.com",
    base_variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
    key_header="Authorization",
    key_prefix="Bearer ",
    traits=Traits(
        price_list="aws",
        price_variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        shares_prompt=False,
        concurrency=16,
        api="bedrock",
        lacks=_LACKS,
        least_kept=kept_at_bedrock,
    ),
    located=_located,
    settings=("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"),
    open=opened,
)
