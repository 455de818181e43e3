"""The records of answers that events tell, equal to those that the rows of a journal tell."""

from __future__ import annotations

from dataclasses import replace

from flowrun.dsl import option_of

from ..costs.prices import Prices
from ..dispatch.answer_rows import AnswerRows
from ..engine.scopes import ReadAnswer
from ..vocabulary import events as e
from ..vocabulary.call import Answer, Request
from ..vocabulary.call_record import AnswerRecord
from ..vocabulary.errors import AnswerError
from ..vocabulary.json_text import JsonError, read_json, unfenced
from ..vocabulary.json_value import Json
from ..vocabulary.receipt import Receipt
from ..vocabulary.sent_call import ValuedAnswer
from ..vocabulary.usage import Usage
from .attempts import answer_record


def answer_told(
    read: ReadAnswer | None,
    sent: e.CarriedCall,
    answer: Answer | AnswerError,
    usage: Usage,
    receipt: Receipt | None,
    prices: Prices,
) -> AnswerRecord:
    """Make the record of an answer, as the row of a journal would tell it. ``sent`` is the call as it was sent.

    ``read`` reads the value as the flow does. Without it, the answer has its value with it, or the value is read by the
    form that the request asks for.
    """
    rows = AnswerRows(prices.cost_of)
    if isinstance(answer, AnswerError):
        return answer_record(rows.spoilt(answer, usage, sent.model), sent.model, prices.cost_of)
    record = answer_record(rows.good(answer, usage, sent.model, receipt), sent.model, prices.cost_of)
    if isinstance(answer, ValuedAnswer):
        return replace(record, value=answer.value, error=answer.fault)
    try:
        if read is not None:
            return replace(record, value=read(answer, sent.request))
        if answer.finish != "stop" and answer.said:
            return replace(record, error=answer.said)
        return replace(record, value=_value(answer.text, sent.request))
    except (AnswerError, ValueError) as error:
        return replace(record, error=str(error))


def _value(text: str, request: Request) -> Json:
    """Read an answer in the form that its request asks for. Raises ValueError if it does not have that form."""
    if not text.strip():
        raise ValueError("the answer is empty")
    if request.choices:
        found = text if text in request.choices else option_of(unfenced(text), request.choices)
        if found is None:
            raise ValueError("the answer is none of the choices")
        return found
    if request.schema is None:
        return text.strip()
    try:
        return read_json(text)
    except JsonError as error:
        raise ValueError(f"the answer {error}") from None
