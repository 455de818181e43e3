"""The normal form of a text, in which a quote is looked for. It keeps the place of each of its characters.

Two spellings of the same words have one normal form. These differences go away, and no others:

- blanks: a run of blanks, line breaks, tabs or no-break spaces is one blank;
- characters without a width, such as the soft hyphen and the marks for the direction of writing;
- the composition of accents (NFC), ligatures, wide and narrow letters, and presentation forms. Superscripts and
  fractions stay, because 10² is not 102;
- the shapes of quotation marks, of apostrophes, and of hyphens and dashes;
- the hyphen at the end of a line: see ``Joint``.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

from flowrun.dsl import dataclass

GONE, HYPHEN, BLANK = 1, 2, 4
"""The spellings of a joint: the two words written as one, a hyphen, or a hyphen and a blank."""

_DASHES = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")
_LONG = frozenset("\u2012\u2013\u2014\u2015")
_HYPHENS = ("-", "\u2010")
_SOFT = "\u00ad"
_SPACE = "\\U00000020"
_MARKS = dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4\u2039\u203a\uff07", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02", '"'
)
_IGNORED = frozenset(
    [_SOFT, "\u061c", "\u180e", "\ufeff"]
    + [chr(code) for code in (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065))]
    + [chr(code) for code in (*range(0x2066, 0x206A), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))]
)
_BREAKS = frozenset("\n\r\f\v\x85\u2028\u2029")
_SAME_LETTER = frozenset(("compat", "wide", "narrow", "initial", "medial", "final", "isolated", "noBreak", "font"))


@dataclass(frozen=True, slots=True)
class Joint:
    """A hyphen or a dash between two characters that are no blanks. The normal text leaves it out.

    ``spellings`` are the spellings that it may have, as a sum of GONE, HYPHEN and BLANK. A hyphen at the end of a line
    may be of the word or of the line, so it has all three. ``parts`` is True for a dash that separates two words.
    """

    spellings: int
    parts: bool


class NormalText:
    """A text in its normal form. ``text`` is without joints; ``joints`` has each by the place of what follows it."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.joints: dict[int, Joint] = {}
        self._starts, self._first, self._end = array("I"), array("I"), array("I")
        self._whole = bytearray()
        self._parts: list[str] = []
        self._size = 0
        self._read()
        self.text = "".join(self._parts)
        self._parts.clear()
        self.joint_places = array("I", sorted(self.joints))

    def start(self, place: int) -> int | None:
        """Return the offset in the original of the character at a place. None inside of a letter or of a ligature."""
        if place and self._inside(place):
            return None
        piece = bisect_right(self._starts, place) - 1
        inside = place - self._starts[piece]
        if self._whole[piece]:
            return None if inside else self._first[piece]
        return self._first[piece] + inside

    def end(self, place: int) -> int | None:
        """Return the offset in the original behind the character before a place. None inside of a letter."""
        if place < len(self.text) and self._inside(place):
            return None
        piece = bisect_right(self._starts, place - 1) - 1
        if self._whole[piece]:
            behind = self._starts[piece + 1] if piece + 1 < len(self._starts) else self._size
            return self._end[piece] if place == behind else None
        return self._first[piece] + place - self._starts[piece]

    def _inside(self, place: int) -> bool:
        """Tell whether the character at a place is an accent of the one before it."""
        return attached(self.text[place]) and self.text[place - 1] not in " -" and place not in self.joints

    def _read(self) -> None:
        text, at = self.original, 0
        pattern = _pattern(text)
        for found in pattern.finditer(text) if pattern else ():
            start, end = found.span()
            if at < start:
                self._add(text[at:start], at, start, whole=False)
            at = end
            match found.lastgroup:
                case "dash":
                    self._dash(found)
                case "blank":
                    self._add(" ", start, end)
                case "soft":
                    self._soft(found)
                case "char":
                    self._add(_mapped(_visible(found.group())), start, end)
        if at < len(text):
            self._add(text[at:], at, len(text), whole=False)

    def _add(self, new: str, start: int, end: int, *, whole: bool = True) -> None:
        self._starts.append(self._size)
        self._first.append(start)
        self._end.append(end)
        self._whole.append(whole)
        self._parts.append(new)
        self._size += len(new)

    @property
    def _last(self) -> str:
        return self._parts[-1][-1] if self._parts else " "

    def _dash(self, found: re.Match[str]) -> None:
        start, end = found.span()
        middle = found.end("run")
        run, blanks = _visible(found.group("run")), found.group("line")
        before, after = self._last, self._after(end)
        if before == " " or after in ("", "-"):
            self._add("-", start, middle)
            if blanks:
                self._add(" ", middle, end)
            return
        digits = before.isdigit() and after.isdigit()
        parts = not digits and (len(run) > 1 or run in _LONG)
        spellings = HYPHEN
        if blanks:
            ends_line = not _BREAKS.isdisjoint(blanks)
            word = run in _HYPHENS and _letter(before) and _letter(after)
            spellings = (GONE | HYPHEN | BLANK if word else HYPHEN | BLANK) if ends_line else BLANK
        self.joints[self._size] = Joint(spellings, parts)

    def _soft(self, found: re.Match[str]) -> None:
        start, end = found.span()
        after = self._after(end)
        soft = _SOFT in found.group("hidden") and not _BREAKS.isdisjoint(found.group())
        if soft and _letter(self._last) and after and _letter(after):
            self.joints[self._size] = Joint(GONE | HYPHEN | BLANK, parts=False)
        else:
            self._add(" ", start, end)

    def _after(self, end: int) -> str:
        """Return the first character, in normal form, of what follows an offset. "" at the end of the text."""
        return _mapped(self.original[end])[0] if end < len(self.original) else ""


