"""Images in types: where a value may hold a picture."""

from __future__ import annotations

from .type_forms import IMAGE, TEXT, Field, ListOf, Optional, Record, Type, Union, any_part, unwrapped


def holds_image(type_: Type) -> bool:
    """Return True if values of this type may contain an image. An image is shown to a model, and is no text."""
    return any_part(type_, lambda part: part == IMAGE)


def is_images(type_: Type) -> bool:
    """Return True if a prompt may show a value of this type as images: it is an image, or a list of images."""
    return (type_.item if isinstance(type_, ListOf) else unwrapped(type_)) == IMAGE


def as_paths(type_: Type) -> Type:
    """Return a type with a text in the place of each image: rows of files name the paths of their images."""
    match type_:
        case ListOf(item):
            return ListOf(as_paths(item), least=type_.least, most=type_.most)
        case Optional(item):
            return Optional(as_paths(item))
        case Union(members, tag, name):
            return Union(tuple(_record(one) for one in members), tag, name)
        case Record():
            return _record(type_)
    return TEXT if type_ == IMAGE else type_


def _record(record: Record) -> Record:
    fields = tuple(Field(one.name, as_paths(one.type), one.description) for one in record.fields)
    return Record(fields, record.name)
