"""The plan of a search: its expected calls and cost have those of the judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.cli import run_command

FLOW = """
model m = "openai:x" with max_tokens: 20, input_price: 100, output_price: 100
model judge = "openai:y" with max_tokens: 5, input_price: PRICE, output_price: PRICE
flow f() {
  v = repeat 1..8 { ask m "A name?" } reduce first(if: ask judge "Is {{ result }} good?" -> yes | no)
  return v
}
"""


def test_the_expected_cost_of_a_search_has_its_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def expected(price: int) -> Any:
        (tmp_path / "f.flow").write_text(FLOW.replace("PRICE", str(price)))
        assert run_command(["plan", str(tmp_path / "f.flow"), "--json"]) == 0
        (v,) = json.loads(capsys.readouterr().out)["bounds"]["inside"]
        return v["expected"]

    free, dear = expected(0), expected(1000)
    assert free["calls"] == dear["calls"] == pytest.approx(2 * free["samples"])
    # The question has at least two tokens, its answer one: at a thousand dollars a million, for each sample.
    assert dear["cost"]["least"] - free["cost"]["least"] >= 3e-3 * free["samples"]
    assert dear["cost"]["most"] > dear["cost"]["least"]
