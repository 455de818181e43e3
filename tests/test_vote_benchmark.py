"""The simulator of votes: what it says must come of them does, and ballots of a file give what they give by hand."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import votes
from ballots.files import in_turn, matched, read
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
    assert votes.main(["--right", ".7,.95", "--samples", "5,11", "--questions", "12"]) == 0
    table = capsys.readouterr().out
    assert all(table.count(one.name) >= 4 for one in RULES)


def test_recorded_ballots_give_what_they_give_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(3)
    path = tmp_path / "ballots.jsonl"
    answers = ["18", "18.0", "20", "7", "", " ", None]
    rows = [{"votes": [rng.choice(answers) for _ in range(13)], "gold": "18"} for _ in range(12)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert votes.main(["--ballots", str(path), "--samples", "11"]) == 0
    assert "12 questions of ballots.jsonl, 11 samples each" in capsys.readouterr().out
    assert votes.main(["--ballots", str(path), "--samples", "1"]) == 0
    path.write_text('{"votes": []}', encoding="utf-8")
    with pytest.raises(SystemExit, match=r"ballots.jsonl:1"):
        votes.main(["--ballots", str(path)])


def test_made_ballots_show_what_a_lower_confidence_loses(capsys: pytest.CaptureFixture[str]) -> None:
    assert votes.main(["--made", "--only", "sure", "--questions", "300", "--check"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if " confidence .9 " in line]
    assert len(rows) == 9
    for row in rows:
        fewer, lost = (part.split()[0] for part in row.split("│")[2:])
        assert 10 < float(fewer) < 45
        assert float(lost) > -2


def test_a_panel_of_files_takes_their_votes_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    names = [f"q{number}" for number in range(12)]
    for path in paths:
        rng = random.Random(path.name)
        rows = [
            {"id": name, "votes": [rng.choice(["18", "20", " ", None]) for _ in range(4)], "gold": "18", "tok": [7] * 4}
            for name in rng.sample(names, len(names))
        ]
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    first, second = matched(paths)
    assert [one.name for one in first] == [one.name for one in second]
    panel = in_turn([first, second], 5)
    one, two = first[0].votes, second[0].votes
    assert panel[0].votes == [one[0], two[0], one[1], two[1], one[2]]
    assert panel[0].tokens == [7] * 5
    assert votes.main(["--ballots", *map(str, paths)]) == 0
    assert "12 questions of a panel of one.jsonl, two.jsonl, 8 samples each" in capsys.readouterr().out


def test_cascades_go_up_to_the_samples_of_a_dear_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(5)
    paths = [tmp_path / "cheap.jsonl", tmp_path / "other.jsonl", tmp_path / "dear.jsonl"]
    for path in paths:
        answers = ["18", "18", "18.", "20", "", None]
        rows = [{"votes": [rng.choice(answers) for _ in range(3)], "gold": "18", "tok": [5, 6, 7]} for _ in range(15)]
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    cheap, other, dear = map(str, paths)
    assert votes.main(["--ballots", cheap, other, "--strong", dear, "--price", "20"]) == 0
    table = capsys.readouterr().out
    assert "a dear token costs 20 cheap ones" in table
    assert all(f"{name}: 2 alike" in table for name in ("cheap", "other", "cheap and other"))
    with pytest.raises(SystemExit):
        votes.main(["--strong", dear])


LINE = '{"votes": ["a"], "gold": "a"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no question"),
        ("\n{", "x.jsonl:2: this is no JSON"),
        ("[]", "x.jsonl:1: a line is "),
        ('{"votes": "aab", "gold": "a"}', "a line is "),
        ('{"votes": ["a"]}', "a line is "),
        ('{"votes": [], "gold": "a"}', "there is no vote"),
        (LINE + ', "tok": [1, 2]}', '"tok" has 2 numbers for 1 votes'),
        (LINE + ', "tok": [-1]}', "not negative"),
        (LINE + ', "tok": ["1"]}', "not negative"),
        (LINE + ', "id": "q"}\n' + LINE + ', "id": "q"}', 'x.jsonl:2: the id "q" is also in line 1'),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=re.escape(message)):
        read(path)
    with pytest.raises(SystemExit, match=r"missing\.jsonl"):
        read(tmp_path / "missing.jsonl")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (LINE + "}", "1 questions, and"),
        (LINE + "}\n" + LINE.replace(': "a"', ': "b"') + "}", 'question "q" has the answer "b", and in'),
        (LINE + ', "id": "p"}\n' + LINE + ', "id": "r"}', 'the question "q" of'),
    ],
)
def test_files_of_other_questions_are_refused(tmp_path: Path, other: str, message: str) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text(LINE + ', "id": "p"}\n' + LINE + ', "id": "q"}', encoding="utf-8")
    two.write_text(other, encoding="utf-8")
    with pytest.raises(SystemExit, match=re.escape(message)):
        matched([one, two])
