"""Safe fixes for foreign spellings that the tolerant lexer understands, such as `&&` or curly quotes."""

from __future__ import annotations

import re

from ..diagnostics import Edit, Fix
from ..source import Source
from .token import Token

_PAIRS = frozenset({"“”", "””", "„“", "„”", "«»", "‘’", "''"})
_ENDS = re.compile(r"[ \t]*(?:[#}\n]|\Z)")
_STEP = re.compile(r"[ \t]*(?:return\b|[A-Za-z_]\w*[ \t]*=(?!=))")
_OPERAND = re.compile(r"[ \t]*[\w.()+*/-]+[ \t]*(?:\n|\Z)")


def respelled(source: Source, token: Token, type: str) -> Fix | None:
    """Make the fix for a token of a type that only the tolerant lexer has. None if the intention is unclear."""
    text, start, end = source.text, token.start_pos, token.end_pos

    def fix(title: str, *edits: tuple[int, int, str]) -> Fix:
        return Fix(title, tuple(Edit(source.span(low, high), new) for low, high, new in edits))

    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    match type:
        case "SINGLE" | "CURLY":
            # With a letter at its side, the mark is an apostrophe inside a longer text.
            apart = not (before.isalnum() or after.isalnum())
            if apart and token[0] + token[-1] in _PAIRS and not {'"', "\\"} & set(token):
                return fix('write `"…"`', (start, start + 1, '"'), (end - 1, end, '"'))
        case "SLASHES":
            begins = not text[text.rfind("\n", 0, start) + 1 : start].strip()
            if begins or not _OPERAND.match(text, start + 2):
                return fix("write `#`", (start, start + 2, "#"))
        case "AMPERSANDS" | "BARS":
            word = "and" if type == "AMPERSANDS" else "or"
            left = "" if before.isspace() else " "
            right = "" if after.isspace() else " "
            return fix(f"write `{word}`", (start, end, f"{left}{word}{right}"))
        case "SEMICOLON":
            if _ENDS.match(text, end):
                return fix("delete it", (start, end, ""))
            if _STEP.match(text, end):
                return fix("delete it", (start, end, "" if after.isspace() else " "))
    return None
