"""The calls of a run without a journal, kept in memory up to a bound."""

from __future__ import annotations

from collections.abc import Mapping

from ..costs.prices import Prices
from ..engine.decisions import Call, Failure
from ..engine.frames import Frame
from ..engine.scopes import ReadAnswer, Watcher
from ..replay.around import surroundings_of
from ..replay.call_book import KINDS, MOST_CALLS, MOST_TEXT, AskedCall, CallBook, CallEvent, text_in
from ..vocabulary import events as e
from ..vocabulary.call_record import CallRecord
from ..vocabulary.errors import UsageError
from ..vocabulary.partial_listener import PartialListener


class CallKeeper(PartialListener, Watcher):
    """A keeper of the calls of a run: of those that the engine asks for, and of the events of their requests.

    Prompts and answers are references to texts that the run has anyway. The keeper lets go of all of them at
    ``MOST_CALLS`` calls or ``MOST_TEXT`` characters.
    """

    def __init__(self) -> None:
        self._asked: dict[str, AskedCall] = {}
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
        if self._full:
            return
        known = self._asked.get(call.place)
        if known is None:
            labels, vote = surroundings_of(frame)
            self._asked[call.place] = AskedCall(call, call.request, labels, vote, read)
            if len(self._asked) > MOST_CALLS:
                self._drop()
        else:
            known.call = call

    def heard(self, call: Call, value: object) -> None:
        if (known := self._asked.get(call.place)) is not None and not isinstance(value, Exception):
            known.end = "answered"

    def failed(self, call: Call, failure: Failure) -> None:
        if (known := self._asked.get(call.place)) is not None:
            known.end, known.reason = "failed", failure.reason

    def cancelled(self, call: Call) -> None:
        if (known := self._asked.get(call.place)) is not None:
            known.end = "cancelled"

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return the calls in the order in which the flow asked for them.

        Raises: UsageError, if the run had more calls or text than are kept.
        """
        if self._full:
            raise UsageError(
                f"the run had more than {MOST_CALLS:,} calls or {MOST_TEXT // 2**20} MiB of text, so its calls were "
                "not kept in memory: give the run a journal, as in RunOptions(journal='run.db')"
            )
        book = CallBook(prices, self._asked)
        for event in self._events:
            book.take(event)
        return tuple(book.calls[place].record(votes) for place in self._asked)

    def _drop(self) -> None:
        self._full = True
        self._events.clear()
        self._asked.clear()
