"""The decoding of HTML in its declared encoding, after the HTML standard (section 13.2.3) and the Encoding standard."""

from __future__ import annotations

import codecs
import re

from ..files.decoding import decode
from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from .markup import attributes_of

_HEAD = 4096
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)[\"']")
_META = re.compile(rb"<meta(?=[\s/])([^>]*)>", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
# Labels that browsers read as another encoding than Python does.
_MEANT = {
    **dict.fromkeys("ascii iso8859-1 latin-1 us-ascii x-user-defined".split(), "cp1252"),
    **dict.fromkeys("gb2312 gbk euc_cn".split(), "gb18030"),
    **dict.fromkeys("shift_jis ms_kanji cp932 x-sjis windows-31j".split(), "cp932"),
    **dict.fromkeys("euc_kr cp949 ks_c_5601-1987 ksc5601".split(), "cp949"),
    **dict.fromkeys("big5 x-x-big5".split(), "big5hkscs"),
    **dict.fromkeys("iso8859-11 tis-620 dos-874".split(), "cp874"),
    "iso8859-9": "cp1254",
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
    # The declaration could be read as single bytes. So the page cannot have a wider encoding.
    **dict.fromkeys("utf-16 utf-16-le utf-16-be utf-16le utf-16be unicode".split(), "utf-8"),
}
_TEXTS = re.compile(r"utf-8|cp\d+|iso8859-\d+|mac-\w+|koi8-\w|gb18030|big5hkscs|euc_jp|iso2022_jp|ptcp154")


def decode_page(data: bytes, name: str) -> str:
    """Decode a page. Raise InputError if the declared encoding is unknown or does not fit the bytes."""
    marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    declared = None if marked else _declared(data[:_HEAD])
    encoding = declared and _encoding(declared)
    if declared and not encoding:
        raise InputError(
            f"{name} declares the encoding {shown(declared, 40)}, which flowrun does not read; save it as UTF-8"
        )
    if not encoding or encoding == "utf-8":
        return decode(data, name)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} declares the encoding {shown(str(declared), 40)}, and byte {error.start} does not fit it; "
            "save it as UTF-8"
        ) from None
    return decode(text.encode("utf-8", "surrogatepass"), name)


def _declared(head: bytes) -> str | None:
    if found := _XML.match(head):
        return found[1].decode("ascii", "replace")
    for meta in _META.finditer(_COMMENT.sub(b"", head)):
        attributes = attributes_of(meta[1].decode("ascii", "replace"))
        if label := attributes.get("charset", "").strip():
            return label
        if attributes.get("http-equiv", "").strip().lower() == "content-type":
            inner = _CHARSET.search(attributes.get("content", ""))
            if inner:
                return inner[1]
    return None


def _encoding(label: str) -> str | None:
    """Return Python's name for the label of a text encoding. None if the label names no such encoding."""
    label = label.strip().lower()
    if label in _MEANT:
        return _MEANT[label]
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _MEANT.get(name, name)
    return name if _TEXTS.fullmatch(name) else None
