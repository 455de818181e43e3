"""The events of a worker as JSON, and back. The driver publishes them as if they were its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args

from flowrun.dsl import dataclass

from ..account.sums import Figures, figures_in
from ..engine.body_json import tally_json, tally_of
from ..vocabulary import events as e
from ..vocabulary.call import Answer, Message, Request
from ..vocabulary.ceiling import Ceiling
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.errors import AnswerError
from ..vocabulary.image import Image
from ..vocabulary.json_value import Json
from ..vocabulary.receipt import Receipt
from ..vocabulary.request_events import Bill
from ..vocabulary.usage import TokenDetail, Usage
from ..vocabulary.waits import Cause

STRIDE = 1 << 40
"""The distance between the first numbers of two workers, so that their requests never have the same number."""
_CAUSES = {str(cause): cause for cause in Cause}
_KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(e.Event)}
_ENDS = frozenset({e.RequestFinished, e.RequestFailed, e.RequestCancelled, e.RequestRetried})
_LONG = frozenset({"carried", "call", "came", "answer"})
"""The fields with prompts and answers. They travel only if a listener reads them."""


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call that a worker's request carries, as the driver's listeners see it."""

    path: str
    place: str
    model: str
    request: Request

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.request.messages


def _usage_json(usage: Usage) -> Json:
    detail = usage.detail
    return [
        usage.input_tokens,
        usage.output_tokens,
        None if detail is None else [detail.cached, detail.stored, detail.reasoning, detail.images, detail.long_stored],
        usage.tier,
        usage.doubt,
        usage.whole,
    ]


def _usage_of(found: Any) -> Usage:
    read, written, detail, tier, doubt, whole = found
    return Usage(read, written, None if detail is None else TokenDetail(*detail), tier, doubt, whole)


def _answer_json(answer: Answer) -> Json:
    return [answer.text, answer.finish, answer.said, answer.final, None if answer.more is None else dict(answer.more)]


def _image_json(image: Image) -> Json:
    return [getattr(image, name) for name in _IMAGE]


_IMAGE = tuple(one.name for one in fields(Image))


