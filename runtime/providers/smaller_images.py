"""Images that are scaled down, by Pillow (MIT-CMU), the extra ``[images]``."""

from __future__ import annotations

import io
import warnings

from ..files.images import MOST_PIXELS
from ..vocabulary.errors import InputError

_QUALITY = 85
_STEP = 0.8


def smaller(data: bytes, most: int, side: int, name: str) -> tuple[str, bytes, tuple[int, int]]:
    """Return the media type, the bytes and the size of an image with at most ``most`` bytes and ``side`` pixels.

    An image with transparent parts stays a PNG, and any other becomes a JPEG. Raises InputError.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            found = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
            found.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (the library fails on damaged images in many ways)
        raise InputError(f"{name} is damaged: it cannot be decoded ({type(error).__name__})") from None
    clear = found.mode in ("RGBA", "LA", "PA") or "transparency" in found.info
    kind, form = ("image/png", "PNG") if clear else ("image/jpeg", "JPEG")
    found = found.convert("RGBA" if clear else "RGB")
    found.thumbnail((side, side))
    while True:
        out = io.BytesIO()
        found.save(out, form, **({} if clear else {"quality": _QUALITY}))
        if out.tell() <= most:
            return kind, out.getvalue(), found.size
        width, height = (max(1, int(one * _STEP)) for one in found.size)
        found = found.resize((width, height))
