"""Readers of answers that come as server-sent events (WHATWG HTML, "Server-sent events").

Each class below turns one provider's events into the object that the same provider sends without streaming. So the same
code reads both.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from ..vocabulary.json_value import Json
from .content import read_message, read_parts
from .event_stream import BrokenStreamError, EventReader, Reader
from .pieces import join, joined
from .token_details import cumulated


class Stream(ABC):
    """A streamed answer.

    ``hear`` is called with the number of characters so far. ``typed`` says that the answer must be one JSON value.
    ``begun`` is True when the first bytes have come, ``done`` when the provider has said that the answer is complete,
    and ``enough`` when the JSON value is complete although the provider continues. ``problem`` is the reason why the
    events cannot be read, "" if they can. ``error`` is an event in which the provider reports an error, if one came.
    ``media`` is the type of content that it reads.
    """

    media = "text/event-stream"

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        self.begun = False
        self.done = False
        self.enough = False
        self.problem = ""
        self.characters = 0
        self.error: Json = None
        self._hear = hear or (lambda characters: None)
        self._typed = typed
        self._reader: Reader = EventReader()
        self._last = ""

    def feed(self, chunk: bytes) -> None:
        """Read some bytes of the answer. They may be cut anywhere."""
        self.begun = True
        self._read(self._reader.feed(chunk))

    def end(self) -> None:
        """Read the last event when the server has closed the stream. The event may lack its end of line."""
        if not (self.done or self.enough or self.problem):
            self._read(self._reader.end(), last=True)

    def _read(self, events: Iterator[tuple[str, str]], *, last: bool = False) -> None:
        before = self.characters
        try:
            for kind, text in events:
                self._event(kind, text, last)
                if self.done or self.enough or self.problem:
                    break
        except UnicodeDecodeError:
            self.problem = "an event of the answer is not UTF-8"
        except BrokenStreamError as broken:
            self.problem = str(broken)
        if self.characters != before:
            self._hear(self.characters)

    def _event(self, kind: str, text: str, last: bool) -> None:
        if text.strip() == "[DONE]":
            self.done = True
            return
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            if kind == "error":
                self.error, self.done = {"error": {"message": text}}, True
            elif not last:
                # The end of the stream may cut the last event. That is not an error of the server.
                self.problem = "an event of the answer is not JSON"
            return
        if not isinstance(event, dict):
            return
        if event.get("error") or kind == "error":
            self.error, self.done = event, True
            return
        before = self.characters
        self.take(event)
        # The test runs after each event, so that it does not matter where the bytes are cut.
        if self._typed and self.characters != before and self._last.rstrip()[-1:] in ("}", "]"):
            self.enough = _is_whole(self.text())

    def _grow(self, part: Json) -> None:
        """Count the characters of a part of the answer's text."""
        if isinstance(part, str) and part:
            self.characters += len(part)
            self._last = part

    @abstractmethod
    def take(self, event: dict[str, Json]) -> None:
        """Add one event to the answer."""

    @abstractmethod
    def text(self) -> str:
        """Return the text of the first sample so far."""

    @abstractmethod
    def whole(self) -> dict[str, Json]:
        """Return the object that the provider would send without streaming, as far as it has arrived."""


class ChatStream(Stream):
    """A stream of Chat Completions: ``choices[].delta``, and the usage at the end if the request asked for it."""

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._choices: dict[int, _Choice] = {}
        self._usage: Json = None
        self._named: dict[str, Json] = {}

    def take(self, event: dict[str, Json]) -> None:
        if not self._named:
            # Each event names the same model and the same id.
            self._named = {name: event[name] for name in ("model", "id") if event.get(name)}
        self._usage = event["usage"] if isinstance(event.get("usage"), dict) else self._usage
        if event.get("service_tier"):
            self._named["service_tier"] = event["service_tier"]
        for choice in _dicts(event.get("choices")):
            index = choice.get("index")
            known = self._choices.setdefault(index if isinstance(index, int) else 0, _Choice())
            delta = choice.get("delta")
            if isinstance(delta, dict):
                known.take(delta)
                content = delta.get("content")
                for part in content if isinstance(content, list) else [content, delta.get("refusal")]:
                    self._grow(part.get("text") if isinstance(part, dict) else part)
            known.reason = choice.get("finish_reason") or known.reason
            known.error = choice.get("error") or known.error

    def text(self) -> str:
        return read_message(self._choices[min(self._choices)].message()).text if self._choices else ""

    def whole(self) -> dict[str, Json]:
        choices = []
        for index, one in sorted(self._choices.items()):
            reason = one.reason or ("stop" if self.enough else None)
            choices.append({"index": index, "message": one.message(), "finish_reason": reason, "error": one.error})
        return {**self._named, "choices": choices, "usage": self._usage}


