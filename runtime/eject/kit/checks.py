"""The checks of answers, and the sentence that tells a model why one fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .failures import Failure

Side = tuple[str, Callable[[Any], Any], bool]
"""A side of a comparison: its words, its value, and whether it is of the answer, whose text the model may read."""


def fault(answer: Any, whole: str, message: str, parts: list[tuple[Callable[[Any], Any], str, list[Side]]]) -> str:
    """Return why an answer fails a check; "" if it does not. ``parts`` are the conditions that must hold together."""
    try:
        for holds, words, sides in parts:
            if not holds(answer):
                told = [one for one in (side_value(answer, *side) for side in sides) if one][:3]
                why = f"{words} does not hold" + (f": {' and '.join(told)}" if told else "")
                break
        else:
            return ""
    except (Failure, ArithmeticError, LookupError, TypeError, ValueError):
        why = f"{whole} has no value, as behind a division by zero"
    return f"fails a check: {f'{message} ({why})' if message else why}"


def side_value(answer: Any, words: str, value_of: Callable[[Any], Any], own: bool) -> str:
    value = value_of(answer)
    if isinstance(value, list | dict) or (isinstance(value, str) and not own):
        return ""
    if isinstance(value, str):
        line = " ".join("".join(char if char.isprintable() else " " for char in value).split())
        value = line if len(line) <= 40 else f"{line[:40]}…"
    return f"{words} is {json.dumps(value, ensure_ascii=False)}"
