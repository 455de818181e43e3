"""The most tokens that a request can take, and the reported counts of tokens that are possible."""

from __future__ import annotations

import json
from dataclasses import replace

from ..vocabulary.account import Ceiling
from ..vocabulary.call import Request, schema_text
from ..vocabulary.image_tokens import tokens_of
from ..vocabulary.tariff import BATCH_TIER, TIERS, Stores
from ..vocabulary.tokens import ceiling
from ..vocabulary.usage import Price, TokenDetail, Usage
from .decisions import Call

_AROUND = 32
"""A message takes fewer tokens than this beside its text, and a schema fewer beside its JSON."""
_MUCH = 4096
"""A provider puts fewer tokens than this around a message, and around the schema or choices of the answer."""
_SHORTEST_KEPT = 128
"""No server keeps a head of fewer characters: it would have fewer than 512 tokens, which are bytes at least."""
_LONGEST = 10_000_000
"""The limit of an answer's tokens if the flow sets none. No answer has so many."""


def ceiling_of(request: Request, model: str = "") -> Ceiling:
    """Work out the most tokens that a request can take: for its messages, its schema or choices, and its answer."""
    texts = [message.text for message in request.messages]
    form = _form_of(request)
    return Ceiling(
        _of_images(request, model) + ceiling("".join(texts)) + ceiling(form) + _AROUND * (len(texts) + bool(form)),
        request.max_tokens,
        *_terms(request),
    )


def _terms(request: Request) -> tuple[Stores, str]:
    """Return what sets the price of a request: whether it may write to a cache, and the service tier it asks for.

    A request whose messages name a common head may write this head to the provider's cache, if it is long enough.
    """
    head = 0
    for message in request.messages:
        if message.heads:
            head += message.heads[-1] + _SHORTEST_KEPT * len(message.images)
    stores: Stores = "short" if head >= _SHORTEST_KEPT else ""
    tier = request.options.get("service_tier", "") if request.options else ""
    return stores, tier if isinstance(tier, str) and tier in TIERS else ""


def worst_of(call: Call, price: Price | None) -> float:
    """Work out the most dollars that a call can cost. Return 0 if the price is unknown.

    A budget in money refuses a call without a known price before this is asked.
    """
    if call.ceiling is None:
        call.ceiling = ceiling_of(call.request, call.model)
        if call.policy.batch:
            call.ceiling = replace(call.ceiling, tier=BATCH_TIER)
    return call.ceiling.cost(price) or 0.0


def told_ceiling(call: Call) -> Ceiling:
    """Return the most tokens of a call, as events tell them. Without a budget in money a rough number will do."""
    if call.ceiling is not None:
        return call.ceiling
    rough = rough_ceiling_of(call.request)
    return replace(rough, tier=BATCH_TIER) if call.policy.batch else rough


def rough_ceiling_of(request: Request) -> Ceiling:
    """Estimate ``ceiling_of`` from the bytes of the texts alone. The result is never lower, and quicker to work out."""
    read = size_of(request) + _AROUND * len(request.messages)
    for message in request.messages:
        if message.images:
            read += _of_images(request, "")
            break
    if form := _form_of(request):
        read += len(form) + _AROUND
    return Ceiling(read, request.max_tokens, *_terms(request))


def _of_images(request: Request, model: str) -> int:
    """Return the most tokens of the images of a request."""
    for message in request.messages:
        if message.images:
            rule = tokens_of(model)
            return sum(rule(one.width, one.height) for message in request.messages for one in message.images)
    return 0


def size_of(request: Request) -> int:
    """Return the bytes of the messages' texts."""
    size = 0
    for message in request.messages:
        text = message.text
        size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return size


def _form_of(request: Request) -> str:
    if request.schema is not None:
        return schema_text(request.schema)
    return json.dumps(request.choices) if request.choices else ""


def usual(usage: Usage, request: Request) -> bool:
    """Tell whether counts without a detail are surely possible for one answer: a quick test, true for most replies."""
    read, written = usage.input_tokens, usage.output_tokens
    return (
        usage.detail is None
        and read is not None
        and written is not None
        and 0 <= read <= _MUCH
        and 0 <= written <= (request.max_tokens or _LONGEST)
    )


def believable(usage: Usage, request: Request, samples: int) -> Usage:
    """Return the usage, with None in place of a count that is impossible for this request: below zero or too high.

    A count of special tokens is too high if it is above the whole prompt or answer.
    No token is shorter than a byte, a character has at most four bytes, and no answer is longer than its limit.
    """
    read, written = usage.input_tokens, usage.output_tokens
    most = (
        _of_images(request, "")
        + 4 * sum([len(message.text) for message in request.messages])
        + _MUCH * (len(request.messages) + 1)
    )
    if read is not None and read > most:
        most += 4 * len(str(request.schema or request.choices))
    longest = samples * (request.max_tokens or _LONGEST)
    detail = usage.detail
    if (read is None or 0 <= read <= most) and (written is None or 0 <= written <= longest):
        if detail is None:
            return usage
    else:
        read = read if read is not None and 0 <= read <= most else None
        written = written if written is not None and 0 <= written <= longest else None
    doubt = usage.doubt
    if detail is not None:
        kept = _possible(detail, most if read is None else read, longest if written is None else written)
        if kept != detail:
            detail, doubt = kept, doubt or "more special tokens than there are in all"
    return replace(usage, input_tokens=read, output_tokens=written, detail=detail, doubt=doubt)


def _possible(detail: TokenDetail, read: float, written: float) -> TokenDetail:
    """Return the detail, with None in place of a count that is no count, or that has no room in its whole."""
    cached, reasoning = _count(detail.cached, read), _count(detail.reasoning, written)
    stored = _count(detail.stored, read - (cached or 0))
    images = _count(detail.images, read - (cached or 0) - (stored or 0))
    return TokenDetail(cached, stored, reasoning, images, _count(detail.long_stored, stored or 0))


def _count(tokens: int | None, most: float) -> int | None:
    return tokens if type(tokens) is int and 0 <= tokens <= most else None
