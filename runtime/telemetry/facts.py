"""The facts that the events of requests tell, in the form of attributes."""

from __future__ import annotations

from typing import Any

from ..providers.addresses import split
from ..vocabulary import events as e
from ..vocabulary.receipt import NO_RECEIPT, Receipt
from ..vocabulary.usage import TokenDetail, Usage
from . import names
from .texts import answer_attributes, prompt_attributes, reason_of

Attributes = dict[str, Any]
NO_PLACE: Attributes = {}


def of_model(model: str) -> Attributes:
    """Return the attributes of a span and of a measure that tell the model."""
    return {
        names.OPERATION: names.CHAT,
        names.PROVIDER: names.provider_name(model),
        names.REQUEST_MODEL: names.model_name(model),
    }


def of_place(url: str) -> Attributes:
    """Return the attributes that tell the server at a base URL; none if the text is not one."""
    parts = split(url)
    if parts is None or not parts.hostname:
        return {}
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return {names.SERVER: parts.hostname} | ({} if port is None else {names.SERVER_PORT: port})


def of_start(event: e.RequestStarted, *, texts: bool) -> Attributes:
    """Return the attributes of a request that is sent."""
    found = of_model(event.model) | {names.STEP_PATH: event.path, names.REQUEST_NUMBER: event.number}
    if event.calls != 1:
        found[names.REQUEST_CHOICES] = event.calls
    if event.beside:
        found[names.REQUEST_BESIDE] = event.beside
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
    for option, name in names.REQUEST_OPTIONS.items() if request.options else ():
        if (value := request.options.get(option)) is not None:
            found[name] = f"tokens({value['tokens']})" if isinstance(value, dict) else value
    return found | prompt_attributes(event.carried[0].messages) if texts else found


def of_reply(event: e.RequestFinished, *, texts: bool) -> Attributes:
    """Return the attributes of a reply that came, without its bill."""
    receipt = receipt_of(event)
    found: Attributes = {names.RESPONSE_MODEL: receipt.served or names.model_name(event.model)}
    if receipt.id:
        found[names.RESPONSE_ID] = receipt.id
    if event.came:
        found[names.FINISH_REASONS] = [reason_of(one.finish) for one in event.came]
        if texts:
            found |= answer_attributes(event.came)
    return found


def of_bill(usage: Usage, cost: float | None) -> Attributes:
    """Return the tokens and the dollars of an attempt, as far as they are known."""
    detail = usage.detail or TokenDetail()
    counts = {
        names.INPUT_TOKENS: usage.input_tokens,
        names.OUTPUT_TOKENS: usage.output_tokens,
        names.CACHED_TOKENS: detail.cached,
        names.STORED_TOKENS: detail.stored,
        names.REASONING_TOKENS: detail.reasoning,
    }
    found: Attributes = {name: count for name, count in counts.items() if count is not None}
    return found if cost is None else found | {names.COST: cost}


def usage_of(event: e.RequestFinished) -> Usage:
    return event.usage


def receipt_of(event: e.RequestFinished) -> Receipt:
    return (event.bill and event.bill.receipt) or NO_RECEIPT


def error_type(error: object, otherwise: str) -> str:
    """Return the class of an error: its HTTP status, or else its type. ``otherwise`` stands for no error."""
    if error is None:
        return otherwise
    status = getattr(error, "status", None)
    return str(status) if status else type(error).__name__
