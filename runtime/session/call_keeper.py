"""The calls of a run without a journal, kept in memory from its events up to a bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..account.call_book import KINDS, MOST_CALLS, MOST_TEXT, CallBook, CallEvent, text_in
from ..costs.prices import Prices
from ..vocabulary import events as e
from ..vocabulary.call_record import CallRecord
from ..vocabulary.errors import UsageError
from ..vocabulary.partial_listener import PartialListener


class CallKeeper(PartialListener):
    """A listener that keeps the events of calls. Prompts and answers are references to texts that the run has anyway.

    It lets go of all of them at ``MOST_CALLS`` calls or ``MOST_TEXT`` characters.
    """

    def __init__(self) -> None:
        self._events: list[CallEvent] = []
        self._calls = 0
        self._text = 0
        self._full = False

    def hears(self, kind: type) -> bool:
        return kind in KINDS

    def __call__(self, event: e.Event) -> None:
        if self._full:
            return
        if type(event) is e.RequestStarted and event.attempt == 1:
            self._calls += event.calls
        self._text += text_in(event)
        self._events.append(cast(CallEvent, event))
        if self._calls > MOST_CALLS or self._text > MOST_TEXT:
            self._full = True
            self._events.clear()

    def records(self, prices: Prices, votes: Mapping[str, object]) -> tuple[CallRecord, ...]:
        """Return the calls in the order in which they were first sent. ``votes`` are the paths of votes.

        Raises: UsageError, if the run had more calls or text than are kept.
        """
        if self._full:
            raise UsageError(
                f"the run had more than {MOST_CALLS:,} calls or {MOST_TEXT // 2**20} MiB of text, so its calls were "
                "not kept in memory: give the run a journal, as in RunOptions(journal='run.db')"
            )
        book = CallBook(prices)
        for event in self._events:
            book.take(event)
        return tuple(one.record(votes) for one in book.calls.values())
