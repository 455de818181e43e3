"""Images as values of a flow, and the sizes that stand for them before a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from . import types as t
from .plain_data import Json


class ImageValue(dict[str, Json]):
    """An image as a value: a record of its digest (``image``), media ``type``, ``width``, ``height`` and ``size``.

    ``path`` names its file, or ``data`` has its bytes in base64. No text of a flow makes such a value: a record with
    the same fields is a record.
    """

    made: ClassVar[bool] = False
    """True once a value was made. A run without images looks for none in its values."""

    def __init__(self, record: Mapping[str, Json]) -> None:
        super().__init__(record)
        ImageValue.made = True

    def __reduce__(self) -> tuple[type[ImageValue], tuple[dict[str, Json]]]:
        return ImageValue, (dict(self),)

    @property
    def pixels(self) -> tuple[int, int]:
        """The width and the height."""
        return _number(self.get("width")), _number(self.get("height"))


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


class ImageText(str):
    """The place of an image in a text whose tokens are counted. A counter of tokens asks for its ``pixels``.

    ``value`` is the image, None for one that is not known yet.
    """

    __slots__ = ("pixels", "value")
    pixels: tuple[int, int]
    value: ImageValue | None

    def __new__(cls, width: int, height: int, value: ImageValue | None = None) -> ImageText:
        made = super().__new__(cls, f"⟨image {width}×{height}⟩")
        made.pixels, made.value = (width, height), value
        return made


MOST_PAGES = 1000
"""The most pages of a document that `pages` gives."""
LARGEST = ImageText(8000, 8000)
"""The largest image that a provider takes."""


def given_images(value: Any, type_: t.Type) -> Any:
    """Return an input with an image in each place where its type has one. A journal holds images as plain records."""
    if not t.holds_image(type_):
        return value
    match t.unwrapped(type_):
        case t.IMAGE if isinstance(value, Mapping):
            return value if isinstance(value, ImageValue) else ImageValue(value)
        case t.ListOf(item) if isinstance(value, list):
            return [given_images(one, item) for one in value]
        case t.Union() as union if isinstance(value, Mapping):
            member = union.member(value.get(union.tag))
            return value if member is None else given_images(value, member)
        case t.Record(fields) if isinstance(value, Mapping):
            kinds = {field.name: field.type for field in fields}
            return {name: given_images(one, kinds.get(name, t.JSON)) for name, one in value.items()}
    return value


def has_image(value: Any) -> bool:
    """Tell whether a value is an image, or contains one."""
    if not ImageValue.made:
        return False
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, ImageValue):
            return True
        if isinstance(one, list):
            todo.extend(one)
        elif isinstance(one, dict):
            todo.extend(one.values())
    return False
