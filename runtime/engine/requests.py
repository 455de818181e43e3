"""Make the request of an ask, and the value of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flowrun.dsl import Extents, types
from flowrun.dsl import plan as p

from ..values.prompts import render
from ..vocabulary.account import Ceiling
from ..vocabulary.call import Answer, Message, Request
from ..vocabulary.errors import AnswerError, InputError
from ..vocabulary.tokens import ceiling
from ..vocabulary.usage import Price, Usage
from .answers import read_answer
from .decisions import Call
from .keys import schema_text
from .scopes import Scope

Json = Any
_AROUND = 32
"""More tokens than a message takes beside its text, or a schema beside its JSON."""
_MUCH = 4096
"""More tokens than a provider puts around a message, or around the form of the answer."""
_LONGEST = 10_000_000
"""More tokens than any answer has; the limit where the flow sets none."""
_DEEPEST = 40
"""The most levels of an answer's type, so that its reader stays well within Python's stack."""
TIMEOUT = 600.0
"""Seconds for one attempt, where the flow sets none."""


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


def request_of(ask: p.Ask, settings: Mapping[str, Json], scope: Scope, sample: int | None) -> Request:
    answer = ask.answer
    seed = settings.get("seed")
    if seed is not None and sample is not None:
        # One seed for all would make every sample the same answer.
        seed += sample
    return Request(
        tuple(Message(message.role, render(message.template, scope.value)) for message in ask.messages),
        choices=answer.options if isinstance(answer, types.Choice) else (),
        schema=None if answer == types.TEXT or isinstance(answer, types.Choice) else _schema(answer),
        temperature=settings.get("temperature"),
        max_tokens=settings.get("max_tokens"),
        seed=seed,
        timeout=float(settings.get("timeout", TIMEOUT)),
        stream=bool(settings.get("stream", False)),
    )


@lru_cache(maxsize=512)
def _schema(type_: types.Type) -> Mapping[str, Any]:
    """Make the schema of a type. All calls share the same object, so the work on a schema is done once.

    Raises InputError if the type is nested too deep for its answers to be read.
    """
    if (levels := Extents().levels(type_)) > _DEEPEST:
        raise InputError(
            f"an answer is nested {_DEEPEST} levels deep at most, and this type has {levels}: ask for less"
        )
    return types.json_schema(type_)


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


_SAID = {
    "filtered": "the provider's filter held the answer back",
    "unterminated": "the answer has no end: the server stopped in the midst of it",
    "length": "the answer was cut off at its greatest length: allow more with `max_tokens`",
    "other": "the answer did not come to a good end",
}


def value_of(ask: p.Ask, answer: Answer, request: Request) -> Json:
    if answer.finish != "stop":
        # At temperature 0, and with a seed, the same answer comes again; so does an answer that a filter holds back.
        same = answer.finish == "length" and (request.temperature == 0 or request.seed is not None)
        final = answer.final or answer.finish == "filtered" or same
        raise AnswerError(answer.said or _SAID[answer.finish], text=answer.text, final=final)
    return read_answer(answer.text, ask.answer)
