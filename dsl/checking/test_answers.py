"""The scripted answers of a test: plain values, and the words for what goes wrong."""

from __future__ import annotations

from typing import Literal

from .. import syntax as s
from ..records import dataclass
from ..source import Span

AnswerKind = Literal["value", "error", "malformed", "cut", "slow"]
WORDS: dict[str, AnswerKind] = {"error": "error", "malformed": "malformed", "cut": "cut"}
SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Scripted:
    """A scripted answer. ``word`` is the call that it is written as, None for a plain value."""

    kind: AnswerKind
    value: s.Expr | None
    delay: s.Number | None
    span: Span
    word: s.Call | None = None


def scripted(answer: s.Expr) -> Scripted:
    """Read an answer: a value, ``error(…)``, ``malformed(…)``, ``cut(…)``, or ``slow(5s, ANSWER)``."""
    call = answer if isinstance(answer, s.Call) and answer.prefix is None else None
    word = call.function.text if call is not None else ""
    if call is None or (word not in WORDS and word != SLOW):
        return Scripted("value", answer, None, answer.span)
    values = [arg.value for arg in call.args if arg.name is None and not isinstance(arg.value, s.Ask)]
    if word != SLOW:
        return Scripted(WORDS[word], values[0] if values else None, None, answer.span, call)
    delay = values[0] if values and isinstance(values[0], s.Number) else None
    inner = scripted(values[1]) if len(values) > 1 else None
    kind: AnswerKind = inner.kind if inner is not None and inner.kind != "value" else "slow"
    return Scripted(kind, inner.value if inner is not None else None, delay, answer.span, call)
