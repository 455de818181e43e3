"""From an ask to a request, and from what came back to a value."""

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
"""More tokens than a message takes beside its text, or a schema beside itself."""
_MUCH = 4096
"""More tokens than a provider puts around a message, or around the form of the answer."""
_LONGEST = 10_000_000
"""More tokens than an answer has, where nothing bounds it."""
_DEEPEST = 40
"""Levels of an answer's type, such that what reads it stays well inside of Python's stack."""
TIMEOUT = 600.0
"""Seconds for one attempt, where the flow does not say."""


def ceiling_of(request: Request) -> Ceiling:
    """The most that a request can take: its messages, the form of the answer however it is told, and the answer."""
    texts = [message.text for message in request.messages]
    form = _form_of(request)
    return Ceiling(
        ceiling("".join(texts)) + ceiling(form) + _AROUND * (len(texts) + bool(form)),
        request.max_tokens,
    )


def worst_of(call: Call, price: Price | None) -> float:
    """The most dollars that a call can cost, which are known where a budget in money holds it."""
    if call.ceiling is None:
        call.ceiling = ceiling_of(call.request)
    return call.ceiling.cost(price) or 0.0


def rough_ceiling_of(request: Request) -> Ceiling:
    """The same by the length of the texts alone: no lower, and sooner known."""
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
    """The schema of a type, the same object for all its calls: whoever looks at it does so once.

    Raises InputError where an answer of the type could not be read.
    """
    if (levels := Extents().levels(type_)) > _DEEPEST:
        raise InputError(
            f"an answer is nested {_DEEPEST} levels deep at most, and this type has {levels}: ask for less"
        )
    return types.json_schema(type_)


def believable(usage: Usage, request: Request, samples: int) -> Usage:
    """The usage as far as such a request can have it: a count beyond that, or below nothing, is as good as none.

    No token is shorter than a byte, a character is at most four of them, and no answer is longer than it may be.
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
        # The likeliest answer, and that of a seed, come again as they are; so does what a filter holds back.
        same = answer.finish == "length" and (request.temperature == 0 or request.seed is not None)
        final = answer.final or answer.finish == "filtered" or same
        raise AnswerError(answer.said or _SAID[answer.finish], text=answer.text, final=final)
    return read_answer(answer.text, ask.answer)
