"""Images in messages: their place in the text, and the mark that people read there."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from flowrun.dsl import dataclass

_DIGITS = 12
"""The hexadecimal digits of a digest in a mark. The key of an answer has the whole digest."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a message. It stands in the place of its mark, which is the text from ``at`` to ``until``.

    ``digest`` is that of its bytes, ``sha256:…``. ``path`` names its file; without one, ``data`` has the bytes in
    base64. ``source`` tells people where it comes from, if that is not the path.
    """

    digest: str
    type: str
    width: int
    height: int
    size: int = 0
    at: int = 0
    until: int = 0
    path: str = field(default="", compare=False)
    data: str = field(default="", compare=False, repr=False)
    source: str = field(default="", compare=False)


def mark_of(image: Image, number: int) -> str:
    """Return the mark of an image, as prompts, journals and pages show it.

    It has no path: an image that is moved is the same question.
    """
    short = image.digest.removeprefix("sha256:")[:_DIGITS]
    return f"⟨image {number}: {image.type} {image.width}×{image.height} {short}⟩"


def as_record(image: Image) -> dict[str, Any]:
    """Return an image as JSON shows it, without its bytes."""
    record: dict[str, Any] = {
        "image": image.digest,
        "type": image.type,
        "width": image.width,
        "height": image.height,
        "size": image.size,
        "at": image.at,
        "until": image.until,
    }
    return record | {name: value for name, value in (("path", image.path), ("source", image.source)) if value}


def described(image: Image, number: int) -> str:
    """Describe an image in a line for people: its number in the message, its file, its size and its digest."""
    size = f"{image.size / 1024:,.1f} kB" if image.size >= 1024 else f"{image.size} bytes"
    where = image.source or image.path or "without a file"
    return f"image {number}: {where}, {image.type}, {image.width}×{image.height}, {size}, {image.digest}"
