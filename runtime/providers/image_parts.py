"""The parts of a message with images, in the form of each API. Texts and images keep their order.

Chat Completions: platform.openai.com/docs/api-reference/chat/create (``image_url`` with a data URL). Messages:
platform.claude.com/docs/en/build-with-claude/vision (a base64 ``source``). generateContent:
ai.google.dev/gemini-api/docs/image-understanding (``inlineData``). Converse:
docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html (a ``format`` and ``bytes`` in base64).
"""

from __future__ import annotations

from typing import Any

from ..vocabulary.call import Message
from ..vocabulary.image import Image
from .breakpoints import CACHE_POINT, EPHEMERAL
from .images import limits_for, payload


def chat_parts(message: Message) -> list[dict[str, Any]]:
    limits = limits_for(message, "openai")
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        else:
            kind, data = payload(part, limits)
            # In detail: the tokens of an image are counted so, and a small image costs no more.
            url = {"url": f"data:{kind};base64,{data}", "detail": "high"}
            parts.append({"type": "image_url", "image_url": url})
    return parts


def messages_blocks(message: Message) -> list[dict[str, Any]]:
    limits = limits_for(message, "anthropic")
    blocks: list[dict[str, Any]] = []
    for part, cut in cut_parts(message):
        if isinstance(part, str):
            blocks.append({"type": "text", "text": part})
        else:
            kind, data = payload(part, limits)
            blocks.append({"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}})
        if cut:
            blocks[-1]["cache_control"] = EPHEMERAL
    return blocks


def inline_parts(message: Message) -> list[dict[str, Any]]:
    limits = limits_for(message, "gemini")
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"text": part})
        else:
            kind, data = payload(part, limits)
            parts.append({"inlineData": {"mimeType": kind, "data": data}})
    return parts


def converse_blocks(message: Message) -> list[dict[str, Any]]:
    limits = limits_for(message, "bedrock")
    blocks: list[dict[str, Any]] = []
    for part, cut in cut_parts(message):
        if isinstance(part, str):
            blocks.append({"text": part})
        else:
            kind, data = payload(part, limits)
            blocks.append({"image": {"format": kind.removeprefix("image/"), "source": {"bytes": data}}})
        if cut:
            blocks.append(CACHE_POINT)
    return blocks


def cut_parts(message: Message) -> list[tuple[str | Image, bool]]:
    """Divide a message at its images and its cuts. Each part tells whether it ends at a cut.

    A server refuses a part of blanks. Behind a text it belongs to it, and elsewhere it is left out.
    """
    parts: list[tuple[str | Image, bool]] = []
    at = 0
    for part in message.parts:
        end = at + len(part) if isinstance(part, str) else part.until
        inside = [cut for cut in message.cuts if at < cut < end] if isinstance(part, str) else []
        for until in (*inside, end):
            one = message.text[at:until] if isinstance(part, str) else part
            cut, at = until in message.cuts, until
            if not isinstance(one, str) or one.strip():
                parts.append((one, cut))
            elif parts:
                before, was_cut = parts[-1]
                parts[-1] = (before + one, cut) if isinstance(before, str) else (before, was_cut or cut)
    return parts
