"""The places in a prompt up to which a server shall keep it, in the form of each API.

Anthropic takes up to four breakpoints (platform.claude.com/docs/en/build-with-claude/prompt-caching), Bedrock as many
cache points (docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html). OpenAI keeps prompts by itself, and
takes a key by which it finds them (platform.openai.com/docs/guides/prompt-caching). The text that the model reads stays
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from flowrun.dsl import pattern

from ..vocabulary.call import Message

_LEAST = (
    (("opus-5", "fable-5", "mythos-5"), 512),
    (("haiku-4", "opus-4-5", "opus-4-6", "opus-4-7"), 4096),
    (("sonnet-4-6", "haiku-3", "3-haiku", "3-5-haiku"), 2048),
    (("sonnet", "opus-4", "3-opus", "nova"), 1024),
)
"""The fewest tokens of a head that a server keeps, by parts of models' names; the first row that fits counts."""
_UNKNOWN = 4096
_WITH_POINTS = pattern(r"nova-|claude-(?:3-7|3-5-haiku|(?:opus|sonnet|haiku|fable|mythos)-\d)")
EPHEMERAL = {"type": "ephemeral"}
CACHE_POINT = {"cachePoint": {"type": "default"}}


def least_kept(name: str) -> int:
    """Return the fewest tokens of a head that the server of a model of Anthropic or of Amazon keeps."""
    return next((least for parts, least in _LEAST if any(part in name for part in parts)), _UNKNOWN)


def kept_at_bedrock(name: str) -> int | None:
    """Return the same for a model at Bedrock; None if it takes no cache point ("Prompt caching", supported models)."""
    return least_kept(name) if _WITH_POINTS.search(name) else None


def without_cuts(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return messages that ask the server to keep nothing."""
    return tuple([replace(message, cuts=()) if message.cuts else message for message in messages])


def cut_blocks(message: Message) -> list[dict[str, Any]]:
    """Write the content of a message for Anthropic's Messages, with its breakpoints."""
    return [
        {"type": "text", "text": text, **({"cache_control": EPHEMERAL} if cut else {})}
        for text, cut in _blocks(message.text, message.cuts)
    ]


def system_blocks(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Write the words of the system for Anthropic's Messages, with their breakpoints."""
    blocks: list[dict[str, Any]] = []
    for message in messages:
        own = cut_blocks(message)
        if blocks and own:
            own[0]["text"] = f"\n\n{own[0]['text']}"
        blocks += own
    return blocks


def converse_blocks(message: Message) -> list[dict[str, Any]]:
    """Write the content of a message, or the words of the system, for Bedrock's Converse, with its cache points."""
    found: list[dict[str, Any]] = []
    for text, cut in _blocks(message.text, message.cuts):
        found.append({"text": text})
        if cut:
            found.append(CACHE_POINT)
    return found


def cache_key(messages: Sequence[Message]) -> str:
    """Return the key under which OpenAI finds a prompt with the same head again; "" for a prompt without a head."""
    last = max([number for number, message in enumerate(messages) if message.cuts], default=-1)
    if last < 0:
        return ""
    digest = blake2b(digest_size=16)
    for number, message in enumerate(messages[: last + 1]):
        text = message.text if number < last else message.text[: message.cuts[-1]]
        digest.update(f"{message.role} {len(text)} {text}".encode("utf-8", "surrogatepass"))
    return f"flowrun-{digest.hexdigest()}"


def takes_cache_key(host: str) -> bool:
    """Tell whether a host is known to take ``prompt_cache_key``."""
    return host.endswith((".openai.com", ".openai.azure.com"))


def _blocks(text: str, cuts: Sequence[int]) -> list[tuple[str, bool]]:
    """Divide a text at its cuts. Each block tells whether it ends at a cut.

    A server refuses a block without words, so its blanks go to the block before it, which then ends at no cut.
    """
    blocks: list[tuple[str, bool]] = []
    at = 0
    for end in (*cuts, len(text)):
        block, cut = text[at:end], end in cuts
        at = end
        if not block:
            continue
        if (blocks and not block.strip()) or (blocks and not blocks[-1][0].strip()):
            blocks[-1] = blocks[-1][0] + block, cut
        else:
            blocks.append((block, cut))
    return blocks or [(text, False)]
