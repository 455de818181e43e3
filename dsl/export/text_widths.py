"""The greatest width that a text may have in any sans serif font."""

from __future__ import annotations

import unicodedata

# In hundredths of the font's size; those of DejaVu Sans, which is wider than the other fonts that are asked for.
_GROUPS = {
    28: "'ijl",
    30: "IJ",
    32: " ,.",
    34: "/:;\\|",
    36: "-f",
    39: "()[]",
    41: "!t",
    42: "r",
    46: '"',
    50: "*_`",
    52: "s",
    54: "?z",
    56: "cL",
    58: "Fk",
    60: "vxy",
    62: "aeoPTY",
    64: "$0123456789ESbdghnpqu{}",
    66: "K",
    70: "ABVXZRC",
    75: "NU",
    77: "HD",
    79: "&GOQ",
    82: "w",
    84: "#+<=>^~",
    87: "M",
    96: "%",
    98: "mW",
    100: "@",
}
_WIDTHS = {char: width / 100 for width, chars in _GROUPS.items() for char in chars}
_BOLD = 1.13
# Some characters hold a whole phrase.
_PHRASES = range(0xFDF0, 0xFDFF)
_PICTURES = 0x1F000


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    width = sum(_WIDTHS[char] if char in _WIDTHS else _other(char) for char in text)
    return width * size * (_BOLD if bold else 1.0)


def _other(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if ord(char) in _PHRASES:
        return 10.0
    if ord(char) >= _PICTURES:
        return 1.4
    return 1.1
