"""Small image files of each type, and PDFs of a few words, made for tests."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 40, height: int = 30, shade: int = 200) -> bytes:
    """Make a PNG of one shade of grey."""
    rows = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return _chunks(head, zlib.compress(rows))


def png_of_size(width: int, height: int) -> bytes:
    """Make a PNG that tells a size and has no pixels."""
    return _chunks(struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"")


def _chunks(head: bytes, body: bytes) -> bytes:
    parts = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(one)) + kind + one + struct.pack(">I", zlib.crc32(kind + one)) for kind, one in parts
    )


def jpeg(width: int = 64, height: int = 48) -> bytes:
    """Make a JPEG with the segments that a camera writes before the size."""
    app = b"\xff\xe1" + struct.pack(">H", 12) + b"Exif\0\0\xff\xd9\xff\xd9"
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\0\0\x3f\0" + b"\x12\x34"
    return b"\xff\xd8" + app + frame + scan + b"\xff\xd9"


def gif(width: int = 10, height: int = 5) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0" * 6 + b";"


def animated(pictures: int = 2, *, local: bool = False) -> bytes:
    """Make a GIF of some pictures, each one pixel behind a comment that has the marks of a picture and of the end."""
    comment = b"\x21\xfe\x04,;,;\0"
    table = b"\0" * 6 if local else b""
    one = b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + (b"\x80" if local else b"\0") + table + b"\x02\x02\x44\x01\0"
    return gif(1, 1)[:-1] + (comment + one) * pictures + b";"


def webp(form: str = "VP8 ", width: int = 120, height: int = 90) -> bytes:
    """Make a WebP of one of its three forms."""
    if form == "VP8X":
        inner = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif form == "VP8L":
        inner = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 5
    else:
        inner = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0\0"
    chunk = form.encode() + struct.pack("<I", len(inner)) + inner
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def pdf(*pages: str, box: str = "0 0 200 150") -> bytes:
    """Make a PDF with a text on each page; a page without text shows a rectangle alone."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
    ]
    for number, text in enumerate(pages):
        words = f"BT /F1 24 Tf 20 100 Td ({text}) Tj ET " if text else ""
        content = f"{words}0.2 0.4 0.6 rg 20 20 {60 + number} 40 re f"
        place = f"/Parent 2 0 R /MediaBox [{box}] /Contents {4 + 2 * number} 0 R"
        objects.append(f"<< /Type /Page {place} /Resources {font} >>")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n".encode()
    table = b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    return out + head + table + end
