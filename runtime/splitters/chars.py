"""`chars(n)`: pieces of at most n characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import ParamSpec, types

from .protocol import Splitter, size_of
from .windows import windows


class _Characters:
    def forward(self, start: int, amount: int) -> int:
        return start + amount

    def backward(self, end: int, amount: int) -> int:
        return max(end - amount, 0)


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    most, overlap = size_of(args, "characters")
    return [text[start:end] for start, end in windows(text, most, overlap, _Characters())]


SPLITTER = Splitter(
    "chars", (ParamSpec("n", types.INT, required=True, low=1),), split, "pieces of at most n characters"
)
