"""The calls of a worker's requests and their answers as JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Protocol

from ..engine.body_json import value_json, value_of
from ..vocabulary import events as e
from ..vocabulary.call import Answer, Message, Request
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.errors import AnswerError
from ..vocabulary.image import Image
from ..vocabulary.json_value import Json
from ..vocabulary.sent_call import SentCall, ValuedAnswer

_IMAGE = tuple(one.name for one in fields(Image))
_SETTINGS = ("schema", "temperature", "max_tokens", "seed", "timeout", "stream")


class CallFacts(Protocol):
    """The facts about calls that only the process knows that asks them."""

    def around(self, place: str) -> tuple[tuple[str, ...], str] | None:
        """Return the labels and the vote of a call, None if they are not known."""

    def valued(self, call: e.CarriedCall, answer: Answer) -> ValuedAnswer | None:
        """Return an answer to a call with its value, None if the call is not known."""


def calls_json(calls: Iterable[e.CarriedCall], facts: CallFacts | None, *, images: bool) -> list[Json]:
    """Return the calls of one request as JSON. A request that equals that of the first call is written once.

    With ``images``, the bytes of images are there, too.
    """
    found: list[Json] = []
    first: Request | None = None
    for call in calls:
        request = call.request
        form = None if first is not None and request == first else _request_json(request, images=images)
        first = first or request
        around = None if facts is None else facts.around(call.place)
        row: list[Json] = [call.path, call.place, call.model, form]
        found.append(row if around is None else [*row, list(around[0]), around[1]])
    return found


def calls_of(found: Iterable[Any]) -> tuple[SentCall, ...]:
    calls: list[SentCall] = []
    for form in found:
        calls.append(call_of(form, calls[0].request if calls else None))
    return tuple(calls)


def call_of(found: Any, first: Request | None = None) -> SentCall:
    """Make a call. ``first`` is the request of the first call that goes with it."""
    path, place, model, form, *around = found
    request = first if form is None else _request_of(form)
    if request is None:
        raise ValueError("a call has no request")
    return SentCall(path, place, model, request, *_around(*around))


def _around(labels: Any = None, vote: str = "") -> tuple[tuple[str, ...] | None, str]:
    return None if labels is None else tuple(map(str, labels)), str(vote)


def answers_json(calls: Sequence[e.CarriedCall], answers: Iterable[Answer], facts: CallFacts | None) -> list[Json]:
    """Return the answers to the calls of one request, in their order, as JSON."""
    return [answer_json(one, calls[at] if at < len(calls) else None, facts) for at, one in enumerate(answers)]


def answer_json(answer: Answer, call: e.CarriedCall | None, facts: CallFacts | None) -> list[Json]:
    form: list[Json] = [
        answer.text,
        answer.finish,
        answer.said,
        answer.final,
        None if answer.more is None else dict(answer.more),
    ]
    known = None if facts is None or call is None else facts.valued(call, answer)
    if known is None:
        return form
    same = not known.fault and type(known.value) is str and known.value == answer.text
    return [*form, known.fault] if same or known.fault else [*form, "", value_json(known.value)]


def answer_of(found: Any) -> Answer:
    text, finish, said, final, more, *known = found
    if not known:
        return Answer(text, finish, said, final, more)
    fault, *value = known
    read = None if fault else value_of(value[0]) if value else text
    return ValuedAnswer(text, finish, said, final, more, read, str(fault))


def outcome_json(outcome: Answer | AnswerError, call: e.CarriedCall | None, facts: CallFacts | None) -> Json:
    """Return an answer of the journal, or its error, as JSON."""
    if isinstance(outcome, AnswerError):
        return {"error": error_json(outcome)}
    return {"answer": answer_json(outcome, call, facts)}


def outcome_of(found: Any) -> Answer | AnswerError:
    if "error" not in found:
        return answer_of(found["answer"])
    error = error_of(found["error"])
    if not isinstance(error, AnswerError):
        raise TypeError("an answer has another error")
    return error


def _image_json(image: Image) -> Json:
    return [getattr(image, name) for name in _IMAGE]


def _request_json(request: Request, *, images: bool) -> Json:
    def seen(image: Image) -> Image:
        return image if images or not image.data else replace(image, data="")

    return {
        "messages": [
            [one.role, one.text, [_image_json(seen(image)) for image in one.images], list(one.heads), list(one.cuts)]
            for one in request.messages
        ],
        "choices": list(request.choices),
        "schema": None if request.schema is None else dict(request.schema),
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
        "timeout": request.timeout,
        "stream": request.stream,
        "options": dict(request.options),
    }


def _request_of(found: Any) -> Request:
    messages = tuple(
        Message(role, text, tuple(Image(*one) for one in images), tuple(heads), tuple(cuts))
        for role, text, images, heads, cuts in found["messages"]
    )
    options = {"options": found["options"]} if found["options"] else {}
    return Request(messages, tuple(found["choices"]), **{name: found[name] for name in _SETTINGS}, **options)
