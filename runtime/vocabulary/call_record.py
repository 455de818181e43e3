"""The record of a call: the question as it was sent, each attempt at it, and its answer.

The journal's replay makes these records. `show`, the report, the exports and ``Result.calls`` all read them, and write
them in one schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from flowrun.dsl import dataclass

from .call import Message, Request
from .image import as_record
from .json_value import Json
from .usage import TokenDetail, Usage

State = Literal["answered", "reused", "failed", "cancelled", "open", "unsent"]
"""The state of a call.

``answered``: a usable answer was paid in this run. ``reused``: the answer came from another run of the journal.
``failed``: no attempt brought a usable answer. ``cancelled``: nothing needed the answer any more. ``open``: the run was
killed, stopped or still goes on, and the call was under way or waited for its next attempt. ``unsent``: nothing was
sent.
"""
End = Literal["answered", "spoilt", "refused", "doubtful", "cancelled", "unsent", "open"]
"""The end of an attempt.

``spoilt``: it was paid and brought no usable answer. ``refused``: it was not paid. ``doubtful``: it may have been paid.
``open``: nobody saw its end.
"""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of an answer by class, None where the server did not report them.

    ``read`` counts the whole prompt. ``cached`` of these came from the provider's cache, and ``stored`` of these were
    written to it, ``long_stored`` of them for an hour. ``images`` are also of these. ``written`` counts the whole
    answer, with the ``reasoning`` before it. ``whole`` is the length of the whole prompt if ``read`` is only the part
    of one of several samples, None if it is not.
    """

    read: int | None = None
    cached: int | None = None
    stored: int | None = None
    written: int | None = None
    reasoning: int | None = None
    images: int | None = None
    long_stored: int | None = None
    whole: int | None = None


