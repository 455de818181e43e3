"""The journal as one run sees it: what is known of its calls, and what becomes of them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .decisions import NOTHING, Call, Known
from .errors import AnswerError, CallError, DiskError, InDoubtError, RefusedError
from .journal.index import Open, Paid
from .journal.records import Kind, Record
from .journal.store import Journal
from .keys import key_of
from .metering import NO_USAGE, Usage
from .providers.protocol import Answer

Json = Any


class NoLog:
    """A run that keeps nothing."""

    keeps = False

    @property
    def id(self) -> str:
        """What people call the run by."""
        return ""

    def find(self, call: Call) -> Known:
        return NOTHING

    def request_key(self, calls: Sequence[Call]) -> str:
        return secrets.token_hex(16)

    async def intend(self, calls: Sequence[Call], key: str) -> None:
        """Write that a request leaves, and return when that is on the disk. Raises DiskError."""

    async def answered(self, calls: Sequence[Call], answers: Sequence[Answer], share: Usage) -> None:
        """Write answers, and return when they are on the disk. Raises DiskError."""

    async def spoiled(self, calls: Sequence[Call], error: AnswerError) -> None:
        """Write what was paid for and is no answer. Raises DiskError."""

    def over(self, calls: Sequence[Call], error: CallError | None) -> None:
        """Write how an attempt without an answer ended; None for one that was given up while it was under way."""

    def unsent(self, calls: Sequence[Call]) -> None:
        """Write that a request did not leave after all."""

    async def end(self, status: str, account: Json = None) -> None:
        """Write how the run ended."""


@dataclass(eq=False)
class RunLog(NoLog):
    """``name`` is the run's id, ``run`` the number of its first row, ``fresh`` that it takes no other run's answers.

    ``endpoints`` are those of the models, by their addresses.
    """

    journal: Journal
    name: str
    run: int
    endpoints: Mapping[str, str]
    fresh: bool = False
    flow: str = ""
    source: str = ""
    keeps = True
    _taken: set[int] = field(default_factory=set)
    _closed: set[int] = field(default_factory=set)

    @property
    def id(self) -> str:
        return self.name

    def find(self, call: Call) -> Known:
        index = self.journal.index
        key = key_of(call, self.endpoints.get(call.model, ""))
        if key not in index.paid and key not in index.open:
            return Known(key)
        open_ = self._open(key, call.place)
        own = sum(one.run == self.run for one in open_)
        doubts = index.doubts.get((self.run, key, call.place), 0) + own
        paid = [one for one in index.paid.get(key, ()) if one.number not in self._taken]
        mine = [one for one in paid if one.run == self.run]
        best = _best(mine, call.place) or (None if self.fresh else self._earlier(paid, call.place))
        if best is None:
            self._taken.update(one.number for one in open_)
            return Known(key, doubts=doubts, open=open_)
        self._taken.add(best.number)
        answer, usage = self._read(best.number)
        return Known(key, answer, usage, best.run == self.run, doubts)

    def _open(self, key: bytes, place: str) -> tuple[Open, ...]:
        """The attempts at this that have no end: all that this run made at this place, or the best of another's."""
        found = [one for one in self.journal.index.open.get(key, ()) if one.number not in self._taken]
        mine = tuple(one for one in found if one.run == self.run and one.place == place)
        if mine or self.fresh:
            return mine
        best = _best(found, place)
        return () if best is None else (best,)

    def _earlier(self, paid: Sequence[Paid], place: str) -> Paid | None:
        """What other runs bought: before this one began, as it saw them then, or since."""
        before = [one for one in paid if one.run < self.run]
        since = [one for one in paid if one.run > self.run]
        return _latest(before, place) or _latest(since, place)

    def _read(self, number: int) -> tuple[Answer | AnswerError, Usage]:
        body = self.journal.body(number)
        try:
            tokens = (body["in"], body["out"])
            usage = Usage(*(None if count is None else int(count) for count in tokens))
            text = str(body["text"])
            if "error" in body:
                return AnswerError(str(body["error"]), text=text, usage=usage), usage
            finish = body["finish"]
            if finish not in ("stop", "length", "filtered", "unterminated"):
                raise ValueError(finish)
            return Answer(text, finish), usage
        except (KeyError, TypeError, ValueError):
            raise DiskError(f"the journal's row {number} holds no answer") from None

    def request_key(self, calls: Sequence[Call]) -> str:
        """The Idempotency-Key of a request: that of the one which was under way for the same calls, or another."""
        attempts = [call.open[-1].number for call in calls if call.open]
        if len(attempts) == len(calls):
            bodies = [self.journal.body(attempt) for attempt in attempts]
            keys = {str(body["key"]) for body in bodies if isinstance(body, dict) and body.get("of") == len(calls)}
            if len(keys) == 1:
                return keys.pop()
        return secrets.token_hex(16)

    async def intend(self, calls: Sequence[Call], key: str) -> None:
        # What was under way when a run was ended is sent again: from here on it is a doubt of that run's.
        before = [
            Record(one.run, Kind.DOUBT, {"said": "sent again"}, call.key, one.place)
            for call in calls
            for one in call.open
            if one.number not in self._closed
        ]
        self._closed.update(one.number for call in calls for one in call.open)
        intents = [self._record(Kind.INTENT, call, _intent(call, key, len(calls))) for call in calls]
        await self.journal.append([*before, *intents])

    async def answered(self, calls: Sequence[Call], answers: Sequence[Answer], share: Usage) -> None:
        await self.journal.append(
            self._record(
                Kind.ANSWER,
                call,
                {"text": one.text, "finish": one.finish, "in": share.input_tokens, "out": share.output_tokens},
            )
            for call, one in zip(calls, answers, strict=False)
        )

    async def spoiled(self, calls: Sequence[Call], error: AnswerError) -> None:
        share = (error.usage or NO_USAGE).share(len(calls))
        body = {"text": error.text, "error": str(error), "in": share.input_tokens, "out": share.output_tokens}
        await self.journal.append(self._record(Kind.ANSWER, call, body) for call in calls)

    def over(self, calls: Sequence[Call], error: CallError | None) -> None:
        kind = Kind.REFUSED
        if error is None:
            kind = Kind.CANCELLED
        elif isinstance(error, InDoubtError):
            kind = Kind.DOUBT
        body = None if error is None else {"status": error.status, "said": str(error)}
        self.journal.note(self._record(kind, call, body) for call in calls)

    def unsent(self, calls: Sequence[Call]) -> None:
        self.over(calls, RefusedError("not sent"))

    async def end(self, status: str, account: Json = None) -> None:
        body = {"status": status, "ended": time.time(), "account": account}
        await self.journal.append([Record(self.run, Kind.END, body)])

    def _record(self, kind: Kind, call: Call, body: Json) -> Record:
        return Record(self.run, kind, body, call.key, call.place)


def _intent(call: Call, key: str, of: int) -> Json:
    request = call.request
    size = sum(len(message.text.encode("utf-8", "replace")) for message in request.messages)
    return {"model": call.model, "bytes": size, "max": request.max_tokens, "key": key, "of": of}


def _best(found: Sequence[Any], place: str) -> Any:
    return next((one for one in found if one.place == place), found[0] if found else None)


def _latest(found: Sequence[Paid], place: str) -> Paid | None:
    ordered = found[::-1]
    chosen: Paid | None = _best(ordered, place)
    return chosen
