"""Counters of tokens that also count images, and refuse an image that a model cannot take."""

from __future__ import annotations

from collections.abc import Callable

from flowrun.dsl import ImageText, ImageValue

from ..vocabulary.errors import UsageError
from ..vocabulary.image import Image
from ..vocabulary.image_tokens import tokens_of, worst


class ImageRefusedError(UsageError):
    """A model cannot take an image that the flow would show it."""


def with_images(count: Callable[[str], int], model: str, *, takes: bool = True) -> Callable[[str], int]:
    """Return a counter of a model's tokens that also counts the places of images.

    ``takes`` is False for a model that reads no images. The counter raises ImageRefusedError for an image that the
    provider of the model cannot take.
    """
    rule = tokens_of(model)

    def counted(text: str) -> int:
        if not isinstance(text, ImageText):
            return count(text)
        if not takes:
            raise ImageRefusedError(f"{model} reads no images, and the flow shows it one: name a model that does")
        if text.value is None:
            return worst(rule)
        _must_take(text.value, model)
        return max(1, rule(*text.pixels))

    return counted


def _must_take(value: ImageValue, model: str) -> None:
    from .images import refused  # few flows have images

    width, height = value.pixels
    kind, size, path = value.get("type"), value.get("size"), value.get("path")
    data = str(value.get("data") or "")
    image = Image(str(value.get("image")), str(kind), width, height, int(size or 0), path=str(path or ""), data=data)
    if said := refused(image, model):
        raise ImageRefusedError(said)
