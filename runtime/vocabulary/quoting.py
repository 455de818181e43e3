"""Quote foreign text in messages, such as an answer of a model, an error of a server, or the name of a file."""

from __future__ import annotations

import json
import re
from typing import Any

from flowrun.dsl import STEERS, inert, one_line, pattern

__all__ = ["inert", "json_line", "json_text", "one_line", "sentence", "shown"]

_IN_JSON = pattern(rf"[{STEERS}]")
_LINE = json.JSONEncoder(ensure_ascii=False).encode


def shown(text: str, most: int = 200) -> str:
    """Quote a text in backticks: at most ``most`` characters, on one line, and safe for a terminal."""
    return f"`{one_line(_cut(text, most))}`"


def sentence(text: str, most: int = 200) -> str:
    """Write foreign words as part of a message: at most ``most`` characters on one line, and safe for a terminal."""
    # Only the part that can be shown is read, because the page of an error may be long.
    return _cut(one_line(" ".join(text[: 16 * most].split())), most)


def json_text(value: Any, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """Write a value as JSON for people. Letters stay, and characters that control a terminal become JSON escapes."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    plain = text.isascii() and text.replace("\n", "").isprintable()
    return text if plain else _IN_JSON.sub(_escaped, text)


def json_line(value: Any) -> str:
    """Write a value as ``json_text`` does, on one line. A run may write millions of them."""
    text = _LINE(value)
    # Most lines are letters of ASCII.
    return text if text.isascii() and text.isprintable() else _IN_JSON.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
