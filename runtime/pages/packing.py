"""The packed form of a page's data: a script element that runs nothing holds it.

The texts are cut into words. Each word stands once in a table, the most frequent first, and a text is a row of word
numbers. gzip finds little to save in prose, because its words repeat without their neighbours. Word numbers need about
two thirds of its bytes.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping

from flowrun.dsl import pattern

from ..vocabulary.json_value import Json

_WORD = pattern(r" ?\w+|[^\w ]+| +")
_HALF = pattern(r"[\ud800-\udfff]")
_ONE, _TWO, _THREE = 128, 96 << 8, 31 << 16
"""The numbers of one, two and three bytes. Every other number has five: 255, then four bytes."""
_AT_ONCE = 100_000
"""The words of the texts that are written at once."""


def pack(data: Mapping[str, Json]) -> str:
    """Return the data of a page in base64: gzip of the length of a JSON text (4 bytes, little-endian), the text, words.

    In the JSON text, ``words`` is the table, and ``counts`` has the number of words of each text.
    """
    # Each word is one object, however often it stands in the texts: those of large runs have tens of millions.
    numbers: dict[str, int] = {}
    sequence, counts = array("I"), []
    for text in data["strings"]:
        words = _WORD.findall(text)
        counts.append(len(words))
        sequence.extend([numbers.setdefault(word, len(numbers)) for word in words])
    found = list(numbers)
    frequent = [number for number, _ in Counter(sequence).most_common()]
    codes = [b""] * len(found)
    for rank, number in enumerate(frequent):
        codes[number] = code(rank)
    rest = {name: value for name, value in data.items() if name != "strings"}
    head = [*_parts(rest | {"words": [found[number] for number in frequent], "counts": counts})]
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, packed, mtime=0) as file:
        file.write(sum(map(len, head)).to_bytes(4, "little"))
        file.writelines(head)
        for at in range(0, len(sequence), _AT_ONCE):
            file.write(b"".join([codes[number] for number in sequence[at : at + _AT_ONCE]]))
    return base64.b64encode(packed.getbuffer()).decode()


def page_json(value: Mapping[str, Json]) -> bytes:
    """Write a JSON object in UTF-8. A half of a surrogate pair, which UTF-8 cannot hold, becomes an escape of JSON."""
    return b"".join(_parts(value))


def _parts(value: Mapping[str, Json], depth: int = 2) -> Iterator[bytes]:
    """Yield the bytes of a JSON object, each column of the data for itself: the encoder takes ten times their size."""
    mark = b"{"
    for name, inner in value.items():
        yield mark + _json(name) + b":"
        if isinstance(inner, dict) and inner and depth > 1:
            yield from _parts(inner, depth - 1)
        else:
            yield _json(inner)
        mark = b","
    yield b"}" if mark == b"," else b"{}"


def _json(value: Json) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def code(number: int) -> bytes:
    """Return the bytes of the number of a word. Frequent words have small numbers and short codes."""
    if number < _ONE:
        return bytes([number])
    rest = number - _ONE
    if rest < _TWO:
        return bytes([128 + (rest >> 8), rest & 255])
    rest -= _TWO
    if rest < _THREE:
        return bytes([224 + (rest >> 16), rest >> 8 & 255, rest & 255])
    return b"\xff" + number.to_bytes(4, "little")
