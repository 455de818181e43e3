"""The types of plans."""

from __future__ import annotations

from dataclasses import replace

from .type_forms import JSON, Field, ListOf, Mixed, Optional, Record, Type, Union


def planned(type_: Type) -> Type:
    """Return the type that a plan uses for this type: `json` for a mixed type."""
    match type_:
        case ListOf(item):
            return replace(type_, item=planned(item))
        case Optional(item):
            return Optional(planned(item))
        case Record(fields, name):
            return Record(_planned_fields(fields), name)
        case Union(members, tag, name):
            return Union(tuple(_planned_record(member) for member in members), tag, name)
        case Mixed():
            return JSON
    return type_


def _planned_record(record: Record) -> Record:
    return Record(_planned_fields(record.fields), record.name)


def _planned_fields(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(Field(one.name, planned(one.type), one.description) for one in fields)
