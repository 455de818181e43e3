"""The calls of a worker that a listener in the driver shows, such as the live page, until it has no room for more."""

from __future__ import annotations

from collections.abc import Iterable

from flowrun.dsl import dataclass

from ..engine.decisions import Call, Failure
from ..engine.frames import Frame
from ..engine.scopes import CallWatcher, ReadAnswer
from ..replay.call_book import MOST_CALLS, MOST_TEXT, text_in
from ..replay.call_surroundings import surroundings_of
from ..vocabulary import events as e
from ..vocabulary.call import Answer
from ..vocabulary.errors import AnswerError
from ..vocabulary.json_value import Json
from ..vocabulary.sent_call import ValuedAnswer


@dataclass(eq=False, slots=True)
class _Asked:
    """The facts about a call that the engine asks for.

    ``read`` is None when no further answer comes. ``end`` waits until the driver knows of the call.
    """

    labels: tuple[str, ...]
    vote: str
    read: ReadAnswer | None
    end: list[Json] | None = None


class ShownCalls(CallWatcher):
    """A watcher that tells which events go to the driver whole, and what else is known of their calls.

    It is ``full`` when this worker alone has sent all that a listener can show, or when the driver says so. Calls of
    which the driver knows are told to their end.
    """

    def __init__(self) -> None:
        self.full = False
        self._asked: dict[str, _Asked] = {}
        self._told: set[str] = set()
        self._open: set[int] = set()
        self._ends: list[list[Json]] = []
        self._text = 0

    def close(self) -> None:
        """Take no further calls."""
        self.full = True
        self._asked = {place: one for place, one in self._asked.items() if place in self._told}

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        if not self.full and call.place not in self._asked and len(self._asked) <= MOST_CALLS:
            self._asked[call.place] = _Asked(*surroundings_of(frame), read)

    def heard(self, call: Call, value: object) -> None:
        if call.place in self._told and not isinstance(value, Exception):
            self._let_go(call.place)

    def failed(self, call: Call, failure: Failure) -> None:
        self._end(call.place, "failed", failure.reason)
        if call.place in self._told:
            self._let_go(call.place)

    def cancelled(self, call: Call) -> None:
        self._end(call.place, "cancelled", "")

    def _end(self, place: str, end: str, reason: str) -> None:
        known = self._asked.get(place)
        if place in self._told:
            self._ends.append([place, end, reason])
        elif known is not None:
            known.end = [place, end, reason]

    def _let_go(self, place: str) -> None:
        """Let go of what reads the answers of a call. It may hold the values around the call."""
        if (known := self._asked.get(place)) is not None:
            known.read = None

    def single(self, event: e.Event) -> bool:
        """Tell whether an event goes by itself, although sums of events are enough for all who only count."""
        if not self.full:
            return True
        match event:
            case e.RequestStarted(carried=carried):
                return any(one.place in self._told for one in carried)
            case e.AnswerRecalled(call=call):
                return call is not None and call.place in self._told
        return getattr(event, "number", None) in self._open

    def whole(self, event: e.Event) -> bool:
        """Tell whether an event goes with its prompts and answers, and note that it does."""
        match event:
            case e.RequestStarted(number, carried=carried):
                if self._takes(event, carried):
                    self._open.add(number)
                    return True
            case e.AnswerRecalled(call=call):
                return call is not None and self._takes(event, (call,))
            case e.RequestRetried(number):
                return number in self._open
            case e.RequestFinished(number) | e.RequestFailed(number) | e.RequestCancelled(number):
                if number in self._open:
                    self._open.discard(number)
                    self._count(event)
                    return True
        return False

    def _takes(self, event: e.Event, carried: Iterable[e.CarriedCall]) -> bool:
        places = [one.place for one in carried]
        if self.full and self._told.isdisjoint(places):
            return False
        for place in places:
            if place not in self._told and (known := self._asked.get(place)) is not None and known.end is not None:
                self._ends.append(known.end)
        self._told.update(places)
        self._count(event)
        return True

    def _count(self, event: e.Event) -> None:
        self._text += text_in(event)
        if not self.full and (len(self._told) > MOST_CALLS or self._text > MOST_TEXT):
            self.close()

    def around(self, place: str) -> tuple[tuple[str, ...], str] | None:
        known = self._asked.get(place)
        return None if known is None else (known.labels, known.vote)

    def valued(self, call: e.CarriedCall, answer: Answer) -> ValuedAnswer | None:
        known = self._asked.get(call.place)
        if known is None or known.read is None:
            return None
        value: Json = None
        fault = ""
        try:
            value = known.read(answer, call.request)
        except (AnswerError, ValueError) as error:
            fault = str(error)
        return ValuedAnswer(answer.text, answer.finish, answer.said, answer.final, answer.more, value, fault)

    def ends(self) -> list[list[Json]]:
        """Take the ends of the calls of which the driver knows."""
        ends, self._ends = self._ends, []
        return ends
