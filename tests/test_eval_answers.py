"""`flowrun eval` with several columns of expected answers: measures of each, a summary, and a wanted accuracy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flowrun.runtime.vocabulary.errors import FlowrunError
from support.answering import Answering, answering
from support.evaluations import VOTED, Eval, answer, evaluator, sides

BOTH = """\
model m = "openai:m" with input_price: 1, output_price: 2
flow both(mail: text) {
  quick = ask m "Quick: {{ mail }}" -> SPAM | NOT
  kind = repeat 3 { ask m "Spam? {{ mail }}" -> SPAM | NOT } reduce majority
  return { quick, kind, sure: agreement(kind) == 1 }
}
"""
MAILS = [("win 1", "SPAM", True), ("turn 2", "SPAM", False), ("turn 3", "NOT", False), ("hello 4", "NOT", True)]
ANSWERS = ("--answer", "want=quick", "--answer", "want=kind", "--answer", "sure")


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as served:
        yield served


@pytest.fixture
def evaluate(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Eval:
    monkeypatch.chdir(tmp_path)
    run = evaluator(tmp_path, server)
    (tmp_path / "both.flow").write_text(BOTH, encoding="utf-8")
    lines = [{"mail": mail, "want": want, "sure": sure} for mail, want, sure in MAILS]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return lambda *given: run(*given, flow="both.flow")


def test_each_answer_is_measured_and_the_summary_counts_rows_that_are_right_in_all(
    evaluate: Eval, server: Answering
) -> None:
    result = evaluate(*ANSWERS, "--json")
    found = sides(result)
    assert [(one["name"], one["column"], one["step"], one["right"]) for one in found] == [
        ("both", "want", "quick", 3),
        ("both", "want", "kind", 3),
        ("both", "sure", None, 4),
    ]
    assert [[row["right"] for row in one["answers"]] for one in found] == [
        [True, True, False, True],
        [True, False, True, True],
        [True, True, True, True],
    ]
    # A vote made the second answer alone.
    assert found[1]["voting"]["votes"] == 4 and found[0]["voting"] is None
    [summary] = json.loads(result.stdout)["all_right"]
    assert (summary["right"], summary["rows"], summary["against_first"]) == (2, 4, None)
    assert summary["accuracy"]["value"] == 0.5
    sent = len(server.prompts)
    # Each answer alone has the same figures, and pays for nothing again.
    for label, one in zip(("want=quick", "want=kind", "sure"), found, strict=True):
        [alone] = sides(evaluate("--json", "--answer", label))
        for name in ("right", "accuracy", "confusion", "calibration", "voting", "cost_a_row", "calls_a_row"):
            assert alone[name] == one[name]
    assert len(server.prompts) == sent


def test_the_text_has_a_table_for_each_answer_and_a_summary(evaluate: Eval) -> None:
    out = evaluate(*ANSWERS, "--against-model", "m=openai:good").stdout
    assert re.search(r"^ +want=quick +want=kind +sure +all right +95 % +right", out, re.MULTILINE)
    assert re.search(r"^both +0\.750 +0\.750 +1\.000 +0\.500 +0\.150 to 0\.850 +2 of 4 ", out, re.MULTILINE)
    assert "all right: m=openai:good against both: +0.000" in out
    assert [line for line in out.splitlines() if line.startswith("══")] == ["══ want=quick", "══ want=kind", "══ sure"]
    assert out.count("m=openai:good against both") == 4 and out.count("runs: ") == 1
    assert "row 3: expected NOT, got SPAM\n" in out and "row 2: expected SPAM, got NOT, agreement 0.67" in out


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (("--min", "0.75"), 0, []),
        (("--min", "0.8"), 1, ["`want=quick` is 0.750", "`want=kind` is 0.750"]),
        (("--min", "sure=100%"), 0, []),
        (("--min", "want=kind=0.76"), 1, ["`want=kind` is 0.750 (3 of 4 rows)"]),
        (("--min", "0.8", "--min", "want=quick=0.7", "--min", "want=kind=70 %"), 0, []),
    ],
)
def test_the_wanted_accuracy_holds_for_each_answer_or_the_named_one(
    evaluate: Eval, given: tuple[str, ...], code: int, told: list[str]
) -> None:
    result = evaluate(*ANSWERS, *given)
    assert result.return_value == code
    lines = [line for line in result.stderr.splitlines() if "--min" in line]
    assert len(lines) == len(told) and all(one in line for one, line in zip(told, lines, strict=True))


def test_junit_has_a_suite_for_each_answer_of_each_side(evaluate: Eval) -> None:
    result = evaluate(*ANSWERS, "--format", "junit", "--min", "sure=0.9", "--min", "want=kind=0.9")
    suites = ElementTree.fromstring(result.stdout)
    assert [one.attrib["name"] for one in suites] == ["both · want=quick", "both · want=kind", "both · sure"]
    # Of an answer without a wanted accuracy nothing fails.
    assert [(one.attrib["tests"], one.attrib["failures"], one.attrib["skipped"]) for one in suites] == [
        ("4", "0", "1"),
        ("5", "1", "1"),
        ("5", "0", "0"),
    ]
    plain = ElementTree.fromstring(evaluate(*ANSWERS, "--format", "junit").stdout)
    assert [one.attrib["failures"] for one in plain] == ["1", "1", "0"]


def test_an_earlier_run_is_compared_answer_by_answer(evaluate: Eval, tmp_path: Path) -> None:
    before = sides(evaluate(*ANSWERS, "--json"))
    both = sides(evaluate("--answer", "want=kind", "--against-run", before[0]["run"], "--json"))
    assert [one["answers"] for one in both] == [before[1]["answers"]] * 2
    [alone] = sides(evaluate("--answer", "want=kind", "--json"))
    error = evaluate(*ANSWERS, "--against-run", alone["run"]).exception
    assert isinstance(error, FlowrunError) and "has no answers for `sure`" in str(error)


def test_a_column_that_was_renamed_measures_the_earlier_run_too(evaluate: Eval, tmp_path: Path) -> None:
    [before] = sides(evaluate("--answer", "want=kind", "--json"))
    text = (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text(text.replace('"want"', '"label"'), encoding="utf-8")
    both = sides(evaluate("--answer", "label=kind", "--against-run", before["run"], "--json"))
    assert [one["answers"] for one in both] == [before["answers"]] * 2 and both[0]["column"] == "label"


TABLE = """\
type Mail = { mail: text  want: SPAM | NOT  sure: bool }
flow labels(mails: [Mail]) {
  seen = map mail in mails {
    kind = repeat 3 { ask "Spam? {{ mail.mail }}" -> SPAM | NOT } reduce majority
    { kind, sure: agreement(kind) == 1 }
  } reduce collect
  other = map mail in mails { ask "Other? {{ mail.mail }}" -> SPAM | NOT } reduce collect
  return { seen, other }
}
"""


def test_answers_of_one_map_are_measured_and_those_of_two_maps_are_refused(evaluate: Eval, tmp_path: Path) -> None:
    (tmp_path / "both.flow").write_text(TABLE, encoding="utf-8")
    given = ("--json", "--model", "openai:m", "--answer", "want=seen.kind")
    assert [one["right"] for one in sides(evaluate(*given, "--answer", "sure=seen.sure"))] == [3, 4]
    error = evaluate(*given, "--answer", "want=other").exception
    assert isinstance(error, FlowrunError) and "different maps" in str(error)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--answer", "want", "--answer", "want"), "--answer want is given twice"),
        (("--answer", "want=kind", "--answer", "wnt"), "no column `wnt`"),
        (("--answer", "want=kind", "--answer", "want=sure"), "of a SPAM | NOT and of a bool"),
        ((*ANSWERS, "--min", "kind=0.9"), "there is no --answer `kind`"),
        ((*ANSWERS, "--min", "want=0.9"), "name one: `want=quick`, `want=kind`"),
        ((*ANSWERS, "--min", "0.9", "--min", "0.8"), "exclude each other"),
        ((*ANSWERS, "--min", "sure=0.9", "--min", "sure=0.8"), "two shares"),
        ((*ANSWERS, "--min", "sure="), "is not a share"),
        ((*ANSWERS, "--min", "sure=9"), "is not a share"),
    ],
)
def test_mistakes_in_several_answers_are_told_before_anything_is_sent(
    evaluate: Eval, server: Answering, given: tuple[str, ...], told: str
) -> None:
    error = evaluate(*given).exception
    assert isinstance(error, FlowrunError) and told in str(error), error
    assert not server.prompts


def test_a_side_that_the_journal_answers_needs_nothing_of_the_budget(
    evaluate: Eval, tmp_path: Path, server: Answering
) -> None:
    again = ("--answer", "want", "--budget", "2 calls", "--against-flow", "label.flow", "--json")
    (tmp_path / "both.flow").write_text(VOTED, encoding="utf-8")
    lines = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "rows.jsonl").write_text("".join(lines[:1]), encoding="utf-8")
    first, second = sides(evaluate(*again))
    assert (first["calls_sent"], second["calls_sent"], len(server.prompts)) == (2, 0, 2)
    (tmp_path / "rows.jsonl").write_text("".join(lines[3:]), encoding="utf-8")
    refused = evaluate(*again, "--against-model", "m=openai:good")
    assert refused.return_value == 4 and "spent before m=openai:good began" in refused.stderr
    assert len(server.prompts) == 4


def fields(data: object) -> Iterator[str]:
    """Yield the names of all fields of an evaluation whose answers are no records."""
    if isinstance(data, list):
        for one in data:
            yield from fields(one)
    elif isinstance(data, dict):
        for name, one in data.items():
            yield name
            yield from fields(one)


def test_the_page_names_each_field(evaluate: Eval) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "eval.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page.partition("\n## JSON\n")[2]))
    found = set(fields(json.loads(evaluate(*ANSWERS, "--json", "--against-model", "m=openai:good").stdout)))
    assert len(found) > 50 and found <= named, found - named
