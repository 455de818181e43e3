"""Quotes by brute force: each part of a text is written in all its spellings and compared with the quote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
SINGLE = "'\u2018\u2019\u201a\u201b\u2032\u02bc`\u00b4\u2039\u203a\uff07"
DOUBLE = '"\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02'
BREAKS = "\n\r\f\v\x85\u2028\u2029"
KINDS = "compat wide narrow initial medial final isolated noBreak font".split()
HYPHEN_CUT, DASH_CUT, BLANK_CUT = "\x01", "\x02", "\x03"
"""The signs for joints beside a quote: a hyphen, a dash between words, a hyphen before a blank."""


def ignorable(char: str) -> bool:
    code = ord(char)
    return (
        code in (0xAD, 0x61C, 0x180E, 0xFEFF)
        or 0x200B <= code <= 0x200F
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x2064
        or 0x2066 <= code <= 0x2069
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )


def attached(char: str) -> bool:
    code = ord(char)
    return unicodedata.category(char).startswith("M") or 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF


def plain(char: str) -> str:
    if char in SINGLE:
        return "'"
    if char in DOUBLE:
        return '"'
    if char in DASHES:
        return "-"
    found = re.match(r"<(\w+)>", unicodedata.decomposition(char))
    if found is None or found.group(1) not in KINDS:
        return char
    return "".join("'" if one in SINGLE else '"' if one in DOUBLE else "-" if one in DASHES else one
                   for one in unicodedata.normalize("NFKC", char))  # fmt: skip


@dataclass
class Unit:
    """A part of a text that no quote may cut, with its spellings. ``cut`` stands for a joint beside a quote."""

    spellings: tuple[str, ...]
    start: int
    end: int
    cut: str = ""


@dataclass
class _Token:
    kind: str
    chars: str
    start: int
    end: int


def tokens(text: str) -> list[_Token]:
    """Cut a text into blanks, dashes, soft hyphens and letters. An accent belongs to its letter."""
    found: list[_Token] = []
    for at, char in enumerate(text):
        last = found[-1] if found else _Token("", "", 0, 0)
        if ignorable(char) and char != "\u00ad":
            continue
        kind = "blank" if char.isspace() else "dash" if char in DASHES else "soft" if char == "\u00ad" else "letter"
        before = last
        if kind != "soft" and last.kind == "soft":
            # A soft hyphen counts only at the end of a line, behind a letter.
            before = found[-2] if len(found) > 1 else _Token("", "", 0, 0)
            if kind != "blank" or before.kind != "letter":
                found.pop()
                last = before
        if kind == "soft" and last.kind in ("soft", "blank", "dash", ""):
            continue
        if (kind == last.kind and kind != "letter") or (kind == last.kind and attached(char)):
            last.chars += char
            last.end = at + 1
        else:
            found.append(_Token(kind, char, at, at + 1))
    return found[:-1] if found and found[-1].kind == "soft" else found


def units(text: str) -> list[Unit]:
    """Return the parts of a text, each with the spellings that a quote may use for it."""
    found: list[Unit] = []
    parts = tokens(text)
    written = [
        "".join(plain(one) for one in unicodedata.normalize("NFC", part.chars)) if part.kind == "letter" else ""
        for part in parts
    ]
    at = 0
    while at < len(parts):
        part = parts[at]
        if part.kind == "letter":
            found.append(Unit((written[at],), part.start, part.end))
        elif part.kind == "blank":
            found.append(Unit((" ",), part.start, part.end))
        else:
            at += _joint(parts, written, at, found)
        at += 1
    return found


def _joint(parts: list[_Token], written: list[str], at: int, found: list[Unit]) -> int:
    """Add the unit of a dash or a soft hyphen. Return how many of the parts behind it belong to it."""
    part = parts[at]
    blank = parts[at + 1] if at + 1 < len(parts) and parts[at + 1].kind == "blank" else None
    after = at + (2 if blank else 1)
    before, behind = (written[at - 1] if at else ""), (written[after] if after < len(parts) else "")
    breaks = blank is not None and any(char in BREAKS for char in blank.chars)
    words = bool(before and behind) and all(unicodedata.category(one)[0] in "LM" for one in (before[-1], behind[0]))
    if part.kind == "soft":
        if blank and breaks and words:
            found.append(Unit(("", "-", "- "), part.start, blank.end, HYPHEN_CUT))
        elif blank:
            found.append(Unit((" ",), blank.start, blank.end))
        return 1 if blank else 0
    if not before or not behind:
        found.append(Unit(("-",), part.start, part.end))
        return 0
    digits = before[-1].isdigit() and behind[0].isdigit()
    cut = DASH_CUT if not digits and (len(part.chars) > 1 or part.chars in "\u2012\u2013\u2014\u2015") else HYPHEN_CUT
    if blank is None:
        found.append(Unit(("-",), part.start, part.end, cut))
        return 0
    if not breaks:
        found.append(Unit(("- ",), part.start, blank.end, cut if cut == DASH_CUT else BLANK_CUT))
    elif words and part.chars in ("-", "\u2010"):
        found.append(Unit(("", "-", "- "), part.start, blank.end, cut))
    else:
        found.append(Unit(("-", "- "), part.start, blank.end, cut))
    return 1


def spelled(all_: list[Unit]) -> list[str]:
    return ["".join(one) for one in product(*(unit.spellings for unit in all_))]


UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
FREE = re.compile(f"[{UNSPACED}]")


def _wordy(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


SIGNS = "'_.,:-%\u2030\u00b0" + HYPHEN_CUT + DASH_CUT + BLANK_CUT


def _shape(text: str) -> str:
    """Write the kinds of characters: w for letters, u for those of scripts without blanks, d digits, $ money."""
    return "".join(map(_kind, text))


def _kind(char: str) -> str:
    if char.isdigit():
        return "d"
    if _wordy(char):
        return "u" if FREE.match(char) else "w"
    return "$" if unicodedata.category(char) == "Sc" else char if char in SIGNS else " "


CUT_WORD = re.compile(
    r"[dw]\|[dw]|[duw]['_]\|[duw]|[duw]\|['_][duw]|d[.,:]\|d|d\|[.,:]d|[$]\|d|d\|[$]|d\|[%\u2030\u00b0]|[%\u2030\u00b0]\|d"
)
CUT_BEFORE = re.compile(r"[\x01]\|[duw]|-\|d|(?<![duw])\.\|d")
CUT_BEHIND = re.compile(r"[duw]\|[\x01\x03]")


def whole_words(before: str, quote: str, behind: str) -> bool:
    """Tell whether a quote cuts no word and no number. Only the two characters on each side matter."""
    first, last = _shape(before[-2:]) + "|" + _shape(quote[:2]), _shape(quote[-2:]) + "|" + _shape(behind[:2])
    return not (CUT_WORD.search(first) or CUT_BEFORE.search(first) or CUT_WORD.search(last) or CUT_BEHIND.search(last))


def bare_forms(said: str) -> Iterator[list[str]]:
    """Yield the spellings of a quote as it was said, then without the marks around it."""
    whole = spelled(units(said))
    yield [one.strip(" ") for one in whole]
    yield [form for one in whole if (form := _bare(one))]


def _bare(one: str) -> str:
    """Take the marks off a quote. Empty if a dash stood right beside them, because it may be the sign of a number."""
    now, lead, last = one, 0, None
    while last != now:
        last = now
        for begin in (r" +", r"\[\.\.\.\]", r"\(\.\.\.\)", r"\.{3,}"):
            if begins := re.match(begin, now):
                lead, now = lead + begins.end(), now[begins.end() :]
            now = re.sub(f"(?:{begin})$", "", now)
        if len(now) > 1 and now[0] == now[-1] and now[0] in "'\"":
            lead, now = lead + 1, now[1:-1]
    opens = now[:1] == "-" and lead > 0 and one[lead - 1] != " "
    closes = now[-1:] == "-" and now[-2:-1] not in ("", " ") and one[lead + len(now) :].strip(" ") != ""
    return "" if opens or closes else now


def all_places(said: str, text: str) -> list[tuple[int, int]]:
    """Return all places of a quote, those that overlap too."""
    parts = units(text)
    for forms in bare_forms(said):
        wanted = {form for form in forms if any(char.isalnum() for char in form)}
        found = [
            (parts[i].start, parts[j - 1].end)
            for i in range(len(parts))
            for j in range(i + 1, len(parts) + 1)
            if not parts[i].cut and not parts[j - 1].cut
            and not wanted.isdisjoint(inside := spelled(parts[i:j]))
            and whole_words(_around(parts[:i]), next(one for one in inside if one in wanted), _around(parts[j:]))
        ]  # fmt: skip
        if found:
            return found
    return []


def _around(parts: list[Unit]) -> str:
    return "".join(part.cut or part.spellings[0] for part in parts)