def _request_json(request: Request) -> Json:
    return {
        "messages": [
            [one.role, one.text, [_image_json(image) for image in one.images], list(one.heads), list(one.cuts)]
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
    names = ("schema", "temperature", "max_tokens", "seed", "timeout", "stream")
    return Request(messages, tuple(found["choices"]), **{name: found[name] for name in names}, **options)


def _call_json(call: e.CarriedCall) -> Json:
    return [call.path, call.place, call.model, _request_json(call.request)]


def _call_of(found: Any) -> SentCall:
    path, place, model, request = found
    return SentCall(path, place, model, _request_of(request))


def _bill_json(bill: Bill) -> Json:
    receipt = bill.receipt
    return [_usage_json(bill.usage), None if receipt is None else [receipt.served, receipt.id, receipt.cost]]


def _bill_of(found: Any) -> Bill:
    return Bill(_usage_of(found[0]), None if found[1] is None else Receipt(*found[1]))


_Write = Callable[[Any], Json]
_Read = Callable[[Any], Any]
_FORMS: Mapping[str, tuple[_Write, _Read]] = {
    "each": (lambda one: [one.read, one.written, one.stores, one.tier], lambda found: Ceiling(*found)),
    "usage": (_usage_json, _usage_of),
    "bill": (_bill_json, _bill_of),
    "error": (error_json, error_of),
    "tally": (tally_json, tally_of),
    "used": (
        lambda used: {name: None if one is None else list(one) for name, one in used.items()},
        lambda found: {name: None if one is None else tuple(one) for name, one in found.items()},
    ),
    "waited": (
        lambda waited: {str(cause): one for cause, one in waited.items()},
        lambda found: {_CAUSES[cause]: one for cause, one in found.items()},
    ),
    "carried": (lambda calls: [_call_json(one) for one in calls], lambda found: tuple(map(_call_of, found))),
    "call": (_call_json, _call_of),
    "came": (lambda came: [_answer_json(one) for one in came], lambda found: tuple(Answer(*one) for one in found)),
    "answer": (
        lambda one: {"error": error_json(one)} if isinstance(one, AnswerError) else {"answer": _answer_json(one)},
        lambda found: error_of(found["error"]) if "error" in found else Answer(*found["answer"]),
    ),
}
"""The fields of events that are no plain JSON, by their names."""


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of one class of events.

    ``values`` gives the values of its fields, without the time, in their order. ``special`` are the places of those
    that are no plain JSON. ``number`` is the place of the number of a request, and ``beside`` that of the request
    beside it; -1 if there is none. ``ends`` says that the event comes after the beginning of its request.
    """

    kind: Any
    values: Callable[[Any], Any]
    special: tuple[tuple[int, str], ...]
    number: int
    beside: int
    ends: bool


def _form_of(kind: type) -> _Form:
    names = [one.name for one in fields(kind) if one.name != "at"]
    special = tuple((at, name) for at, name in enumerate(names) if name in _FORMS)
    number = names.index("number") if "number" in names else -1
    beside = names.index("beside") if "beside" in names else -1
    values = attrgetter(*names) if len(names) > 1 else lambda event: (getattr(event, names[0]),)
    return _Form(kind, values, special, number, beside, kind in _ENDS)


_OF_KIND = {name: _form_of(kind) for name, kind in _KINDS.items() if kind is not e.LimitsSet}


class EventWriter:
    """The writer of a worker's events. If ``whole`` is True, prompts and answers travel, too."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def row(self, event: e.Event) -> list[Json]:
        """Return an event as a row of JSON: the name of its class, its time, and its other fields."""
        name = type(event).__name__
        form = _OF_KIND[name]
        row: list[Json] = [*form.values(event)]
        for at, field in form.special:
            found = row[at]
            if field in _LONG and not self._whole:
                row[at] = None
            elif field == "carried" and form.ends:
                # The beginning of the request has told the calls themselves.
                row[at] = [one.place for one in found]
            elif found is not None:
                row[at] = _FORMS[field][0](found)
        return [name, event.at, *row]


class EventReader:
    """The reader of the events of the worker with this number. Its requests get numbers that no other worker has."""

    def __init__(self, worker: int) -> None:
        self._first = worker * STRIDE
        self._carried: dict[int, dict[str, SentCall]] = {}
        self.open: dict[int, e.RequestStarted] = {}
        """The requests under way, by number."""
        self.flying = 0
        """The calls under way of which only the number is known."""

    def event(self, row: list[Any]) -> e.Event:
        """Return the event of a row that ``EventWriter`` has written."""
        name, time, *given = row
        form = _OF_KIND[name]
        if form.number < 0 and not form.special:
            plain: e.Event = form.kind(*given, at=time)
            return plain
        if form.number >= 0:
            given[form.number] += self._first
            if form.beside >= 0 and given[form.beside]:
                given[form.beside] += self._first
        for at, field in form.special:
            found = given[at]
            if found is None:
                if field in ("carried", "came"):
                    given[at] = ()
            elif field == "carried" and form.ends:
                known = self._carried.get(given[form.number], {})
                given[at] = tuple(known[place] for place in found if place in known)
            else:
                given[at] = _FORMS[field][1](found)
        event: e.Event = form.kind(*given, at=time)
        if isinstance(event, e.RequestStarted):
            self.open[event.number] = event
            if event.carried:
                self._carried[event.number] = {one.place: one for one in event.carried}  # type: ignore[misc]
        elif form.ends:
            number = given[form.number]
            if self.open.pop(number, None) is None:
                self.flying -= getattr(event, "calls", 0)
            if self._carried and not isinstance(event, e.RequestRetried):
                self._carried.pop(number, None)
        return event

    @property
    def busy(self) -> bool:
        """True if a request is under way."""
        return bool(self.open) or self.flying > 0

    def figures(self, found: Any) -> Figures:
        """Return the sums of events that a worker's ``Fold`` has made."""
        figures = figures_in(found, self._first)
        self.flying += figures.count("flying")
        return figures

    def broken_off(self, at: float) -> list[e.RequestCancelled]:
        """Return the ends of the requests that were under way when the worker died. Their calls are in doubt."""
        ends = [
            e.RequestCancelled(one.number, one.path, one.calls, one.carried, open=True, at=at)
            for one in self.open.values()
        ]
        if self.flying > 0:
            ends.append(e.RequestCancelled(self._first, "", self.flying, open=True, at=at))
        self.flying = 0
        self.open.clear()
        self._carried.clear()
        return ends


def unheard_names(unheard: Iterable[type]) -> list[str]:
    """Return the names of the classes of events that nobody hears, for a worker."""
    return sorted(kind.__name__ for kind in unheard)


def kinds_named(names: Iterable[str]) -> frozenset[type]:
    """Return the classes of events with these names."""
    return frozenset(_KINDS[name] for name in names if name in _KINDS)
