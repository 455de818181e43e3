"""The usage of a reply that cannot be true. A budget counts such a call at its highest cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..vocabulary.call import Request
from ..vocabulary.usage import Usage
from .ceilings import believable

_FEW = 6
"""The most characters of a token on average, in several answers. Texts have 3 to 5."""
_FEWEST = 16
"""The most characters of a token on average in a single answer. Some vocabularies have words of many."""


def credible(usage: Usage, request: Request, texts: Sequence[str], calls: int) -> Usage:
    """Return the usage of a reply with these answers, as far as it is possible. Mark it if it cannot be true.

    Some servers count the tokens of one answer for all answers, or none for a text that they sent.
    """
    found = believable(usage, request, calls)
    if found.doubt or found.output_tokens is None:
        return found
    shown = found.output_tokens - ((found.detail and found.detail.reasoning) or 0)
    answers = [text for text in texts if text]
    most = _FEW if len(answers) > 1 else _FEWEST
    if shown >= len(answers) and shown * most >= sum(map(len, answers)):
        return found
    # A token may be a long row of spaces.
    if shown >= len(answers) and shown * most >= sum(len("".join(text.split())) for text in answers):
        return found
    if shown >= 1 and len(answers) > 1:
        return replace(found, doubt="fewer tokens than its answers have; perhaps those of one answer")
    return replace(found, doubt="fewer tokens than its answer has")