TOKEN_CLASSES = ("read", "cached", "stored", "written", "reasoning", "images", "long_stored")


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """An attempt at a call.

    ``request`` names the request: calls that it carried together share the name. ``began`` and ``ended`` are in
    milliseconds since the run began, None if the journal does not know them. ``reason`` tells why the attempt failed,
    ``status`` is the HTTP status. ``waited`` has the milliseconds before the attempt by cause, in the words of
    ``waits.Cause``. ``row`` is the number of its last row in the journal; rows stand in the order of the run.

    ``model`` is the address of the model that was asked, "" for that of the call. ``correction`` has the messages that
    the attempt sent behind those of the call's request: the answer that did not fit, and its fault. It is None if they
    are not known. ``answer`` is the index of its answer among those of the call, None if it brought none.
    """

    request: str
    end: End
    began: int | None = None
    ended: int | None = None
    reason: str = ""
    status: int | None = None
    waited: Mapping[str, int] = field(default_factory=dict)
    row: int = 0
    model: str = ""
    correction: tuple[Message, ...] | None = ()
    answer: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer as it came: its raw text, and the value that the flow made of it.

    ``error`` tells why it cannot be used, "" if it can. ``cost`` is in dollars as it was reckoned when the answer came,
    None if the price was not known. ``served`` is the model that the server named, and ``id`` the server's name for the
    request; both are "" if it named none. ``more`` holds further facts, such as reasoning. ``tier`` is the service
    tier that the server named, "" for the ordinary one. ``doubt`` tells why the tokens cannot be true, "" if they can.
    """

    text: str
    finish: str = "stop"
    error: str = ""
    value: Json = None
    tokens: Tokens = Tokens()
    cost: float | None = None
    served: str = ""
    id: str = ""
    more: Mapping[str, Json] = field(default_factory=dict)
    tier: str = ""
    doubt: str = ""

    @property
    def usage(self) -> Usage:
        """The tokens of the answer as its provider told them."""
        told = self.tokens
        detail = TokenDetail(told.cached, told.stored, told.reasoning, told.images, told.long_stored)
        special = None if detail == TokenDetail() else detail
        return Usage(told.read, told.written, special, self.tier, self.doubt, told.whole)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call of a run.

    ``path`` names its step for people: ``notes[17].draft``. ``place`` tells it from every other call of the run.
    ``labels`` are the names that authors gave to the elements around it, from the outside inwards: an ``id``, a
    ``name`` or the first short field of the row. ``answers`` are all answers that it got; only the last can be usable.
    ``vote`` is the path of the vote in which the call was a sample, "" if none. ``model`` is the address. ``key`` is
    the key of the call in the journal: calls with the same key have the same request.
    """

    path: str
    place: str
    step: str
    model: str
    state: State
    request: Request | None = None
    answers: tuple[AnswerRecord, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    labels: tuple[str, ...] = ()
    vote: str = ""
    reason: str = ""
    key: bytes = b""

    @property
    def answer(self) -> AnswerRecord | None:
        """The usable answer, or else the last answer."""
        return self.answers[-1] if self.answers else None

    @property
    def from_journal(self) -> bool:
        """True if the answers came in an earlier run. If none of them can be used, the call has failed all the same."""
        if self.state in ("answered", "reused"):
            return self.state == "reused"
        return bool(self.answers) and not any(one.end in ("answered", "spoilt") for one in self.attempts)

    @property
    def cost(self) -> float | None:
        """The dollars of all answers that this run paid; None if one is not known. A reused answer cost nothing."""
        if self.from_journal:
            return 0.0
        costs = [one.cost for one in self.answers]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    @property
    def tokens(self) -> Tokens:
        """The tokens of all answers together. A class is None if a server did not report it for one of them."""
        counts = [_sum([getattr(one.tokens, name) for one in self.answers]) for name in TOKEN_CLASSES]
        return Tokens(*counts)

    @property
    def milliseconds(self) -> int | None:
        """The time from the beginning of the first attempt to the end of the last; None if it is not known."""
        begins = [one.began for one in self.attempts if one.began is not None]
        ends = [one.ended for one in self.attempts if one.ended is not None]
        return max(ends) - min(begins) if begins and ends else None

    @property
    def counts_as(self) -> State:
        """The state with which the call counts: one that was cancelled before anything was sent is unsent."""
        sent = any(one.end != "unsent" for one in self.attempts)
        return "unsent" if self.state == "cancelled" and not sent else self.state

    @property
    def is_old(self) -> bool:
        """True if the rows of the call are of format 1, which has no times, waits, classes of tokens and served model.

        A row of a later format always has the time at which an attempt was begun.
        """
        sent = [one for one in self.attempts if one.end != "unsent"]
        return bool(sent) and all(one.began is None for one in sent)


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [one for one in counts if one is not None]
    return sum(known) if known and len(known) == len(counts) else None


def total_cost(calls: Iterable[CallRecord]) -> float | None:
    """Return the dollars of these calls; None if a cost is not known."""
    costs = [one.cost for one in calls]
    return None if None in costs else sum(one for one in costs if one is not None)


def as_row(call: CallRecord, *, texts: bool = True) -> dict[str, Any]:
    """Write a call as plain data: a row of `show --json`, of exports and of ``Result.calls``.

    Without ``texts`` the prompt, the answers, the labels and the reasons are left out, for readers who may not see
    them; the place may then be shown too, because it holds only names of the flow and numbers.
    """
    request = call.request
    row: dict[str, Any] = {
        "path": call.path,
        "place": call.place,
        "step": call.step,
        "model": call.model,
        "state": call.state,
        "vote": call.vote,
        "ms": call.milliseconds,
        "cost": call.cost,
        "answers": [_answer(one, old=call.is_old, texts=texts) for one in call.answers],
        "attempts": [_attempt(one, call, texts=texts) for one in call.attempts],
    }
    if request is not None:
        row |= {"temperature": request.temperature, "max_tokens": request.max_tokens, "seed": request.seed}
    if texts:
        row |= {"labels": list(call.labels), "reason": call.reason}
        if request is not None:
            row["messages"] = _messages(request.messages)
            row["choices"] = list(request.choices)
            row["schema"] = request.schema
            if request.options:
                row["options"] = dict(request.options)
    return row


def _answer(one: AnswerRecord, *, old: bool, texts: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "finish": one.finish,
        "tokens": {name: getattr(one.tokens, name) for name in TOKEN_CLASSES},
        "cost": one.cost,
        **({"tier": one.tier} if one.tier else {}),
        **({"doubt": one.doubt} if one.doubt else {}),
        "served": None if old else one.served,
        "id": None if old else one.id,
        "usable": not one.error,
    }
    if texts:
        row |= {"text": one.text, "value": one.value, "error": one.error, "more": dict(one.more)}
    return row


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"role": one.role, "text": one.text} | ({"images": list(map(as_record, one.images))} if one.images else {})
        for one in messages
    ]


def _attempt(one: AttemptRecord, call: CallRecord, *, texts: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "request": one.request,
        "model": one.model or call.model,
        "end": one.end,
        "began": one.began,
        "ended": one.ended,
        "status": one.status,
        "waited": None if call.is_old else dict(one.waited),
        "answer": one.answer,
    }
    if texts:
        known = call.request is not None and one.correction is not None
        row |= {"reason": one.reason, "correction": _messages(one.correction or ()) if known else None}
    return row
