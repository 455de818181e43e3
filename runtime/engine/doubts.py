"""The usage of a reply that cannot be true. A budget counts such a call at its highest cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..vocabulary.call import Request
from ..vocabulary.usage import Usage
from .ceilings import believable, usual

_FEW = 6
"""The most characters of a token on average, in several answers. Texts have 3 to 5."""
_FEWEST = 16
"""The most characters of a token on average in a single answer. Some vocabularies have words of many."""


def credible(usage: Usage, request: Request, texts: Sequence[str], calls: int) -> Usage:
    """Return the usage of a reply with these answers, as far as it is possible. Mark it if it cannot be true.

    Some servers count the tokens of one answer for all answers, or none for a text that they sent.
    """
    written = usage.output_tokens or 0
    if calls == len(texts) == 1 and usual(usage, request) and usage.input_tokens and written * _FEWEST >= len(texts[0]):
        return usage
    found = believable(usage, request, calls)
    if found.doubt or found.output_tokens is None:
        return found
    if found.input_tokens == 0:
        return replace(found, doubt="no tokens for a prompt")
    shown = found.output_tokens - ((found.detail and found.detail.reasoning) or 0)
    answers = [text for text in texts if text]
    if len(answers) < 2:
        few, why = _too_few(shown + 1, answers, _FEWEST), "fewer tokens than its answer has"
    else:
        # No answer has less than a token.
        few = shown < len(answers) or _too_few(shown, answers, _FEW)
        why = "fewer tokens than its answers have; perhaps those of one answer"
    return replace(found, doubt=why) if few else found


def _too_few(tokens: int, answers: Sequence[str], most: int) -> bool:
    room = tokens * most
    # A token may be a long row of spaces.
    return room < sum(map(len, answers)) and room < sum(len("".join(text.split())) for text in answers)
