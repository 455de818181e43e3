"""The plural of the word for a sample."""

from __future__ import annotations


def plural(word: str) -> str:
    """Return the plural of the word for a sample. The word may be the name of any element."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in ("", *"aeiou") else f"{word}s"
