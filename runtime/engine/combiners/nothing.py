"""The value of an ask that got no results to combine."""

from __future__ import annotations

from flowrun.dsl import types

from ...reducers import ReduceError
from ...vocabulary.json_value import Json


def value_of_nothing(answer: types.Type, *, lost: bool) -> Json:
    """Return the empty text or list. Raise ReduceError for any other type, or if results were ``lost``."""
    if lost:
        raise ReduceError("every element failed")
    if types.may_be_empty(answer):
        return [] if isinstance(answer, types.ListOf) else ""
    raise ReduceError(f"the block has no results, and `none` is not {types.show(answer)}")
