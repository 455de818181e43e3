"""Images in messages: their place in the text, and the mark that people read there."""

from __future__ import annotations

from dataclasses import field

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
