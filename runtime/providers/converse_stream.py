"""The reader of a streamed answer of Bedrock's ConverseStream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..vocabulary.json_value import Json
from .amazon_frames import FrameReader
from .content import read_parts
from .streams import Stream


class ConverseStream(Stream):
    """A stream of ConverseStream: blocks that begin and grow, the reason of the end, and at last the usage."""

    media = "application/vnd.amazon.eventstream"

    def __init__(self, hear: Callable[[int], None] | None = None, *, typed: bool = False) -> None:
        super().__init__(hear, typed=typed)
        self._reader = FrameReader()
        self._blocks: dict[int, _Block] = {}
        self._reason: Json = None
        self._usage: Json = None
        self._tier: Json = None

    def take(self, event: dict[str, Json]) -> None:
        match event:
            case {"messageStart": _}:
                self._hear(0)  # the server has read the prompt, even if the model thinks for a while
            case {"contentBlockStart": {"contentBlockIndex": int(index), "start": {"toolUse": dict(tool)}}}:
                self._block(index).tool = str(tool.get("name") or "tool")
            case {"contentBlockDelta": {"contentBlockIndex": int(index), "delta": dict(delta)}}:
                self._take_delta(self._block(index), delta)
            case {"messageStop": dict(stop)}:
                self._reason = stop.get("stopReason") or self._reason
            case {"metadata": dict(metadata)}:
                self._usage, self._tier = metadata.get("usage"), metadata.get("serviceTier")
                self.done = True

    def _block(self, index: int) -> _Block:
        return self._blocks.setdefault(index, _Block())

    def _take_delta(self, block: _Block, delta: dict[str, Json]) -> None:
        match delta:
            case {"text": str(text)}:
                block.parts.append(text)
                self._grow(text)
            case {"toolUse": {"input": str(text)}}:
                block.tool = block.tool or "tool"
                block.parts.append(text)
                self._grow(text)
            case {"reasoningContent": {"text": str(text)}}:
                block.reasoning = True
                block.parts.append(text)

    def text(self) -> str:
        return read_parts([{"text": "".join(one.parts)} for one in self._blocks.values() if not one.reasoning]).text

    def whole(self) -> dict[str, Json]:
        reason = self._reason or ("end_turn" if self.enough else None)
        content = [block.whole() for _, block in sorted(self._blocks.items())]
        message = {"message": {"content": content}}
        return {"output": message, "stopReason": reason, "usage": self._usage, "serviceTier": self._tier}


class _Block:
    """A block of the answer that grows. ``tool`` is the name of the tool that it calls, "" for none."""

    __slots__ = ("parts", "reasoning", "tool")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.reasoning = False
        self.tool = ""

    def whole(self) -> dict[str, Any]:
        text = "".join(self.parts)
        if self.reasoning:
            return {"reasoningContent": {"reasoningText": {"text": text}}}
        if not self.tool:
            return {"text": text}
        try:
            return {"toolUse": {"name": self.tool, "input": json.loads(text)}}
        except (ValueError, RecursionError):
            # The check of the answer will report that this text is no JSON.
            return {"text": text}