@lru_cache(maxsize=8)
def normal(text: str) -> NormalText:
    """Return the normal form of a source. Several quotes of one source share it."""
    return NormalText(text)


def attached(char: str) -> bool:
    """Tell whether a character belongs to the letter before it: an accent, or the later part of a Korean syllable."""
    return "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff" or unicodedata.category(char)[0] == "M"


def _letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM"


def _visible(text: str) -> str:
    return "".join(char for char in text if char not in _IGNORED)


@lru_cache(maxsize=4096)
def _mapped(letter: str) -> str:
    """Return the normal form of a letter with its accents."""
    return "".join(_one(char) for char in unicodedata.normalize("NFC", letter))


def _one(char: str) -> str:
    if char in _MARKS or char in _DASHES:
        return _MARKS.get(char, "-")
    kind, _, _ = unicodedata.decomposition(char).partition(">")
    if kind[1:] not in _SAME_LETTER or kind[:1] != "<":
        return char
    return "".join(_MARKS.get(one, "-" if one in _DASHES else one) for one in unicodedata.normalize("NFKC", char))


def _pattern(text: str) -> re.Pattern[str] | None:
    """Make the pattern of all places at which a text differs from its normal form. Most of a text stays as it is."""
    chars = set(text)
    ignored = _class(chars & _IGNORED)
    dashes = _class(chars & _DASHES)
    blanks = _class(char for char in chars if char.isspace())
    marks = {char for char in chars if attached(char)} - _IGNORED
    if unicodedata.is_normalized("NFC", text) and not ignored:
        # Each letter has a single spelling, so accents need no care.
        marks = set()
    others = {char for char in chars if char not in _IGNORED and char not in _DASHES and not char.isspace()}
    mapped = _class(char for char in others if _mapped(char) != char)
    return _compiled(ignored, dashes, blanks, _class(marks), mapped)


def _class(chars: Iterable[str]) -> str:
    """Write characters for the inside of a class of a pattern."""
    return "".join(f"\\U{ord(char):08x}" for char in sorted(chars))


@lru_cache(maxsize=64)
def _compiled(ignored: str, dashes: str, blanks: str, marks: str, mapped: str) -> re.Pattern[str] | None:
    some = f"[{ignored}]*" if ignored else ""
    run = f"[{blanks}][{blanks}{ignored}]*" if blanks else ""
    ways = []
    if dashes:
        ways.append(f"(?P<dash>(?P<run>[{dashes}](?:{some}[{dashes}])*){some}(?P<line>{run})?)")
    if run and ignored:
        ways.append(f"(?P<soft>(?P<hidden>[{ignored}]++){run})")
    if run:
        odd = blanks.replace(_SPACE, "")
        starts = [f"[{odd}][{blanks}{ignored}]*"] if odd else []
        ways.append("(?P<blank>" + "|".join([*starts, f" [{blanks}{ignored}]+"]) + ")")
    if marks or mapped:
        base = f"[^{blanks}{dashes}{ignored}]" if blanks or dashes or ignored else "."
        chars = [f"{base}(?:{some}[{marks}])+"] if marks else []
        chars += [f"[{mapped}]"] if mapped else []
        ways.append(f"(?P<char>{'|'.join(chars)})")
    if ignored:
        ways.append(f"[{ignored}]+")
    return re.compile("|".join(ways), re.DOTALL) if ways else None
