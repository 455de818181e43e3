"""The correction: a message that shows a model its answer and explains why the answer does not fit."""

from __future__ import annotations

from dataclasses import replace

from flowrun.dsl import CORRECTION, types

from ..vocabulary.call import Message, Request
from ..vocabulary.errors import MalformedError, UncheckedError
from ..vocabulary.tokens import shortened

_ANSWER = CORRECTION // 5
"""A correction shows at most this many tokens of the answer, by an estimate that may be off by half."""
_WHY = CORRECTION // 12
_CHECK = CORRECTION // 6
_TYPE = CORRECTION // 10


def corrected(request: Request, wanted: types.Type, error: MalformedError) -> Request:
    """Add to a request the answer that did not fit, and a sentence about its fault, in at most CORRECTION tokens.

    The addition depends on the answer alone. So a resumed run sends the same words.
    """
    room = _CHECK if isinstance(error, UncheckedError) else _WHY
    shown = types.show(replace(wanted, name="") if isinstance(wanted, types.Record) else wanted)
    said = (
        f"That answer cannot be used: it {shortened(error.why, room) or 'has another form than was asked for'}. "
        f"Expected: {shortened(shown, _TYPE)}. Answer the question again, whole and in that form alone."
    )
    answer = Message("assistant", shortened(error.text.strip(), _ANSWER))
    return replace(request, messages=(*request.messages, answer, Message("user", said)))
