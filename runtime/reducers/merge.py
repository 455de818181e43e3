"""`merge`: one record made of all records. Each field takes its first value that is not missing, and lists are joined.

Behind a fan-out, the branches are records, and the value has the fields of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowrun.dsl import Given, ReducerSpec, Refusal, types

from ..vocabulary.json_value import Json
from .protocol import Gathering, ReduceError, Rule


class Merge(Gathering):
    def value(self) -> Json:
        records = self.there()
        if not records:
            if isinstance(item := types.unwrapped(self.setting.item), types.Record) and all(
                isinstance(field.type, types.Optional | types.ListOf) for field in item.fields
            ):
                return {field.name: [] if isinstance(field.type, types.ListOf) else None for field in item.fields}
            raise ReduceError("the list of results is empty")
        return merged(records)


def merged(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one record: each field takes its first value that is there, and lists are joined."""
    whole: dict[str, Any] = {}
    for record in records:
        for name, value in record.items():
            known = whole.get(name)
            if known is None:
                whole[name] = list(value) if isinstance(value, list) else value
            elif isinstance(known, list) and isinstance(value, list):
                known += value
    return whole


def _result(given: Given) -> types.Type | Refusal:
    fields: dict[str, list[types.Type]] = {}
    for type_ in map(types.unwrapped, given.each):
        if type_ == types.UNKNOWN:
            return type_
        if not isinstance(type_, types.Record):
            way = "use `reduce flatten`" if isinstance(type_, types.ListOf) else "use `reduce collect`"
            return Refusal(f"`merge` joins records, and these results are {types.show(type_)}", way)
        for field in type_.fields:
            fields.setdefault(field.name, []).append(field.type)
    return types.Record(tuple(types.Field(name, _first(found, name)) for name, found in fields.items()))


def _first(found: list[types.Type], name: str) -> types.Type:
    """Return the type of a field's first value that is not missing."""
    joined = types.join(types.unwrapped(type_) for type_ in found)
    return types.Optional(joined) if all(isinstance(type_, types.Optional) for type_ in found) else joined


RULE = Rule(
    ReducerSpec(
        "merge",
        (),
        _result,
        "a single record; each field comes from the first result that has it",
        needs=True,
        typed=True,
    ),
    Merge,
)
