"""The simulator of votes: what it says must come of them does, and ballots of a file give what they give by hand."""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import votes
from ballots.rules import RULES, Rule
from ballots.sums import by_sums


def rule(name: str) -> Rule:
    return next(one for one in RULES if one.name == name)


@pytest.mark.parametrize("right", [0.6, 0.8, 0.95])
def test_its_sums_are_the_closed_forms(right: float) -> None:
    wrong = 1 - right
    good, calls = by_sums(rule("majority"), right, 9)
    tail = sum(math.comb(9, hits) * right**hits * wrong ** (9 - hits) for hits in range(5, 10))
    ends = sum(
        (5 + others) * math.comb(4 + others, others) * (right**5 * wrong**others + wrong**5 * right**others)
        for others in range(5)
    )
    assert [good, calls] == pytest.approx([tail, ends])
    good, calls = by_sums(rule("ahead(3)"), right, 401)
    assert good == pytest.approx(1 / (1 + (wrong / right) ** 3))
    assert calls == pytest.approx(3 * (2 * good - 1) / (right - wrong))
    good, calls = by_sums(rule("window(3)"), right, 3)
    assert [good, calls] == pytest.approx([right**3 + 3 * right**2 * wrong, 3])


def test_flowrun_comes_to_what_the_sums_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert votes.main(["--right", ".7,.95", "--samples", "5,11", "--questions", "30"]) == 0
    table = capsys.readouterr().out
    assert all(table.count(one.name) >= 4 for one in RULES)


def test_recorded_ballots_give_what_they_give_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(3)
    path = tmp_path / "ballots.jsonl"
    answers = ["18", "18.0", "20", "7", "", " ", None]
    rows = [{"votes": [rng.choice(answers) for _ in range(13)], "gold": "18"} for _ in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert votes.main(["--ballots", str(path), "--samples", "11"]) == 0
    assert "40 questions of ballots.jsonl, 11 samples each" in capsys.readouterr().out
    path.write_text('{"votes": []}', encoding="utf-8")
    with pytest.raises(SystemExit, match=r"ballots.jsonl:1"):
        votes.main(["--ballots", str(path)])


def test_made_ballots_show_what_a_lower_confidence_loses(capsys: pytest.CaptureFixture[str]) -> None:
    assert votes.main(["--made", "--questions", "300"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if " confidence .9 " in line]
    assert len(rows) == 9
    for row in rows:
        fewer, lost = (part.split()[0] for part in row.split("│")[2:])
        assert 10 < float(fewer) < 45
        assert float(lost) > -2
