"""The numbers and bullets of paragraphs in a Word document. The text of the paragraphs does not contain them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import field

from flowrun.dsl import dataclass

from .archives import Archive, Attributes

_PLACE = re.compile(r"%([1-9])")
_WORTH = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
_ROMAN = tuple(zip(_WORTH, "m cm d cd c xc l xl x ix v iv i".split(), strict=True))
LEVELS = 9


@dataclass(slots=True)
class _ListLevel:
    kind: str = "decimal"
    text: str = ""
    start: int = 1


@dataclass(slots=True)
class Numbering:
    """The kinds of lists that a document declares, and the current count of each."""

    kinds: dict[str, str] = field(default_factory=dict)
    levels: dict[tuple[str, int], _ListLevel] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    overrides: dict[tuple[str, int], int] = field(default_factory=dict)
    """The first number of a list that shares the kind of another, by its number and level, until the list has begun."""

    def marker(self, number: str, depth: int) -> str:
        """Return the number or bullet before the next paragraph of a list, and count it."""
        kind = self.kinds.get(number)
        level = self.levels.get((kind or "", depth))
        if kind is None or level is None or level.kind == "bullet":
            return "-"
        counts = self.counts[kind]
        if (begin := self.overrides.pop((number, depth), None)) is not None:
            counts[depth] = begin - 1
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in range(depth + 1, LEVELS):
            counts.pop(deeper, None)

        def written(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            one = self.levels.get((kind, at), level)
            return written_number(counts.get(at, one.start), one.kind)

        return "" if level.kind == "none" else _PLACE.sub(written, level.text)


def read_numbering(archive: Archive, part: str) -> Numbering:
    out = Numbering()
    kind = number = ""
    level = _ListLevel()
    overridden = 0

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal kind, number, level, overridden
        value = attributes.get("val", "")
        match tag:
            case "abstractNum":
                kind, number = attributes.get("abstractNumId", ""), ""
            case "num":
                number = attributes.get("numId", "")
            case "abstractNumId" if number:
                out.kinds[number] = value
            case "lvl" if not number:
                level = out.levels[kind, whole(attributes.get("ilvl", ""))] = _ListLevel()
            case "numFmt" if not number:
                level.kind = value
            case "lvlText" if not number:
                level.text = value[:80]
            case "start" if not number:
                level.start = whole(value)
            case "lvlOverride" if number:
                overridden = whole(attributes.get("ilvl", ""))
            case "startOverride" if number:
                out.overrides[number, overridden] = whole(value)

    archive.parse(part, start)
    return out


def whole(text: str) -> int:
    """Read a small number from an attribute. 0 if the text is not a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def written_number(value: int, kind: str) -> str:
    """Write a number in one of Word's kinds, such as ``lowerRoman``. If the kind cannot write it, use digits."""
    if kind == "decimalZero":
        return f"{value:02}"
    if kind in ("lowerLetter", "upperLetter") and value > 0:
        letter = chr(ord("a") + (value - 1) % 26) * min((value - 1) // 26 + 1, 20)
        return letter.upper() if kind == "upperLetter" else letter
    if kind in ("lowerRoman", "upperRoman") and 0 < value < 4000:
        out = ""
        for worth, sign in _ROMAN:
            out += sign * (value // worth)
            value %= worth
        return out.upper() if kind == "upperRoman" else out
    return str(value)
