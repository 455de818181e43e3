"""Fields that have the form of their type are taken as they are; every other field gets the full check."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.dsl import types
from flowrun.runtime.documents.fitting import Problems, fit

FIELDS = {"text": types.TEXT, "int": types.INT, "number": types.NUMBER, "bool": types.BOOL}
VALUES = [True, False, 0, 3, 3.0, 2.5, float("nan"), "a", "ä", "\ud800", "", None, [], {}]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_checked_like_a_value_of_its_own(name: str, value: Any) -> None:
    alone, within = Problems(), Problems()
    fitted = fit(value, FIELDS[name], ("field `f`",), alone)
    record = fit({"f": value}, types.Record((types.Field("f", FIELDS[name]),)), (), within)
    assert repr(record) == repr({"f": fitted})
    assert within.count == alone.count
