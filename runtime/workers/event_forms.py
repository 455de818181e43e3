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
from ..vocabulary.ceiling import Ceiling
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.json_value import Json
from ..vocabulary.receipt import Receipt
from ..vocabulary.request_events import Bill
from ..vocabulary.sent_call import SentCall
from ..vocabulary.usage import TokenDetail, Usage
from ..vocabulary.waits import Cause
from .call_forms import answer_of, answers_json, call_of, calls_json, calls_of, outcome_json, outcome_of
from .shown_calls import ShownCalls

STRIDE = 1 << 40
"""The distance between the first numbers of two workers, so that their requests never have the same number."""
_CAUSES = {str(cause): cause for cause in Cause}
_KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(e.Event)}
_ENDS = frozenset({e.RequestFinished, e.RequestFailed, e.RequestCancelled, e.RequestRetried})


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
}
"""The fields of events that are no plain JSON, by their names, beside those with prompts and answers."""
_LONG: Mapping[str, _Read] = {
    "carried": calls_of,
    "call": call_of,
    "came": lambda found: tuple(map(answer_of, found)),
    "answer": outcome_of,
}
"""The fields with prompts and answers. They travel only if a listener reads them."""


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
    special = tuple((at, name) for at, name in enumerate(names) if name in _FORMS or name in _LONG)
    number = names.index("number") if "number" in names else -1
    beside = names.index("beside") if "beside" in names else -1
    values = attrgetter(*names) if len(names) > 1 else lambda event: (getattr(event, names[0]),)
    return _Form(kind, values, special, number, beside, kind in _ENDS)


_OF_KIND = {name: _form_of(kind) for name, kind in _KINDS.items() if kind is not e.LimitsSet}


class EventWriter:
    """The writer of a worker's events. If ``whole`` is True, prompts and answers travel, too.

    With ``shown``, those of its calls travel in any case, and the facts about them.
    """

    def __init__(self, *, whole: bool, shown: ShownCalls | None = None) -> None:
        self._whole = whole
        self._shown = shown

    def row(self, event: e.Event) -> list[Json]:
        """Return an event as a row of JSON: the name of its class, its time, and its other fields."""
        name = type(event).__name__
        form = _OF_KIND[name]
        row: list[Json] = [*form.values(event)]
        facts = self._shown if self._shown is not None and self._shown.whole(event) else None
        for at, field in form.special:
            found = row[at]
            if field in _LONG:
                row[at] = None if found is None or not (self._whole or facts) else self._long(event, field, facts)
            elif found is not None:
                row[at] = _FORMS[field][0](found)
        return [name, event.at, *row]

    def _long(self, event: Any, field: str, facts: ShownCalls | None) -> Json:
        """Return a field with prompts or answers as JSON."""
        match field:
            case "carried" if type(event) in _ENDS:
                # The beginning of the request has told the calls themselves.
                return [one.place for one in event.carried]
            case "carried":
                return calls_json(event.carried, facts, images=self._whole)
            case "came":
                return answers_json(event.carried, event.came, facts)
            case "answer":
                return outcome_json(event.answer, event.call, facts)
        return calls_json([event.call], facts, images=self._whole)[0]


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
                given[at] = _LONG[field](found) if field in _LONG else _FORMS[field][1](found)
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
