"""Quotes in types: their sources, the types of their values, and the types that a source may have."""

from __future__ import annotations

from dataclasses import replace

from .type_forms import DOCUMENT, TEXT, UNKNOWN, Field, ListOf, Optional, Quote, Record, Type, Union, plain, unwrapped


def quotes_of(type_: Type) -> tuple[str, ...]:
    """Return the sources of the quotes in a type, each once."""
    match type_:
        case Quote(source):
            return (source,)
        case ListOf(item) | Optional(item):
            return quotes_of(item)
        case Record(fields):
            return tuple(dict.fromkeys(source for field in fields for source in quotes_of(field.type)))
        case Union(members):
            return tuple(dict.fromkeys(source for member in members for source in quotes_of(member)))
    return ()


def without_quotes(type_: Type) -> Type:
    """Return the type of the values of an answer: each quote is a text."""
    if not quotes_of(type_):
        return type_
    match type_:
        case ListOf(item):
            return replace(type_, item=without_quotes(item))
        case Optional(item):
            return Optional(without_quotes(item))
        case Record(fields, name):
            return Record(_plain_fields(fields), name)
        case Union(members, tag, name):
            return Union(tuple(Record(_plain_fields(one.fields), one.name) for one in members), tag, name)
    return TEXT


def _plain_fields(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(Field(one.name, without_quotes(one.type), one.description) for one in fields)


def quotable(type_: Type) -> bool:
    """Return True if a source of quotes may have this type: a text, a file of `files`, or a list of these.

    An element of a list may be missing. A quote never comes from a missing element.
    """
    if isinstance(type_, ListOf):
        inner = unwrapped(type_.item)
        return not isinstance(inner, ListOf) and quotable(inner)
    if isinstance(type_, Record):
        return [(field.name, field.type) for field in type_.fields] == [("path", TEXT), ("text", TEXT)]
    return plain(type_) in (TEXT, DOCUMENT, UNKNOWN)
