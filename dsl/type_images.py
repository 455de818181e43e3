"""Images in types: where a value may hold a picture."""

from __future__ import annotations

from .type_forms import IMAGE, ListOf, Mixed, Optional, Record, Type, Union, unwrapped


def holds_image(type_: Type) -> bool:
    """Return True if values of this type may contain an image. An image is shown to a model, and is no text."""
    match type_:
        case ListOf(item) | Optional(item):
            return holds_image(item)
        case Record(fields):
            return any(holds_image(field.type) for field in fields)
        case Mixed(options):
            return any(map(holds_image, options))
        case Union(members):
            return any(map(holds_image, members))
    return type_ == IMAGE


def is_images(type_: Type) -> bool:
    """Return True if a prompt may show a value of this type as images: it is an image, or a list of images."""
    return (type_.item if isinstance(type_, ListOf) else unwrapped(type_)) == IMAGE
