"""The pages of a PDF as images with their texts, by pypdfium2 (Apache-2.0 or BSD-3-Clause), the extra ``[pages]``.

The child process renders the pages, with its limit on memory. The images lie in a folder of this process, which goes
with it: a resumed run renders them again, and equal pages have equal digests.
"""

from __future__ import annotations

import atexit
import os
import struct
import zlib
from collections.abc import Iterator
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flowrun.dsl import ImageValue

from ..files.files import read_plain_bytes
from ..files.images import digest_of
from ..files.large_text import FileMark, LargeText
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell
from .process import PROCESS, PendingRead

DOTS = 150
"""The dots of an inch in the image of a page."""
MOST_SIDE = 2000
"""The longest side of the image of a page, in pixels. No provider needs it to be scaled down."""
MOST_PAGES = 1000


class PagedText(LargeText):
    """The text of a PDF that remembers its file, so that `pages` finds the pages. A scan has an empty text."""

    @property
    def digest(self) -> str:
        """The digest of the file. Two scans may have the same text, which is none."""
        return self._mark.sha256

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (str(self), tuple(self._mark))


def _made(text: str, mark: tuple[str, int, str]) -> PagedText:
    LargeText.made = True
    made = PagedText(text)
    made._mark = FileMark(*mark)
    return made


def paged(path: Path) -> PagedText:
    """Read a PDF as a text that remembers its file. Raises InputError."""
    name = shown(str(path))
    data = read_plain_bytes(path, name)
    text: str = PROCESS.run(partial(_text_of, data, name), name)
    return _made(text, (os.path.abspath(path), len(data), sha256(data).hexdigest()))


def _text_of(data: bytes, name: str, tell: Tell) -> str:
    """Return the text of a PDF. This runs in the child process."""
    document = _opened(data, name)
    return "\n\f".join(_page_text(page) for page in document)


def pages_of(document: object, pending: PendingRead | None = None) -> list[Json]:
    """Return the pages of a document: records of their ``number``, ``image`` and ``text``. Raises InputError."""
    if not isinstance(document, PagedText):
        raise InputError(
            "`pages` takes a document that is a PDF file, and this one is a text: give the path of the PDF"
        )
    path, _, digest = document._mark
    name = shown(path)
    data = read_plain_bytes(Path(path), name)
    if sha256(data).hexdigest() != digest:
        raise InputError(f"{name} has changed since the run read it: start a new run")
    found: list[Json] = PROCESS.run(partial(_rendered, data, name, path, _folder()), name, pending=pending)
    return [{**page, "image": ImageValue(page["image"])} for page in found]


@cache
def _folder() -> str:
    folder = TemporaryDirectory(prefix="flowrun-pages-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return folder.name


def _opened(data: bytes, name: str) -> Any:
    try:
        import pypdfium2
    except ImportError:
        raise InputError(
            f"{name}: to read the pages of a PDF, install an extra: `pip install 'flowrun-dsl[pages]'`"
        ) from None
    if b"%PDF-" not in data[:1024]:
        raise InputError(f"{name} is not a PDF, and only a PDF has pages")
    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        why = "has a password; save it without a password first" if "assword" in str(error) else "is damaged"
        raise InputError(f"{name} {why}") from None
    if count > MOST_PAGES:
        raise InputError(f"{name} has {count:,} pages, and {MOST_PAGES:,} are the limit: split it into smaller files")
    return document


def _page_text(page: Any) -> str:
    text: str = page.get_textpage().get_text_bounded()
    return text.replace("\r\n", "\n").replace("\0", "").replace("\f", " ").encode("utf-8", "replace").decode()


def _rendered(data: bytes, name: str, path: str, folder: str, tell: Tell) -> Iterator[Json]:
    """Yield the pages of a PDF, and write the image of each into a folder. This runs in the child process."""
    document = _opened(data, name)
    for number, page in enumerate(document, 1):
        scale = min(DOTS / 72, MOST_SIDE / max(1.0, *page.get_size()))
        bitmap = page.render(scale=scale, rev_byteorder=True)
        picture = png(bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels)
        digest = digest_of(picture)
        at = os.path.join(folder, f"{digest.removeprefix('sha256:')}.png")
        if not os.path.exists(at):
            with open(at, "xb") as file:
                file.write(picture)
        image = {
            "image": digest,
            "type": "image/png",
            "width": bitmap.width,
            "height": bitmap.height,
            "size": len(picture),
            "path": at,
            "source": f"{path}, page {number}",
        }
        yield {"number": number, "image": image, "text": _page_text(page)}
        bitmap.close()
        page.close()


def png(pixels: bytes, width: int, height: int, stride: int, channels: int) -> bytes:
    """Write pixels as a PNG: grey, RGB, or RGB with a fourth byte that counts for nothing."""
    kept = min(channels, 3)
    rows = []
    for at in range(0, stride * height, stride):
        row = pixels[at : at + width * channels]
        if channels == 4:
            bare = bytearray(width * 3)
            bare[0::3], bare[1::3], bare[2::3] = row[0::4], row[1::4], row[2::4]
            row = bytes(bare)
        rows.append(b"\0" + row)
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if kept == 1 else 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
