"""The form of the ``ANSWER`` rows of the journal: the body of a row, and what a row brings back.

``in`` and ``out`` are tokens, None if they are not known. All other figures stand in a row only if they are known, and
``served`` only if the server named another model than it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from ..engine.decisions import Known
from ..journal.answers import Paid
from ..vocabulary.batch_price import share_of
from ..vocabulary.call import Answer, Finish
from ..vocabulary.errors import AnswerError, MalformedError
from ..vocabulary.json_value import Json
from ..vocabulary.receipt import Receipt, readable_name
from ..vocabulary.usage import TokenDetail, Usage

Reckon = Callable[[str, int | None, int | None], float | None]
"""A function that works out the dollars for the tokens of a model; None if its price is not known."""
_FINISHES = frozenset(get_args(Finish))


class AnswerRows:
    """The writer of the bodies of a run's answers. ``cost`` reckons their dollars."""

    def __init__(self, cost: Reckon = lambda model, read, written: None) -> None:
        self._cost = cost

    def good(self, answer: Answer, share: Usage, model: str, receipt: Receipt | None) -> Json:
        """Return the body for an answer of ``model``. ``share`` is the answer's part of the bill."""
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
        if (detail := share.detail) is not None:
            for name in ("cached", "stored", "reasoning"):
                if (tokens := getattr(detail, name)) is not None:
                    body[name] = tokens
        if receipt is not None:
            if receipt.served and (served := readable_name(receipt.served)) != model.partition(":")[2]:
                body["served"] = served
            if receipt.id:
                body["id"] = readable_name(receipt.id)
        if share.tier:
            body["tier"] = share.tier
        if (cost := self._cost(model, share.input_tokens, share.output_tokens)) is not None:
            cost *= share_of(share)
            # Twelve digits are exact enough, and they spare the row the digits of a float's error.
            body["cost"] = float(f"{cost:.12g}")
        if more:
            body["more"] = more


def known_from(key: bytes, body: Any, paid: Paid | None = None) -> Known:
    """Return what a row brings back: the answer or its error, its bill and its receipt. ``paid`` tells the row.

    Older rows lack the later fields. Raises: KeyError, TypeError or ValueError, for a body that is no answer.
    """
    read, written = (None if count is None else int(count) for count in (body["in"], body["out"]))
    special = [_count(body.get(name)) for name in ("cached", "stored", "reasoning")]
    detail = None if special == [None, None, None] else TokenDetail(*special)
    usage = Usage(read, written, detail, str(body.get("tier", "")))
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


def _count(tokens: Json) -> int | None:
    return tokens if type(tokens) is int else None


def _dollars(cost: Json) -> float | None:
    return float(cost) if type(cost) in (int, float) else None
