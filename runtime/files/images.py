"""Image files: their type and their size, read from their first bytes, and a check that they are whole.

PNG (W3C PNG, section 5.2), JPEG (ITU T.81, annex B), GIF (GIF89a, section 18) and WebP (developers.google.com/speed/
webp/docs/riff_container) are the types that all providers take. Nothing is decoded.
"""

from __future__ import annotations

import os
import struct
from hashlib import sha256
from pathlib import Path

from flowrun.dsl import ImageValue, dataclass

from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from .files import read_plain_bytes

MOST_BYTES = 20 * 1024 * 1024
"""The largest image that flowrun reads, and the largest that Gemini takes inline."""
MOST_PIXELS = 200_000_000
"""The most pixels. A small file may unpack to any size, so more are refused before anything decodes them."""
TAKEN = "flowrun takes PNG, JPEG, GIF and WebP"
_PNG = b"\x89PNG\r\n\x1a\n"
_OTHER: tuple[tuple[bytes, str], ...] = (
    (b"II*\0", "a TIFF file"),
    (b"MM\0*", "a TIFF file"),
    (b"BM", "a BMP file"),
    (b"%PDF", "a PDF, and `pages(document)` gives the images of its pages"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\1\0", "an icon file"),
    (b"\xff\x0a", "a JPEG XL file"),
)
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"heim": "HEIC", b"avif": "AVIF"}


@dataclass(frozen=True, slots=True)
class Header:
    """The facts at the beginning of an image. ``whole`` is False if the file ends too early."""

    type: str
    width: int
    height: int
    whole: bool


def read_image(path: Path, name: str = "") -> ImageValue:
    """Read an image file as a value. ``name`` is its name in messages. Raises InputError if it is no image."""
    name = name or shown(str(path))
    data = read_plain_bytes(path, name)
    return ImageValue({**facts_of(data, name), "path": os.path.abspath(path)})


def facts_of(data: bytes, name: str) -> dict[str, object]:
    """Return the digest, type and size of an image. Raises InputError if the bytes are no image."""
    header = header_of(data, name)
    return {
        "image": digest_of(data),
        "type": header.type,
        "width": header.width,
        "height": header.height,
        "size": len(data),
    }


def digest_of(data: bytes) -> str:
    """Return the digest of an image, as values and keys have it."""
    return f"sha256:{sha256(data).hexdigest()}"


def header_of(data: bytes, name: str) -> Header:
    """Read the header of an image. Raises InputError if it is none that flowrun takes, with the reason."""
    if not data:
        raise InputError(f"{name} is empty, and no image")
    try:
        found = _header(data)
    except (struct.error, IndexError):
        raise InputError(f"{name} is truncated: it ends inside of its header") from None
    if found is None:
        raise InputError(f"{name} is {_kind(data)}; {TAKEN}")
    if not found.width or not found.height:
        raise InputError(f"{name} is damaged: its header tells no size")
    if not found.whole:
        raise InputError(f"{name} is truncated: the end of the {found.type.removeprefix('image/').upper()} is missing")
    if found.width * found.height > MOST_PIXELS:
        raise InputError(
            f"{name} has {found.width:,} × {found.height:,} pixels, and {MOST_PIXELS:,} are the limit: scale it down"
        )
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{name} has {len(data) / 1024**2:.1f} MiB, and {MOST_BYTES // 1024**2} MiB are the limit of an image: "
            "scale it down"
        )
    return found


def _header(data: bytes) -> Header | None:
    if data.startswith(_PNG):
        width, height = struct.unpack_from(">II", data, 16)
        return Header("image/png", width, height, _png_ends(data))
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack_from("<HH", data, 6)
        return Header("image/gif", width, height, data.rstrip(b"\0").endswith(b";"))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def is_animated(data: bytes) -> bool:
    """Tell whether the bytes of a GIF have more than one picture (GIF89a, sections 17 to 27)."""
    pictures = 0
    try:
        at = 13 + _colours(data[10])
        while pictures < 2 and data[at] != 0x3B:
            if data[at] == 0x2C:
                pictures += 1
                at += 11 + _colours(data[at + 9])
            else:
                at += 2
            while data[at]:
                at += 1 + data[at]
            at += 1
    except IndexError:  # the file ends too early
        pass
    return pictures > 1


def _colours(packed: int) -> int:
    """Return the bytes of a table of colours, from the field that tells of it."""
    return 3 * 2 ** (1 + (packed & 7)) if packed & 0x80 else 0


def _png_ends(data: bytes) -> bool:
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + length
    return False


def _jpeg(data: bytes) -> Header | None:
    """Walk the segments to the frame header, which has the size: SOF0 to SOF15 without DHT, JPG and DAC."""
    at = 2
    while True:
        while data[at] != 0xFF:
            at += 1
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 3)
            return Header("image/jpeg", width, height, data.rfind(b"\xff\xd9") > at)
        if marker == 0xD9:
            return Header("image/jpeg", 0, 0, whole=True)
        if marker != 0x01 and not 0xD0 <= marker <= 0xD7:
            (length,) = struct.unpack_from(">H", data, at)
            at += max(2, length)


def _webp(data: bytes) -> Header | None:
    (size,) = struct.unpack_from("<I", data, 4)
    whole = len(data) >= size + 8
    form = data[12:16]
    if form == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        return Header("image/webp", width, height, whole and len(data) >= 30)
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("image/webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), whole)
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("image/webp", width & 0x3FFF, height & 0x3FFF, whole)
    return None


def _kind(data: bytes) -> str:
    """Say what a file is that is no image of a type that flowrun takes."""
    if data[4:8] == b"ftyp":
        kind = _BRANDS.get(data[8:12], "")
        return f"an {kind} file" if kind == "AVIF" else f"a {kind} file" if kind else "a video"
    found = next((kind for start, kind in _OTHER if data.startswith(start)), "")
    if found:
        return found
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head):
        return "an SVG drawing, which has no pixels"
    return "no image"
