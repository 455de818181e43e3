"""`line`: each line that is not blank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .protocol import Splitter, lines, overlap_of, pieces


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    return pieces(text, lines(text), overlap_of(args))


SPLITTER = Splitter("line", (), split, "every line that is not blank")
