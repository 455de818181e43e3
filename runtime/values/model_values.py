"""Models as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import dataclass, types
from flowrun.dsl import plan as p

from ..vocabulary.json_value import Json


@dataclass(frozen=True, slots=True)
class ModelValue:
    """A model as a value. ``options`` are those of its declaration.

    ``fallback`` is the address of the model that gets a call which has failed for good at this model.
    """

    name: str
    address: str
    options: tuple[tuple[str, Json], ...] = ()
    fallback: str | None = None


def field_of(value: Any, field: str) -> Json:
    """Return a field of a value. None if it is missing: a field that may be missing can be absent, as any of json."""
    if isinstance(value, Mapping):
        return value.get(field)
    return name_of(value) if field == "name" and isinstance(value, ModelValue | p.Model) else None


def name_of(model: ModelValue | p.Model) -> str:
    """Return the name of a model as its file declares it. A model that was given by its address has no other name."""
    return model.name if model.name == model.address else p.plain_name(model.name)


def given_models(value: Json, type_: types.Type) -> Json:
    """Return an input with a model in each place where its type has one. Inputs name models by texts."""
    match types.unwrapped(type_):
        case types.MODEL if isinstance(value, str):
            return ModelValue(value, value)
        case types.ListOf(item) if isinstance(value, list) and types.holds_model(item):
            return [given_models(one, item) for one in value]
        case types.Record(fields) if isinstance(value, Mapping) and types.holds_model(type_):
            kinds = {field.name: field.type for field in fields}
            return {name: given_models(one, kinds.get(name, types.JSON)) for name, one in value.items()}
    return value
