"""Values that are images, and their form in messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowrun.dsl import ImageValue

from ..vocabulary.image import Image, mark_of


def image_of(value: ImageValue) -> Image:
    """Return an image as messages have it, from its value."""
    width, height = value.pixels
    size = value.get("size")
    words = [str(value.get(name) or "") for name in ("image", "type", "path", "data", "source")]
    digest, kind, path, data, source = words
    return Image(digest, kind, width, height, size if isinstance(size, int) else 0, 0, 0, path, data, source)


def plain_mark(value: Any) -> str:
    """Return the marks of a value that ``is_shown``, for a text that is not sent."""
    several: Sequence[ImageValue] = value if isinstance(value, list) else (value,)
    return "\n".join(mark_of(image_of(one), number) for number, one in enumerate(several, 1))


def is_shown(value: Any) -> bool:
    """Tell whether a template writes a value as images: it is one, or a list of them."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, ImageValue) for one in value)
    return isinstance(value, ImageValue)
