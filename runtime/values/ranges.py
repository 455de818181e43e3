"""The check that a computed number is within its bounds. The checker applies the same bounds to written numbers."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import OptionSpec, ParamSpec, outside

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json


def within_bounds(specs: Mapping[str, OptionSpec] | Mapping[str, ParamSpec], values: Mapping[str, Json]) -> None:
    """Raise InputError if a computed option or argument is out of its bounds."""
    for name, value in values.items():
        spec = specs.get(name)
        if spec is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if wanted := outside(value, spec.low, spec.high):
            raise InputError(f"`{name}` takes a number {wanted}, and this is {value}")
