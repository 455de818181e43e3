"""The probabilities of an answer's tokens, in one form for all APIs.

The form is a list of ``[token, logprob, [[token, logprob], …]]``: the token of each place, and the likeliest tokens
there. A token is a text, or a list of its bytes if it is only a part of a character.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from ..vocabulary.json_value import Json


def chat_logprobs(logprobs: Any) -> Json:
    """Read the ``logprobs`` of a choice (platform.openai.com/docs/api-reference/chat/object). None if it has none."""
    places = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(places, list):
        return None
    rows = [(one, one.get("top_logprobs")) for one in places if isinstance(one, dict)]
    return [[*_pair(one, "logprob"), _pairs(top, "logprob")] for one, top in rows]


def generate_logprobs(result: Any) -> Json:
    """Read a ``LogprobsResult`` (ai.google.dev/api/generate-content). None if the candidate has none."""
    chosen = result.get("chosenCandidates") if isinstance(result, dict) else None
    if not isinstance(chosen, list):
        return None
    tops = result.get("topCandidates")
    found = [one.get("candidates") if isinstance(one, dict) else None for one in tops] if isinstance(tops, list) else []
    found += [None] * (len(chosen) - len(found))
    return [
        [*_pair(one, "logProbability"), _pairs(top, "logProbability")]
        for one, top in zip(chosen, found, strict=False)
        if isinstance(one, dict)
    ]


def _pairs(items: Any, name: str) -> list[list[Json]]:
    return [_pair(one, name) for one in items if isinstance(one, dict)] if isinstance(items, list) else []


def _pair(one: dict[str, Any], name: str) -> list[Json]:
    number = one.get(name)
    return [
        _written(one.get("token"), one.get("bytes")),
        number if isinstance(number, int | float) and isfinite(number) else None,
    ]


def _written(token: Any, parts: Any) -> Json:
    """Return a token by its bytes, which a server names because the text of a part of a character is not exact."""
    text = token.encode("utf-8", "replace").decode() if isinstance(token, str) else ""
    if not isinstance(parts, list) or not parts or not all(type(one) is int and 0 <= one < 256 for one in parts):
        return text
    try:
        return bytes(parts).decode()
    except UnicodeDecodeError:
        return parts
