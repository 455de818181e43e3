"""Inputs are fitted once, and rows that need no conversion quickly: with the same result as by the careful way."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import MOST_BITS, plan, types
from flowrun.runtime.cli import run_command
from flowrun.runtime.documents import fitting
from flowrun.runtime.documents.fitting import Problems, fit, quick_fit
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.vocabulary.errors import InputError

SPAM = types.Choice(("SPAM", "not spam"))
SIMPLE: list[types.Type] = [types.TEXT, types.INT, types.NUMBER, types.BOOL, types.JSON, SPAM, types.Range(1, 5)]
ROW = types.Record(
    (
        types.Field("id", types.INT),
        types.Field("text", types.TEXT),
        types.Field("label", types.Optional(SPAM)),
        types.Field("score", types.NUMBER),
    ),
    "Row",
)
TYPES: list[types.Type] = [
    *SIMPLE,
    *map(types.Optional, SIMPLE),
    *(types.Record((types.Field("a", one), types.Field("b", types.TEXT))) for one in SIMPLE),
    ROW,
    types.ListOf(types.INT),
    types.Record((types.Field("a", types.ListOf(types.TEXT)),)),
]
VALUES = st.recursive(
    st.sampled_from(
        [None, True, False, 0, 3, -7, 1 << MOST_BITS, 1.0, 2.5, math.inf, "", "x", "é", "\ud800", "spam", "SPAM"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("a b c id text".split()), inner),
    max_leaves=6,
)


def carefully(value: Any, type_: types.Type) -> tuple[Any, int]:
    problems = Problems()
    with patch.object(fitting, "quick_fit", lambda type_: lambda value: None):
        return fit(value, type_, (), problems), problems.count


@pytest.mark.parametrize("type_", TYPES, ids=types.show)
@given(value=VALUES)
@settings(max_examples=20)
def test_the_quick_way_fits_as_the_careful_one_does(type_: types.Type, value: Any) -> None:
    made = quick_fit(type_)(value)
    slowly, problems = carefully(value, type_)
    if made is not None:
        assert (repr(made), 0) == (repr(slowly), problems)
    found = Problems()
    assert repr(fit([value, value], types.ListOf(type_), (), found)) == repr([slowly, slowly])
    assert found.count == 2 * problems


def test_usual_rows_are_fitted_quickly() -> None:
    for row in (
        {"id": 1, "text": "x", "label": None, "score": 2.5},
        {"id": 2, "text": "ünïcode", "label": "SPAM", "score": 3, "more": []},
        {"id": 3, "text": "no label", "score": -1},
    ):
        assert quick_fit(ROW)(row) == {"label": None} | {name: row[name] for name in row if name != "more"}
    assert quick_fit(ROW)({"id": 1, "label": None, "score": 2.5}) is None


def test_the_json_of_a_command_is_checked_as_all_other_types(tmp_path: Path) -> None:
    huge = 1 << MOST_BITS
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": huge}) + "\n", encoding="utf-8")
    record = types.Record((types.Field("id", types.INT),))
    for type_ in (types.JSON, types.ListOf(types.JSON), types.ListOf(record), types.ListOf(types.Optional(types.JSON))):
        with pytest.raises(InputError, match="found a very large number"):
            read_input(plan.Param("it", type_, None, True), str(path), str)


def test_a_command_fits_its_rows_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "each.flow").write_text(
        """type Row = { id: int, n: 1..9 }
        flow f(rows: [Row]) {
          out = map row in rows { row.id } reduce collect
          return out
        }""",
        encoding="utf-8",
    )
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "n": 1.0}\n{"id": 2, "n": 9}\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = []
    whole = fitting._field

    def counted(record: Any, field: types.Field, *rest: Any) -> Any:
        found.append(field.name)
        return whole(record, field, *rest)

    monkeypatch.setattr(fitting, "_field", counted)
    assert run_command(["each.flow", "--rows", "rows.jsonl", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out) == [1, 2]
    assert found == ["id", "n", "id", "n"]
