"""The plan of a vote that compares its answers: its expected questions, and the graph."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flowrun.dsl.bounds.comparisons import expected_comparisons
from flowrun.runtime.cli import run_command
from flowrun.runtime.reducers import REDUCERS
from support.judged_votes import asked, flow, run

Json = Any
DRAWS = 40


@pytest.mark.parametrize("right", [0.75])
@pytest.mark.parametrize(
    ("rule", "number", "args"),
    [
        ("ahead(2, {same})", (2, 9), {"lead": 2}),
        ("majority({same})", (5, 5), {}),
        ("majority({same})", (4, 4), {}),
        ("majority({same})", (3, 9), {}),
        ("quorum(3, {same})", (6, 6), {"votes": 3}),
        ("unanimous({same})", (4, 4), {}),
    ],
)
def test_the_expected_questions_are_the_mean_of_runs(
    rule: str, number: tuple[int, int], args: dict[str, Json], right: float
) -> None:
    least, most = number
    ends: Any = REDUCERS[rule.split("(", maxsplit=1)[0]].spec.expected
    over = ends.ends(least, most, args)
    written = str(most) if least == most else f"{least}..{most}"
    for launch in ("cost", "together"):
        counts = []
        for seed in range(DRAWS):
            random = Random(f"{rule}{seed}")
            ballots = [f"{'r' if random.random() < right else 'w'} {random.random()}" for _ in range(most)]
            counts.append(len(asked(run(flow(rule, written, launch), ballots, lambda one, other: one[0] == other[0]))))
        mean = sum(counts) / DRAWS
        error = (sum((one - mean) ** 2 for one in counts) / DRAWS**2) ** 0.5
        told = expected_comparisons(most, right, over, whole=launch == "together" and least == most)
        assert abs(told - mean) < 4 * error + 0.01, (launch, told, mean, error)


FLOW = """
model m = "openai:x" with input_price: 100, output_price: 100, max_tokens: 20
extern alike(one: text, other: text) -> bool from "m:f"

flow f() {
  v = repeat 2..9 { ask m "What is it?" } reduce ahead(2, same: ask m "S {{ a }} {{ b }}" -> yes | no)
  w = repeat 3 { ask m "What is it now?" } reduce majority(ties: first, same: alike)
  x = repeat 3..9 { ask m "What was it?" } reduce window(3, same: ask m "W {{ a }} {{ b }}" -> yes | no)
  y = map one in ["p", "q", "r"] { ask m "On {{ one }}." } reduce majority(same: ask m "Y {{ a }} {{ b }}" -> bool)
  return { v, w, x, y }
}
"""


def test_plan_tells_the_expected_comparisons_and_what_they_are_expected_to_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "f.flow"
    file.write_text(FLOW)
    assert run_command(["plan", str(file)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "on average" in line]
    assert len(lines) == 4
    assert lines[0].startswith("  v: 6.5 calls on average, 3.6 of them comparisons, cost ")
    assert lines[0].endswith(", if a sample is right 80 % of the time and no two answers have the same words")
    # The comparisons of an extern are no calls. How a window ends depends on the order of its samples.
    assert [("comparisons" in line) for line in lines] == [True, False, False, True]
    assert "w: 2.3 calls on average, cost" in lines[1]
    assert run_command(["plan", str(file), "--right", "0.95"]) == 0
    assert "v: 4.6 calls on average, 2.4 of them comparisons" in capsys.readouterr().out


def test_the_expected_cost_has_the_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def expected(text: str) -> Json:
        (tmp_path / "f.flow").write_text(text)
        assert run_command(["plan", str(tmp_path / "f.flow"), "--json"]) == 0
        inside = json.loads(capsys.readouterr().out)["bounds"]["inside"]
        return next(one["expected"] for one in inside if one["title"] == "v")

    compared = expected(FLOW)
    plain = expected(FLOW.replace(', same: ask m "S {{ a }} {{ b }}" -> yes | no', ""))
    assert plain["comparisons"] == 0
    assert compared["comparisons"] > 3.5
    assert compared["calls"] == pytest.approx(plain["calls"] + compared["comparisons"])
    # An answer of a judge has at least a token, at a price of 100 dollars a million.
    assert compared["cost"]["least"] > plain["cost"]["least"] + 1e-4 * compared["comparisons"]


def test_the_graph_names_the_extern_that_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "f.flow"
    file.write_text(FLOW)
    assert run_command(["graph", str(file)]) == 0
    out = capsys.readouterr().out.replace("#58;", ":").replace("#34;", '"').replace("<br/>", " ")
    assert 'reduce majority(ties: "first", same: alike)' in out
    assert out.count("same:") == 1
