"""The decoding of texts: UTF-8, or UTF-16 with a byte-order mark."""

from __future__ import annotations

import codecs

from flowrun.dsl import pattern

from ..vocabulary.errors import InputError

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BOM = "\ufeff"
"""The byte-order mark, decoded; it is no part of the text."""
_HEAD = 4096
_CONTROL = pattern(rb"[\x00-\x08\x0e-\x1f]")


def decode_flow(data: bytes, name: str, what: str = "a flow") -> str:
    """Decode the text of a flow file, or of another part of a flow. It must be in UTF-8."""
    if kind := _wide_kind(data):
        raise InputError(f"{name} is encoded in {kind}, and {what} must be in UTF-8; {_convert(kind)}")
    return decode(data, name)


def decode(data: bytes, name: str) -> str:
    """Decode a text in UTF-8, or in UTF-16 with a byte-order mark. Line ends become ``\\n``. Raises InputError."""
    wide = _wide_kind(data)
    if wide and not (wide == "UTF-16" and data.startswith(_UTF_16_MARKS)):
        raise InputError(f"{name} is encoded in {wide}, and flowrun reads text in UTF-8; {_convert(wide)}")
    encoding, kind = ("utf-16", wide) if wide else ("utf-8-sig", "UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        # The decoder cuts the mark off first, so its place does not count the mark.
        mark = len(codecs.BOM_UTF8) if kind == "UTF-8" and data.startswith(codecs.BOM_UTF8) else 0
        raise InputError(
            f"{name} is not {kind} text: byte {error.start + mark} is 0x{data[error.start + mark]:02x}; "
            "save it as UTF-8, or convert it with `iconv -t utf-8`"
        ) from None
    if "\0" in text:
        raise InputError(f"{name} is not text: it has a zero byte, as binary files do")
    text = text.lstrip(BOM)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _wide_kind(data: bytes) -> str | None:
    """Return the name of a text's wide encoding, such as UTF-16. None if it has none.

    The encoding is recognized by its byte-order mark, or by the zero bytes between letters.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith(_UTF_16_MARKS):
        return "UTF-16"
    head = data[:_HEAD]
    for first, kind in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        zeros, others = head[first::2], head[1 - first :: 2]
        # True for mostly Latin text; other files have zeros at even and odd places, and control bytes.
        if len(zeros) > 1 and zeros.count(0) > len(zeros) * 0.6 and not _CONTROL.search(others):
            return kind
    return None


def _convert(kind: str) -> str:
    return f"save it as UTF-8, or convert it with `iconv -f {kind.lower()} -t utf-8`"
