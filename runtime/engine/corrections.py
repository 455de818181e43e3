"""The message to a model whose answer did not fit: that answer, and its fault."""

from __future__ import annotations

from dataclasses import replace

from flowrun.dsl import CORRECTION, types

from ..vocabulary.call import Message, Request
from ..vocabulary.errors import MalformedError
from ..vocabulary.tokens import shortened

_ANSWER = CORRECTION // 5
"""Tokens of the answer that are shown, by the estimate, which may be off by half. So in what follows."""
_WHY = CORRECTION // 12
_TYPE = CORRECTION // 10


def corrected(request: Request, wanted: types.Type, error: MalformedError) -> Request:
    """The request with the answer that did not fit and a sentence about it, at most CORRECTION tokens longer.

    It depends on the answer alone, so that a run which is resumed asks word for word the same.
    """
    shown = types.show(replace(wanted, name="") if isinstance(wanted, types.Record) else wanted)
    said = (
        f"That answer cannot be used: it {shortened(error.why, _WHY) or 'has another form than was asked for'}. "
        f"Expected: {shortened(shown, _TYPE)}. Answer the question again, whole and in that form alone."
    )
    answer = Message("assistant", shortened(error.text.strip(), _ANSWER))
    return replace(request, messages=(*request.messages, answer, Message("user", said)))
