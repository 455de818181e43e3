"""The form of the ``ANSWER`` rows of the journal: the body of a row, and what a row brings back.

``in`` and ``out`` are tokens, None if they are not known. All other figures stand in a row only if they are known, and
``served`` only if the server named another model than it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

from ..engine.decisions import Known
from ..journal.answers import Paid
from ..journal.row_usage import SPECIAL, usage_fields, usage_in
from ..vocabulary.call import Answer, Finish
from ..vocabulary.errors import AnswerError, MalformedError
from ..vocabulary.json_value import Json
from ..vocabulary.receipt import Receipt, readable_name
from ..vocabulary.usage import Usage

Reckon = Callable[[str, Usage], float | None]
"""A function that works out the bill of a usage of a model in dollars; None if its price is not known."""
_FINISHES = frozenset(get_args(Finish))


class AnswerRows:
    """The writer of the bodies of a run's answers. ``cost`` reckons their dollars."""

    def __init__(self, cost: Reckon = lambda model, usage: None) -> None:
        self._cost = cost

    def good(self, answer: Answer, share: Usage, model: str, receipt: Receipt | None) -> dict[str, Json]:
        """Return the new body for an answer of ``model``. ``share`` is the answer's part of the bill."""
        body: dict[str, Json] = {
            "text": answer.text,
            "finish": answer.finish,
            "in": share.input_tokens,
            "out": share.output_tokens,
        }
        if answer.said:
            body["said"] = answer.said
        if answer.final:
            body["final"] = True
        self._add(body, share, model, receipt, answer.more)
        return body

    def spoilt(self, error: AnswerError, share: Usage, model: str) -> Json:
        """Return the body for a paid reply without a usable answer."""
        body: dict[str, Json] = {"text": error.text, "error": str(error)}
        if error.final:
            body["final"] = True
        if isinstance(error, MalformedError):
            body["why"] = error.why
        body |= {"in": share.input_tokens, "out": share.output_tokens}
        if error.finish in _FINISHES:
            body["finish"] = error.finish
        self._add(body, share, model, error.receipt, error.more)
        return body

    def _add(
        self, body: dict[str, Json], share: Usage, model: str, receipt: Receipt | None, more: Mapping[str, Json] | None
    ) -> None:
        body |= usage_fields(share)
        if receipt is not None:
            if receipt.served and (served := readable_name(receipt.served)) != model.partition(":")[2]:
                body["served"] = served
            if receipt.id:
                body["id"] = readable_name(receipt.id)
        if (cost := self._cost(model, share)) is not None:
            # Twelve digits are exact enough, and they spare the row the digits of a float's error.
            body["cost"] = float(f"{cost:.12g}")
        if more:
            body["more"] = more


def known_from(key: bytes, body: Any, paid: Paid | None = None) -> Known:
    """Return what a row brings back: the answer or its error, its bill and its receipt. ``paid`` tells the row.

    Older rows lack the later fields. Raises: KeyError, TypeError or ValueError, for a body that is no answer.
    """
    read, written = (None if count is None else int(count) for count in (body["in"], body["out"]))
    usage = Usage(read, written)
    if not SPECIAL.isdisjoint(body):
        usage = replace(usage_in(body), input_tokens=read, output_tokens=written)
    receipt = Receipt(str(body.get("served", "")), str(body.get("id", "")), _dollars(body.get("cost")))
    more = found if isinstance(found := body.get("more"), dict) else None
    text = str(body["text"])
    if "error" not in body:
        finish = body["finish"]
        if finish not in _FINISHES:
            raise ValueError(finish)
        answer = Answer(text, finish, str(body.get("said", "")), body.get("final") is True, more)
        return Known(key, answer, usage, receipt=receipt, paid=paid)
    said = str(body["error"])
    error: AnswerError
    if "why" in body:
        error = MalformedError(said, text=text, why=str(body["why"]), usage=usage)
    else:
        error = AnswerError(said, text=text, usage=usage, final=body.get("final") is True)
    error.finish, error.receipt, error.more = str(body.get("finish", "")), receipt, more
    return Known(key, error, usage, receipt=receipt, paid=paid)


def _dollars(cost: Json) -> float | None:
    return float(cost) if type(cost) in (int, float) else None
