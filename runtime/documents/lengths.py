"""The lengths of texts and lists, held against the limits of their types."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import types

from ..vocabulary.amounts import count_text
from ..vocabulary.json_value import Json


def misses(type_: types.Type, value: Sequence[Json]) -> str | None:
    """Tell how the length of a text or a list misses the limits of its type. None if it keeps them."""
    least, most = types.lengths(type_)
    if least <= len(value) and (most is None or len(value) <= most):
        return None
    found = count_text(len(value), "character" if isinstance(value, str) else "element")
    return f"expected {types.show(type_)}, found {found}"
