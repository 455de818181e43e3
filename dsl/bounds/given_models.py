"""The models in the inputs of a plan. An input names a model by a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import plan as p
from .. import types as t


def given_models(value: Any, type_: t.Type, models: Mapping[str, p.Model]) -> Any:
    """Return an input with a model in each place where its type has one."""
    inner = t.unwrapped(type_)
    if inner == t.MODEL and isinstance(value, str):
        return models.get(value) or p.Model(value, value, {})
    if isinstance(inner, t.ListOf) and isinstance(value, list):
        return [given_models(one, inner.item, models) for one in value]
    if isinstance(inner, t.Record) and isinstance(value, dict):
        kinds = {field.name: field.type for field in inner.fields}
        return {name: given_models(one, kinds.get(name, t.JSON), models) for name, one in value.items()}
    return value


def model_name(model: p.Model) -> str:
    """Return the name of a model as a flow sees it."""
    return model.name if model.name == model.address else p.plain_name(model.name)
