"""The attempts at a call and its answers, from the rows of its journal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..journal.attempts import RunRow
from ..journal.records import NOT_SENT, SENT_AGAIN, TAKEN_UP, Kind
from ..journal.row_usage import usage_in
from ..vocabulary.call import Message
from ..vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord, End, State, Tokens
from ..vocabulary.usage import TokenDetail, Usage
from .driver import End as CallEnd

Cost = Callable[[str, Usage], float | None]
"""A function of a model's address and the tokens in and out. It returns dollars."""
_ELEMENT = re.compile(r"\[[\d.]+\]")
_ENDS: Mapping[str, End] = {
    Kind.ANSWER: "answered",
    Kind.REFUSED: "refused",
    Kind.DOUBT: "doubtful",
    Kind.CANCELLED: "cancelled",
}


class CallRows:
    """The rows of one call, read into its attempts and its answers. ``keys`` are the keys of the answers."""

    def __init__(self, rows: Iterable[RunRow], cost: Cost) -> None:
        self.model = ""
        self.answers: list[AnswerRecord] = []
        self.keys: list[bytes] = []
        self._cost = cost
        self._failed = ""
        self._attempts: list[AttemptRecord] = []
        self._keys_of: list[bytes] = []
        self._answers_of: dict[int, int] = {}
        self._open: dict[bytes, list[tuple[int, Mapping[str, Any]]]] = {}
        for row in rows:
            body = json.loads(row.body)
            self._take(row, body if isinstance(body, dict) else {})

    @property
    def key(self) -> bytes:
        """The key of the last answer, or else of an attempt without one."""
        return self.keys[-1] if self.keys else next(reversed(self._open), b"")

    @property
    def attempts(self) -> list[AttemptRecord]:
        return self._attempts

    @property
    def reason(self) -> str:
        """The sentence with which the call failed, or else the reason of the last attempt that failed."""
        return self._failed or next((one.reason for one in reversed(self._attempts) if one.reason), "")

    @property
    def state(self) -> State:
        """The state of the call as far as its rows tell it."""
        return state_of(None, self.answers, (), self._attempts)

    def spoil(self, at: int, error: str) -> None:
        """Record that the answer of this place cannot be used."""
        self.answers[at] = replace(self.answers[at], error=error)
        if at in self._answers_of:
            attempt = self._answers_of[at]
            self._attempts[attempt] = replace(self._attempts[attempt], end="spoilt", reason=error)

    def correct(self, model: str, corrections: Mapping[bytes, tuple[Message, ...]]) -> None:
        """Add the corrections that attempts carried, by their keys. ``model`` is the model of the call."""
        for at, (one, key) in enumerate(zip(self._attempts, self._keys_of, strict=True)):
            own = "" if one.model == model else one.model
            self._attempts[at] = replace(one, model=own, correction=corrections.get(key))

    def _intent_of(self, key: bytes, began: int | None) -> tuple[int, Mapping[str, Any]]:
        """Take the intent of an attempt that has ended: the last one before it was sent. Attempts may overlap."""
        opened = self._open.get(key)
        if not opened:
            return -1, {}
        before = [
            n for n, (_, intent) in enumerate(opened) if began is not None and (_ms(intent.get("at")) or 0) <= began
        ]
        return opened.pop(before[-1] if before else 0)

    def _take(self, row: RunRow, body: Mapping[str, Any]) -> None:
        if row.kind == Kind.INTENT:
            self.model, self._failed = str(body.get("model", "")), ""
            self._open.setdefault(row.key, []).append((len(self._attempts), body))
            self._keys_of.append(row.key)
            self._attempts.append(
                AttemptRecord(
                    str(body.get("key", "")),
                    "open",
                    began=_ms(body.get("at")),
                    waited=_waited(body.get("waited")),
                    row=row.number,
                    model=self.model,
                    correction=None,
                )
            )
            return
        if row.kind == Kind.FAILED:
            self._failed = str(body.get("said") or "")
        if row.kind not in _ENDS:
            return
        self._failed = str(body.get("failed") or "")
        at, intent = self._intent_of(row.key, _ms(body.get("from")))
        end = _ENDS[row.kind]
        said = str(body.get("said") or "") if row.kind != Kind.ANSWER else str(body.get("error", ""))
        if said in (NOT_SENT, TAKEN_UP):
            end = "unsent"
        elif row.kind == Kind.ANSWER and "error" in body:
            end = "spoilt"
        reason = "" if said in (NOT_SENT, SENT_AGAIN) else said
        if at >= 0:
            status = body.get("status")
            self._attempts[at] = replace(
                self._attempts[at],
                end=end,
                began=_ms(body.get("from", intent.get("at"))) if end != "unsent" else None,
                ended=_ms(body.get("to")),
                reason=reason,
                status=status if isinstance(status, int) else None,
                row=row.number,
                answer=len(self.answers) if row.kind == Kind.ANSWER else None,
            )
        if row.kind == Kind.ANSWER:
            if at >= 0:
                self._answers_of[len(self.answers)] = at
            self.keys.append(row.key)
            self.answers.append(answer_record(body, self.model, self._cost))


def state_of(
    end: CallEnd | None,
    answers: Iterable[AnswerRecord],
    reused: Collection[AnswerRecord],
    attempts: Iterable[AttemptRecord],
) -> State:
    """Return the state of a call from its end in the flow, its answers of this run or of another, and its attempts.

    ``end`` is None if nobody knows the end. A call that waits for its next attempt is open, also in a run that was
    killed.
    """
    if any(not one.error for one in answers):
        return "answered"
    if any(not one.error for one in reused):
        return "reused"
    if end == "cancelled":
        return "cancelled"
    ends = [one.end for one in attempts if one.end != "unsent"]
    if end == "failed":
        return "failed" if ends or reused else "unsent"
    if not ends:
        return "unsent"
    if "open" in ends:
        return "open"
    if ends[-1] == "cancelled":
        return "cancelled"
    return "open" if end == "waiting" else "failed"


def record_of_rows(place: str, rows: Iterable[RunRow], cost: Cost) -> CallRecord:
    """Make the record of a call from its rows alone, without its request."""
    found = CallRows(rows, cost)
    return CallRecord(
        place,
        place,
        _ELEMENT.sub("", place),
        found.model,
        found.state,
        answers=tuple(found.answers),
        attempts=tuple(found.attempts),
        reason="" if found.state == "answered" else found.reason,
        key=found.key,
    )


def answer_record(body: Mapping[str, Any], model: str, cost: Cost) -> AnswerRecord:
    """Make the record of an answer from the body of its row."""
    usage = usage_in(body)
    detail = usage.detail or TokenDetail()
    dollars = body["cost"] if "cost" in body else cost(model, usage)
    more = dict(body["more"]) if isinstance(body.get("more"), Mapping) else {}
    return AnswerRecord(
        str(body.get("text", "")),
        str(body.get("finish", "other" if "error" in body else "stop")),
        str(body.get("error", "")),
        None,
        Tokens(
            usage.input_tokens,
            detail.cached,
            detail.stored,
            usage.output_tokens,
            detail.reasoning,
            detail.images,
            detail.long_stored,
            usage.whole,
        ),
        float(dollars) if isinstance(dollars, int | float) else None,
        str(body.get("served") or ""),
        str(body.get("id") or ""),
        more,
        usage.tier,
        usage.doubt,
    )


def _waited(found: Any) -> dict[str, int]:
    if not isinstance(found, Mapping):
        return {}
    return {str(cause): ms for cause, ms in found.items() if isinstance(ms, int)}


def _ms(found: Any) -> int | None:
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _count(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) else None
