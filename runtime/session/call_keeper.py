"""The calls of a run without a journal, kept in memory up to a bound."""

from __future__ import annotations

from collections.abc import Mapping

from ..costs.prices import Prices
from ..engine.decisions import Call
from ..engine.frames import Frame
from ..engine.scopes import ReadAnswer
from ..replay.asked_calls import AskedCalls
from ..replay.call_book import KINDS, MOST_CALLS, MOST_TEXT, TOO_MUCH, CallBook, CallEvent, text_in
from ..vocabulary import events as e
from ..vocabulary.call_record import CallRecord
from ..vocabulary.errors import UsageError
from ..vocabulary.partial_listener import PartialListener


class CallKeeper(PartialListener, AskedCalls):
    """A keeper of the calls of a run: of those that the engine asks for, and of the events of their requests.

    Prompts and answers are references to texts that the run has anyway. The keeper lets go of all of them at
    ``MOST_CALLS`` calls or ``MOST_TEXT`` characters.
    """

    def __init__(self) -> None:
        super().__init__()
        self._events: list[CallEvent] = []
        self._text = 0
        self._full = False

    def hears(self, kind: type) -> bool:
        return kind in KINDS

    def __call__(self, event: e.Event) -> None:
        if self._full:
            return
        self._text += text_in(event)
        self._events.append(event)  # type: ignore[arg-type]  # it hears only these
        if self._text > MOST_TEXT:
            self._drop()

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        if not self._full:
            super().asked(call, frame, read)
            if len(self.by_place) > MOST_CALLS:
                self._drop()

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return the calls in the order in which the flow asked for them.

        Raises: UsageError, if the run had more calls or text than are kept.
        """
        if self._full:
            raise UsageError(TOO_MUCH)
        book = CallBook(prices, self.by_place)
        for event in self._events:
            book.take(event)
        return tuple(book.record(place, votes) for place in book.places())

    def _drop(self) -> None:
        self._full = True
        self._events.clear()
        self.by_place.clear()
