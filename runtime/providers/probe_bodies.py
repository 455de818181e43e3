"""The requests that find out what an endpoint can, and the reading of their replies, in each API."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from .streams import Stream

N, SHAPE, STREAM, USAGE, SEED, LOGPROBS = PARTS = ("n", "json_schema", "stream", "usage", "seed", "logprobs")
SERVED, REFUSED, IGNORED, TAKEN, UNKNOWN = "served", "refused", "ignored", "taken", "unknown"
"""The findings about a part of a request: it came, the server refused it, the server left it out, or the server took
it, and no reply can show whether it does anything."""
MOST_WRITTEN = 64
"""The most tokens of one answer to a probe."""
MOST_READ = 60
"""The most tokens of the prompt of a probe, with the schema, which some providers count."""
SAMPLES = 2
_PROMPT = "Say hello in one word."
_WORDS = ("red", "blue")
_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": list(_WORDS)}},
    "required": ["answer"],
    "additionalProperties": False,
}
_MOST_EVENTS = 4096


class Heard(Stream):
    """A streamed reply, kept as its events."""

    def __init__(self, last: Callable[[dict[str, Json]], bool] = lambda event: False) -> None:
        super().__init__()
        self.events: list[dict[str, Json]] = []
        self._ends = last

    def take(self, event: dict[str, Json]) -> None:
        if len(self.events) < _MOST_EVENTS:
            self.events.append(event)
        self.done = self._ends(event)

    def text(self) -> str:
        return ""

    def whole(self) -> dict[str, Json]:
        return {"events": [*self.events]}


@dataclass(frozen=True, slots=True)
class Probe:
    """A request: the path behind the base URL, its body, and the reader of its reply if it comes in events."""

    path: str
    body: Mapping[str, Any]
    stream: Stream | None


@dataclass(slots=True)
class Seen:
    """The evidence of a reply: the texts of its samples, the counted tokens, and whether probabilities came.

    ``whole`` tells that no answer was cut off.
    """

    texts: dict[int, str]
    read: int | None = None
    written: int | None = None
    logprobs: bool = False
    whole: bool = True


def judged(seen: Seen, asked: Collection[str], *, streamed: bool) -> dict[str, str]:
    """Return what a reply shows of the parts that its request asked for."""
    shown = {
        N: SERVED if len(seen.texts) >= SAMPLES else IGNORED,
        STREAM: SERVED if streamed else IGNORED,
        USAGE: SERVED if seen.read and seen.written else IGNORED,
        LOGPROBS: SERVED if seen.logprobs else IGNORED,
        SEED: TAKEN,
        SHAPE: _shaped(seen),
    }
    return {part: shown[part] for part in PARTS if part in asked}


def _shaped(seen: Seen) -> str:
    """Judge the shape. The prompt asks for another word, so an answer that fits shows that the server enforces it."""
    texts = [text for text in seen.texts.values() if text.strip()]
    if texts and all(_fits(text) for text in texts):
        return SERVED
    return IGNORED if texts and seen.whole else UNKNOWN


def _fits(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() == {"answer"} and found["answer"] in _WORDS


class ProbeForm:
    """The form of probes in one API. ``parts`` are those that its requests have words for."""

    parts: Collection[str] = PARTS

    def probe(self, model: str, asked: Collection[str], *, other_cap: bool) -> Probe:
        """Return a request for these parts. ``other_cap`` says to give the limit of its answers another name."""
        raise NotImplementedError

    def seen(self, data: Mapping[str, Json]) -> Seen:
        """Read a reply, or the events of a streamed one."""
        raise NotImplementedError


class ChatProbes(ProbeForm):
    """Probes of Chat Completions."""

    def probe(self, model: str, asked: Collection[str], *, other_cap: bool) -> Probe:
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": _PROMPT}]}
        body["max_completion_tokens" if other_cap else "max_tokens"] = MOST_WRITTEN
        if N in asked:
            body["n"] = SAMPLES
        if SHAPE in asked:
            schema = {"name": "answer", "strict": True, "schema": _SCHEMA}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if SEED in asked:
            body["seed"] = 7
        if LOGPROBS in asked:
            body["logprobs"] = True
        if STREAM not in asked:
            return Probe("/chat/completions", body, None)
        body["stream"] = True
        if USAGE in asked:
            body["stream_options"] = {"include_usage": True}
        return Probe("/chat/completions", body, Heard())

    def seen(self, data: Mapping[str, Json]) -> Seen:
        found = Seen({})
        for event in _dicts(data.get("events")) if "events" in data else [data]:
            usage = event.get("usage")
            if isinstance(usage, dict):
                found.read, found.written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
            for choice in _dicts(event.get("choices")):
                part = choice.get("delta") or choice.get("message")
                text = part.get("content") if isinstance(part, dict) else None
                _add(found, choice.get("index"), text)
                found.whole = found.whole and choice.get("finish_reason") != "length"
                logprobs = choice.get("logprobs")
                found.logprobs |= isinstance(logprobs, dict) and bool(logprobs.get("content"))
        return found


class MessagesProbes(ProbeForm):
    """Probes of Messages, which has no words for several samples, for a seed or for probabilities."""

    parts = (SHAPE, STREAM, USAGE)

    def probe(self, model: str, asked: Collection[str], *, other_cap: bool) -> Probe:
        body: dict[str, Any] = {"model": model, "max_tokens": MOST_WRITTEN}
        body["messages"] = [{"role": "user", "content": _PROMPT}]
        if SHAPE in asked:
            body["output_config"] = {"format": {"type": "json_schema", "schema": _SCHEMA}}
        if STREAM not in asked:
            return Probe("/v1/messages", body, None)
        return Probe("/v1/messages", {**body, "stream": True}, Heard(lambda event: event.get("type") == "message_stop"))

    def seen(self, data: Mapping[str, Json]) -> Seen:
        found = Seen({})
        if "events" not in data:
            for block in _dicts(data.get("content")):
                _add(found, 0, block.get("text"))
            self._count(found, data)
        for event in _dicts(data.get("events")):
            for name in ("message", "delta", "content_block"):
                part = event.get(name)
                if isinstance(part, dict):
                    _add(found, 0, part.get("text"))
                    self._count(found, part)
            self._count(found, event)
        return found

    def _count(self, found: Seen, part: Mapping[str, Json]) -> None:
        usage = part.get("usage")
        if isinstance(usage, dict):
            found.read = _count(usage, "input_tokens") or found.read
            found.written = _count(usage, "output_tokens") or found.written
        found.whole = found.whole and part.get("stop_reason") != "max_tokens"


class GenerateProbes(ProbeForm):
    """Probes of generateContent."""

    def probe(self, model: str, asked: Collection[str], *, other_cap: bool) -> Probe:
        config: dict[str, Any] = {"maxOutputTokens": MOST_WRITTEN}
        if N in asked:
            config["candidateCount"] = SAMPLES
        if SHAPE in asked:
            config |= {"responseMimeType": "application/json", "responseJsonSchema": _SCHEMA}
        if SEED in asked:
            config["seed"] = 7
        if LOGPROBS in asked:
            config["responseLogprobs"] = True
        body = {"contents": [{"role": "user", "parts": [{"text": _PROMPT}]}], "generationConfig": config}
        name = quote(model if "/" in model else f"models/{model}")
        if STREAM not in asked:
            return Probe(f"/v1beta/{name}:generateContent", body, None)
        return Probe(f"/v1beta/{name}:streamGenerateContent?alt=sse", body, Heard())

    def seen(self, data: Mapping[str, Json]) -> Seen:
        found = Seen({})
        for event in _dicts(data.get("events")) if "events" in data else [data]:
            usage = event.get("usageMetadata")
            if isinstance(usage, dict):
                found.read = _count(usage, "promptTokenCount")
                found.written = _count(usage, "candidatesTokenCount") or found.written
            for candidate in _dicts(event.get("candidates")):
                content = candidate.get("content")
                for part in _dicts(content.get("parts") if isinstance(content, dict) else None):
                    _add(found, candidate.get("index"), part.get("text"))
                found.whole = found.whole and candidate.get("finishReason") != "MAX_TOKENS"
                found.logprobs |= bool(candidate.get("logprobsResult"))
        return found


FORMS: Mapping[str, ProbeForm] = {"openai": ChatProbes(), "anthropic": MessagesProbes(), "gemini": GenerateProbes()}


def _add(found: Seen, index: Json, text: Json) -> None:
    place = index if isinstance(index, int) else 0
    found.texts[place] = found.texts.get(place, "") + (text if isinstance(text, str) else "")


def _count(usage: Mapping[str, Json], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _dicts(items: Json) -> Iterator[dict[str, Json]]:
    yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
