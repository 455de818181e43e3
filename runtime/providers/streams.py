"""Answers that come as server-sent events (WHATWG HTML, "Server-sent events"), put together as if they came at once.

Each class below folds one provider's events into the object that the same provider sends without streaming, so that
whatever reads those reads these.
"""

from __future__ import annotations

import codecs
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

Json = Any


class Stream(ABC):
    """One streamed answer. ``hear`` is told how many characters have come; ``typed``: they are to be one JSON value.

    ``done``: the provider has said that this was all. ``enough``: so it is, though the provider goes on.
    ``problem`` is why the events cannot be read, "" where they can; ``error`` an event that tells of one.
    """

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        self.done = False
        self.enough = False
        self.problem = ""
        self.characters = 0
        self.error: Json = None
        self._hear = hear
        self._typed = typed
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> None:
        """Take bytes as they come, cut anywhere."""
        lines = (self._line + self._decoder.decode(chunk)).replace("\r\n", "\n").split("\n")
        # A line that ends in \r may go on with \n in the next chunk: it is left until then.
        self._line = lines.pop()
        before = self.characters
        for line in lines:
            if self.done or self.problem:
                return
            name, _, value = line.rstrip("\r").partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
            elif not line.rstrip("\r"):
                self._event()
        if self.characters != before:
            if self._typed and _is_whole(self.text()):
                self.enough = True
            if self._hear is not None:
                self._hear(self.characters)

    def _event(self) -> None:
        text, self._data = "\n".join(self._data), []
        if not text:
            return
        if text.strip() == "[DONE]":
            self.done = True
            return
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            self.problem = "an event of the answer is not JSON"
            return
        if isinstance(event, dict):
            if event.get("error"):
                self.error, self.done = event, True
            else:
                self.take(event)

    @abstractmethod
    def take(self, event: dict[str, Json]) -> None:
        """Fold one event."""

    @abstractmethod
    def text(self) -> str:
        """What has come of the first sample."""

    @abstractmethod
    def whole(self) -> dict[str, Json]:
        """What the provider would have sent at once, as far as it has come."""


class ChatStream(Stream):
    """Chunks of Chat Completions: ``choices[].delta``, and the usage at the end where it was asked for."""

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._choices: dict[int, dict[str, Json]] = {}
        self._usage: Json = None

    def take(self, event: dict[str, Json]) -> None:
        if isinstance(event.get("usage"), dict):
            self._usage = event["usage"]
        for choice in _dicts(event.get("choices")):
            index = choice.get("index")
            key = index if isinstance(index, int) else 0
            known = self._choices.setdefault(key, {"content": [], "refusal": [], "finish_reason": None})
            delta = choice.get("delta")
            for name in ("content", "refusal"):
                part = delta.get(name) if isinstance(delta, dict) else None
                if isinstance(part, str):
                    known[name].append(part)
                    self.characters += len(part)
            known["finish_reason"] = choice.get("finish_reason") or known["finish_reason"]

    def text(self) -> str:
        return "".join(self._choices[min(self._choices)]["content"]) if self._choices else ""

    def whole(self) -> dict[str, Json]:
        choices = [
            {
                "index": index,
                "message": {"content": "".join(one["content"]), "refusal": "".join(one["refusal"]) or None},
                "finish_reason": one["finish_reason"] or ("stop" if self.enough else None),
            }
            for index, one in sorted(self._choices.items())
        ]
        return {"choices": choices, "usage": self._usage}


class MessagesStream(Stream):
    """Events of Messages: blocks that begin, grow and stop, and the reason and the usage in ``message_delta``."""

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._blocks: dict[int, dict[str, Json]] = {}
        self._reason: Json = None
        self._usage: dict[str, Json] = {}

    def take(self, event: dict[str, Json]) -> None:
        match event:
            case {"type": "message_start", "message": {"usage": dict(usage)}}:
                self._usage |= usage
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                self._blocks[index] = {"type": block.get("type"), "parts": [str(block.get("text") or "")]}
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)} if index in self._blocks:
                part = delta.get("text", delta.get("partial_json"))
                if isinstance(part, str):
                    self._blocks[index]["parts"].append(part)
                    self.characters += len(part)
            case {"type": "message_delta", "delta": dict(delta)}:
                self._reason = delta.get("stop_reason") or self._reason
                if isinstance(event.get("usage"), dict):
                    self._usage |= event["usage"]
            case {"type": "message_stop"}:
                self.done = True

    def text(self) -> str:
        return "".join(part for block in self._blocks.values() if block["type"] == "text" for part in block["parts"])

    def whole(self) -> dict[str, Json]:
        content = [_block(block["type"], "".join(block["parts"])) for _, block in sorted(self._blocks.items())]
        reason = self._reason or ("end_turn" if self.enough else None)
        return {"content": content, "stop_reason": reason, "usage": self._usage}


class GenerateStream(Stream):
    """Events of streamGenerateContent: each is a response of its own, with the next parts of each candidate."""

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._candidates: dict[int, dict[str, Json]] = {}
        self._rest: dict[str, Json] = {}

    def take(self, event: dict[str, Json]) -> None:
        self._rest |= {name: event[name] for name in ("usageMetadata", "promptFeedback") if name in event}
        for candidate in _dicts(event.get("candidates")):
            index = candidate.get("index")
            known = self._candidates.setdefault(index if isinstance(index, int) else 0, {"parts": [], "reason": None})
            content = candidate.get("content")
            for part in _dicts(content.get("parts") if isinstance(content, dict) else None):
                known["parts"].append(part)
                self.characters += len(str(part.get("text") or ""))
            known["reason"] = candidate.get("finishReason") or known["reason"]

    def text(self) -> str:
        first = self._candidates[min(self._candidates)]["parts"] if self._candidates else []
        return "".join(str(part.get("text") or "") for part in first if not part.get("thought"))

    def whole(self) -> dict[str, Json]:
        candidates = [
            {
                "content": {"parts": one["parts"]},
                "finishReason": one["reason"] or ("STOP" if self.enough else None),
            }
            for _, one in sorted(self._candidates.items())
        ]
        return {"candidates": candidates, **self._rest}


def _dicts(items: Json) -> list[dict[str, Json]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _block(kind: Json, text: str) -> dict[str, Json]:
    if kind != "tool_use":
        return {"type": kind, "text": text}
    try:
        return {"type": kind, "input": json.loads(text)}
    except (ValueError, RecursionError):
        # What the answer's own check will say is no JSON.
        return {"type": "text", "text": text}


def _is_whole(text: str) -> bool:
    """Whether this is a JSON object or list to its end."""
    text = text.strip()
    if not text or text[0] + text[-1] not in ("{}", "[]"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
