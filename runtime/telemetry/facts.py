"""The facts that the events of requests tell, in the form of attributes."""

from __future__ import annotations

from typing import Any

from ..vocabulary import events as e
from ..vocabulary.receipt import NO_RECEIPT, Receipt
from ..vocabulary.usage import TokenDetail, Usage
from . import names
from .texts import answer_attributes, prompt_attributes, reason_of

Attributes = dict[str, Any]


def of_model(model: str) -> Attributes:
    """Return the attributes of a span and of a measure that tell the model."""
    return {
        names.OPERATION: names.CHAT,
        names.PROVIDER: names.provider_name(model),
        names.REQUEST_MODEL: names.model_name(model),
    }


def of_start(event: e.RequestStarted, *, texts: bool) -> Attributes:
    """Return the attributes of a request that is sent."""
    found = of_model(event.model) | {names.STEP_PATH: event.path, names.REQUEST_NUMBER: event.number}
    if event.calls != 1:
        found[names.REQUEST_CHOICES] = event.calls
    if not event.carried:
        return found
    request = event.carried[0].request
    for name, value in (
        (names.REQUEST_TEMPERATURE, request.temperature),
        (names.REQUEST_MAX_TOKENS, request.max_tokens),
        (names.REQUEST_SEED, request.seed),
        (names.REQUEST_STREAM, request.stream or None),
        (names.OUTPUT_TYPE, "json" if request.schema is not None else "text"),
    ):
        if value is not None:
            found[name] = value
    return found | prompt_attributes(event.carried[0].messages) if texts else found


def of_reply(event: e.RequestFinished, cost: float | None, *, texts: bool) -> Attributes:
    """Return the attributes of a reply that came."""
    receipt = receipt_of(event)
    found: Attributes = of_usage(usage_of(event))
    found[names.RESPONSE_MODEL] = receipt.served or names.model_name(event.model)
    if receipt.id:
        found[names.RESPONSE_ID] = receipt.id
    if cost is not None:
        found[names.COST] = cost
    if event.came:
        found[names.FINISH_REASONS] = [reason_of(one.finish) for one in event.came]
        if texts:
            found |= answer_attributes(event.came)
    return found


def of_usage(usage: Usage) -> Attributes:
    detail = usage.detail or TokenDetail()
    counts = {
        names.INPUT_TOKENS: usage.input_tokens,
        names.OUTPUT_TOKENS: usage.output_tokens,
        names.CACHED_TOKENS: detail.cached,
        names.STORED_TOKENS: detail.stored,
        names.REASONING_TOKENS: detail.reasoning,
    }
    return {name: count for name, count in counts.items() if count is not None}


def usage_of(event: e.RequestFinished) -> Usage:
    return Usage(event.input_tokens, event.output_tokens) if event.bill is None else event.bill.usage


def receipt_of(event: e.RequestFinished) -> Receipt:
    return (event.bill and event.bill.receipt) or NO_RECEIPT


def error_type(error: object, otherwise: str) -> str:
    """Return the class of an error: its HTTP status, or else its type. ``otherwise`` stands for no error."""
    if error is None:
        return otherwise
    status = getattr(error, "status", None)
    return str(status) if status else type(error).__name__
