"""Fixes for guesses. If a problem says "did you mean `x`?", the fix writes `x` in place of the wrong word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from .diagnostics import Diagnostic, Edit, Fix
from .patterns import pattern

_GUESS = pattern(r"did you mean `([^`\n]+)`\?")
_NAMED = pattern(r"`([^`\n]+)`|\"([^\"\n]+)\"|'([^'\n]+)'")
_WORD = pattern(r"[\w.]+")


def with_guesses(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Add a fix to each problem that guesses a word. Such a fix is never safe: a person must look at it."""
    return tuple(_with_guess(one) for one in found)


def _with_guess(found: Diagnostic) -> Diagnostic:
    guess = _GUESS.match(found.help) if found.fix is None else None
    edit = _edit(found, guess[1]) if guess else None
    return replace(found, fix=Fix(f"write `{edit.text}`", (edit,), safe=False)) if edit else found


def _edit(found: Diagnostic, better: str) -> Edit | None:
    """Find the misspelt word of the message in the underlined text. Return an edit that corrects it."""
    text = found.span.text
    for one in _NAMED.finditer(found.message):
        word = one[1] or one[2] or one[3]
        at = [place.start() for place in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
        if len(at) == 1:
            start = found.span.start + at[0]
            quoted = text[:1] in "\"'"
            new = better if quoted or _WORD.fullmatch(better) else f'"{better}"'
            return Edit(found.span.source.span(start, start + len(word)), new)
    return None
