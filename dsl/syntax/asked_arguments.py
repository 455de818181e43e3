"""The help for an ask that stands in the brackets of a reducer without the name of its argument."""

from __future__ import annotations

from ..patterns import pattern
from ..source import Span

_ASKED = {"best": "judge", "rank": "judge", "consistent": "judge", "first": "if"}
"""The argument that takes the ask, for the reducers with only one such argument."""
_BEFORE = pattern(r"\breduce\s+(\w+)\s*\(\s*$")


def named_ask(span: Span) -> str:
    """Return the help for an ask at a place; "" for anything else, and outside the brackets of such a reducer."""
    text = span.source.text
    found = _BEFORE.search(text[: span.start][-200:]) if text.startswith("ask", span.start) else None
    if found is None or found[1] not in _ASKED:
        return ""
    return f"write the name of the argument: `{found[1]}({_ASKED[found[1]]}: ask …)`"
