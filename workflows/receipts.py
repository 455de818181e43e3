"""Draws the receipts of `receipts.flow`: small pictures of amounts, as a till prints them.

    python workflows/receipts.py workflows/receipts

Each picture is a grey PNG, written with the standard library alone.
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

# Each sign is three dots wide and five high; a digit is one row, read as bits.
SIGNS = {
    "0": "75557",
    "1": "26227",
    "2": "71747",
    "3": "71717",
    "4": "55711",
    "5": "74717",
    "6": "74757",
    "7": "71111",
    "8": "75757",
    "9": "75717",
    ".": "00002",
    "A": "25755",
    "B": "65656",
    "D": "65556",
    "E": "74647",
    "L": "44447",
    "M": "57755",
    "O": "75557",
    "R": "65655",
    "T": "72222",
    " ": "00000",
}
RECEIPTS = {
    "bakery.png": (("BREAD", "3.20"), ("ROLL", "0.80"), ("TOTAL", "4.00")),
    "tools.png": (("TOOL", "18.90"), ("BELT", "7.25"), ("TOTAL", "26.15")),
    "meal.png": (("MEAL", "12.40"), ("BREAD", "1.10"), ("TOTAL", "13.50")),
}
DOT = 4
COLUMNS = 15
MARGIN = 3


def drawn(lines: tuple[tuple[str, str], ...]) -> bytes:
    """Draw the lines of a receipt, each with its amount on the right, as a PNG."""
    width, height = COLUMNS * 4 + 2 * MARGIN, len(lines) * 7 + 2 * MARGIN
    dots = [[255] * width for _ in range(height)]
    for row, (name, amount) in enumerate(lines):
        text = name + amount.rjust(COLUMNS - len(name))
        for column, sign in enumerate(text):
            for y, bits in enumerate(SIGNS[sign]):
                for x in range(3):
                    if int(bits) >> (2 - x) & 1:
                        dots[MARGIN + row * 7 + y][MARGIN + column * 4 + x] = 30
    rows = [bytes(value for value in row for _ in range(DOT)) for row in dots]
    return png(width * DOT, height * DOT, b"".join(b"\0" + row for row in rows for _ in range(DOT)))


def png(width: int, height: int, rows: bytes) -> bytes:
    """Write rows of grey pixels as a PNG. Before each row stands a zero."""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in RECEIPTS.items():
        (folder / name).write_bytes(drawn(lines))
