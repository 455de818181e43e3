"""The most that a request can take, and the counts of tokens that may be believed."""

from __future__ import annotations

import json

from ..vocabulary.account import Ceiling
from ..vocabulary.call import Request, schema_text
from ..vocabulary.tokens import ceiling
from ..vocabulary.usage import Price, Usage
from .decisions import Call

_AROUND = 32
"""More tokens than a message takes beside its text, or a schema beside its JSON."""
_MUCH = 4096
"""More tokens than a provider puts around a message, or around the form of the answer."""
_LONGEST = 10_000_000
"""More tokens than any answer has; the limit where the flow sets none."""


def ceiling_of(request: Request) -> Ceiling:
    """Work out the most tokens that a request can take: for its messages, the form of the answer, and the answer."""
    texts = [message.text for message in request.messages]
    form = _form_of(request)
    return Ceiling(
        ceiling("".join(texts)) + ceiling(form) + _AROUND * (len(texts) + bool(form)),
        request.max_tokens,
    )


def worst_of(call: Call, price: Price | None) -> float:
    """Work out the most dollars that a call can cost. A call that counts in a budget in money has a known price."""
    if call.ceiling is None:
        call.ceiling = ceiling_of(call.request)
    return call.ceiling.cost(price) or 0.0


def rough_ceiling_of(request: Request) -> Ceiling:
    """Work out the same as ``ceiling_of`` from the length of the texts alone: never lower, and quicker."""
    texts = [message.text for message in request.messages]
    form = _form_of(request)
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) + len(form)
    return Ceiling(size + _AROUND * (len(texts) + bool(form)), request.max_tokens)


def _form_of(request: Request) -> str:
    if request.schema is not None:
        return schema_text(request.schema)
    return json.dumps(request.choices) if request.choices else ""


def believable(usage: Usage, request: Request, samples: int) -> Usage:
    """Return the usage without the counts that such a request cannot have: those below zero or too high become None.

    No token is shorter than a byte, a character is at most four bytes, and no answer is longer than its limit.
    """
    read, written = usage.input_tokens, usage.output_tokens
    most = 4 * sum(len(message.text) for message in request.messages) + _MUCH * (len(request.messages) + 1)
    if read is not None and read > most:
        most += 4 * len(str(request.schema or request.choices))
    longest = samples * (request.max_tokens or _LONGEST)
    if (read is None or 0 <= read <= most) and (written is None or 0 <= written <= longest):
        return usage
    return Usage(
        read if read is not None and 0 <= read <= most else None,
        written if written is not None and 0 <= written <= longest else None,
    )