class _Choice:
    """A message that grows. It has the texts or parts that have arrived for each field."""

    __slots__ = ("error", "parts", "reason")

    def __init__(self) -> None:
        self.parts: dict[str, list[Json]] = {}
        self.reason: Json = None
        self.error: Json = None

    def take(self, delta: dict[str, Json]) -> None:
        for name in _GROWING:
            part = delta.get(name)
            # Only the first part of a tool call is kept: nobody reads more than that there was a tool call.
            if part and not (name == "tool_calls" and name in self.parts):
                self.parts.setdefault(name, []).extend(part if isinstance(part, list) else [part])

    def message(self) -> dict[str, Json]:
        whole: dict[str, Json] = {"content": ""}
        for name, parts in self.parts.items():
            plain = all(isinstance(part, str) for part in parts)
            whole[name] = "".join(parts) if plain else parts
        return whole


_GROWING = ("content", "refusal", "reasoning_content", "reasoning", "thinking", "tool_calls")


class MessagesStream(Stream):
    """A stream of Messages: blocks that begin, grow and stop, then the reason and the usage in ``message_delta``."""

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._blocks: dict[int, dict[str, Json]] = {}
        self._reason: Json = None
        self._usage: dict[str, Json] = {}
        self._named: dict[str, Json] = {}

    def take(self, event: dict[str, Json]) -> None:
        match event:
            case {"type": "message_start", "message": dict(message)}:
                self._named = {name: message.get(name) for name in ("model", "id")}
                self._count(message.get("usage"))
                self._hear(0)  # the server has read the prompt, even if the model thinks for a while
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                self._blocks[index] = {"type": block.get("type"), "parts": [str(block.get("text") or "")]}
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)} if index in self._blocks:
                part = delta.get("text", delta.get("partial_json", delta.get("thinking")))
                if isinstance(part, str):
                    self._blocks[index]["parts"].append(part)
                    self._grow(None if "thinking" in delta else part)
            case {"type": "message_delta", "delta": dict(delta)}:
                self._reason = delta.get("stop_reason") or self._reason
                self._count(event.get("usage"))
            case {"type": "message_stop"}:
                self.done = True

    def _count(self, usage: Json) -> None:
        """Take the counts of an event. They are cumulative (platform.claude.com, "Streaming messages").

        The last event has null, or 0 from some gateways, for what an earlier event has counted.
        """
        for name, value in usage.items() if isinstance(usage, dict) else ():
            self._usage[name] = cumulated(self._usage.get(name), value)

    def text(self) -> str:
        return read_parts(self._content()).text

    def whole(self) -> dict[str, Json]:
        reason = self._reason or ("end_turn" if self.enough else None)
        return {**self._named, "content": self._content(), "stop_reason": reason, "usage": self._usage}

    def _content(self) -> list[dict[str, Json]]:
        return [_block(block["type"], "".join(block["parts"])) for _, block in sorted(self._blocks.items())]


class GenerateStream(Stream):
    """A stream of streamGenerateContent. Each event is a whole response, with the next parts of each candidate."""

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._candidates: dict[int, dict[str, Json]] = {}
        self._rest: dict[str, Json] = {}

    def take(self, event: dict[str, Json]) -> None:
        self._rest |= {name: event[name] for name in _AROUND if name in event}
        for candidate in _dicts(event.get("candidates")):
            index = candidate.get("index")
            known = self._candidates.setdefault(index if isinstance(index, int) else 0, {"parts": [], "reason": None})
            content = candidate.get("content")
            for part in _dicts(content.get("parts") if isinstance(content, dict) else None):
                join(known["parts"], part)
                self._grow(part.get("text"))
            known["reason"] = candidate.get("finishReason") or known["reason"]

    def text(self) -> str:
        return read_parts(joined(self._candidates[min(self._candidates)]["parts"])).text if self._candidates else ""

    def whole(self) -> dict[str, Json]:
        candidates = [
            {
                "content": {"parts": joined(one["parts"])},
                "finishReason": one["reason"] or ("STOP" if self.enough else None),
            }
            for _, one in sorted(self._candidates.items())
        ]
        return {"candidates": candidates, **self._rest}


_AROUND = ("usageMetadata", "promptFeedback", "modelVersion", "responseId")


def _dicts(items: Json) -> list[dict[str, Json]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _block(kind: Json, text: str) -> dict[str, Json]:
    if kind != "tool_use":
        return {"type": kind, "text": text}
    try:
        return {"type": kind, "input": json.loads(text)}
    except (ValueError, RecursionError):
        # The check of the answer will report that this text is no JSON.
        return {"type": "text", "text": text}


def _is_whole(text: str) -> bool:
    """Tell whether a text is one complete JSON object or list."""
    text = text.strip()
    if not text or text[0] + text[-1] not in ("{}", "[]"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
