"""`flowrun test --coverage`: what the tests of flows do not reach.

In the programs under `corpus/coverage`, `# missed: …` stands on the line of each part that no test reaches.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click import BadParameter
from click.testing import CliRunner

from flowrun.runtime.cli.test import command
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.testing.coverage import Coverage
from flowrun.testing.discovery import run_file
from flowrun.testing.parallel import run_files

FOLDER = Path(__file__).parent / "corpus" / "coverage"
NAMES = ["lib/parts.flow", "parts.flow"]

FLOW = """\
flow kind(mail: text) {
  k = ask "Spam? {{ mail }}" -> spam | fine
  note = ask "Why?" when k == spam
  return { k, note }
}

test "fine" of kind {
  mail = "x"
  reply k: fine
  expect note skipped
}
"""
SPAM = """
test "spam" of kind {
  mail = "x"
  reply k: spam
  reply note: "it sells"
  expect k == spam
}
"""
NOTE = "no test asks `note`"
RUNS = "no test runs `note`: the condition never holds"
ANSWERS = "no test answers `spam` to `k`, which line 3 tells apart"


def told(name: str) -> set[tuple[str, int, str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")
    return {
        (name, number, said.strip()) for number, line in enumerate(lines, 1) for said in line.split("# missed: ")[1:]
    }


def missed(coverage: Coverage) -> set[tuple[str, int, str]]:
    return {(file.name, item.line, item.missed) for file in coverage.by_file() for item in file.missed}


def covered(path: Path | str, word: str = "") -> Coverage:
    found = run_file(str(path), word, covers=True).coverage
    assert found is not None
    return found


def flow(tmp_path: Path, text: str) -> Coverage:
    path = tmp_path / "a.flow"
    path.write_text(text, encoding="utf-8")
    return covered(path)


def flowrun_test(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert isinstance(done.return_value, int)
    return done.return_value, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kind.flow").write_text(FLOW, encoding="utf-8")
    return tmp_path


# Parts that no test reaches


def test_the_corpus_is_missed_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    coverage = Coverage()
    for result in run_files(NAMES, covers=True, processes=1):
        assert all(outcome.status == "passed" for outcome in result.outcomes), result.outcomes
        assert result.coverage is not None
        coverage.take(result.coverage)
    assert missed(coverage) == {one for name in NAMES for one in told(name)}


def test_processes_cover_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    sums = []
    for processes in (1, 2):
        coverage = Coverage()
        for result in run_files(NAMES, covers=True, processes=processes):
            assert result.coverage is not None
            coverage.take(result.coverage)
        sums.append((missed(coverage), len(coverage.items)))
    assert sums[0] == sums[1]


def test_an_imported_file_counts_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    alone = covered("lib/parts.flow")
    assert [file.name for file in alone.by_file()] == ["lib/parts.flow"] and not alone.reached
    both = covered("parts.flow")
    assert [file.name for file in both.by_file()] == NAMES
    assert {one for one in missed(both) if one[0] == NAMES[0]} == told(NAMES[0])


def test_a_test_of_an_imported_flow_counts_there(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    test = SPAM.replace("of kind", "of a.kind")
    (folder / "outer.flow").write_text(f'import "kind.flow" as a\n\nflow f() {{\n  return 1\n}}\n{test}')
    assert missed(covered("outer.flow")) == {
        ("kind.flow", 2, "no test answers anything but `spam` to `k`, which line 3 tells apart"),
        ("kind.flow", 3, "no test skips `note`: the condition always holds"),
    }


def test_nothing_is_counted_unless_it_is_asked_for(folder: Path) -> None:
    assert run_file("kind.flow").coverage is None


def test_a_file_without_tests_reaches_nothing(tmp_path: Path) -> None:
    text = FLOW.partition("\ntest")[0]
    coverage = flow(tmp_path, text)
    assert len(coverage.items) == 6 and coverage.percent() == 0.0
    assert flow(tmp_path, "flow f() {\n  return 1\n}\n").percent() == 100.0


def test_only_the_chosen_tests_count(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text(FLOW + SPAM, encoding="utf-8")
    assert not missed(covered(path))
    assert {said for _, _, said in missed(covered(path, "fine"))} == {NOTE, RUNS, ANSWERS}
    assert len(missed(covered(path, "spam"))) == 2


ROWS = """
test "rows" of kind {
  cases "rows.jsonl"
  reply k: row.want
  reply note: "it sells"
  expect k == row.want
}
"""


def test_each_row_of_a_table_counts(tmp_path: Path) -> None:
    rows = [{"id": 1, "mail": "a", "want": "spam"}, {"id": 2, "mail": "b", "want": "fine"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert not missed(flow(tmp_path, FLOW.partition("\ntest")[0] + ROWS))


def test_the_retries_of_a_reducer_are_its_own(tmp_path: Path) -> None:
    reducer = '(ask "B {{ results }}" with retries: 2) with retries: 1'
    lines = f'b = map m in mails at most 9 {{ ask "A {{{{ m }}}}" }} reduce {reducer}'
    test = 'test "t" of f {{\n  mails = ["a"]\n  reply b.ask: {}"x"\n  reply b.reduce: {}"y"\n  expect b == "y"\n}}\n'
    found = f"flow f(mails: [text]) {{\n  {lines}\n  return b\n}}\n"
    failing = 'error("429"), '
    for own, reduced in ((failing, ""), ("", failing)):
        coverage = flow(tmp_path, found + test.format(own, reduced))
        (left,) = [item for file in coverage.by_file() for item in file.missed]
        assert left.mark.detail == ("reduce" if own else "")


MODELS = """\
model a = "openai:a"
model b = "openai:b" else "openai:c"

flow f(m: model) {
  x = ask m "X"
  return x
}

test "a" of f {
  m = a
  reply x: "x"
  expect x == "x"
}

test "b" of f {
  m = b
  reply x: "x"
  expect x == "x"
}
"""


def test_another_model_of_another_test_is_no_fallback(tmp_path: Path) -> None:
    said = "no test comes to the other model of `b`"
    assert {one[2] for one in missed(flow(tmp_path, MODELS))} == {said}
    assert not missed(flow(tmp_path, MODELS.replace('m = b\n  reply x: "x"', 'm = b\n  reply x: error("quota"), "x"')))


def test_a_file_has_one_name(folder: Path) -> None:
    (folder / "lib").mkdir()
    for name in ("./kind.flow", "lib/../kind.flow"):
        assert [file.name for file in covered(name).by_file()] == ["kind.flow"]


# The command


def test_the_text(folder: Path) -> None:
    code, out, err = flowrun_test("--coverage")
    assert (code, err) == (0, "")
    assert out.split("\n")[1:] == [
        "",
        f"kind.flow:2: {ANSWERS}",
        f"kind.flow:3: {NOTE}",
        f"kind.flow:3: {RUNS}",
        "",
        " 50.0 %  kind.flow: 3 of 6 parts",
        " 50.0 %  in total: 3 of 6 parts reached",
        "",
    ]


def test_the_page_shows_what_is_printed(folder: Path) -> None:
    page = (FOLDER.parent.parent.parent / "docs" / "coverage.md").read_text(encoding="utf-8")
    text, shown = (
        re.findall(rf"^```{word}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0] for word in ("flow", "text")
    )
    (folder / "kind.flow").unlink()
    (folder / "triage.flow").write_text(text, encoding="utf-8")
    _, out, _ = flowrun_test("--coverage")
    assert out.partition("\n")[2] == shown.partition("\n")[2]


def test_too_little_fails_and_says_so_first(folder: Path) -> None:
    code, out, _ = flowrun_test("--coverage", "--min", "50.1")
    assert code == 1
    missing = "missing: 1 answer, 1 ask, 1 branch"
    assert out.split("\n")[2] == f"error: the tests reach 50.0 % of the flows, and --min is 50.1 %; {missing}"
    assert flowrun_test("--coverage", "--min", "50")[0] == 0
    (folder / "kind.flow").write_text(FLOW + SPAM)
    assert flowrun_test("--coverage", "--min", "100")[0] == 0


def test_a_share_is_never_rounded_up() -> None:
    from flowrun.runtime.cli.views.coverage import _rounded

    assert [_rounded(value) for value in (99.99, 100.0, 66.66, 0.0)] == [99.9, 100.0, 66.6, 0.0]


def test_a_test_that_fails_still_fails(folder: Path) -> None:
    (folder / "kind.flow").write_text(FLOW.replace("expect note skipped", "expect k == spam"))
    assert flowrun_test("--coverage", "--min", "0")[0] == 1


def test_json(folder: Path) -> None:
    code, out, _ = flowrun_test("--coverage", "--min", "90", "--format", "json")
    whole = json.loads(out)
    found: dict[str, Any] = whole["coverage"]
    assert code == 1 and whole["version"] == 1
    (file,) = found.pop("files")
    assert found == {"percent": 50.0, "reached": 3, "parts": 6, "min": 90.0, "enough": False, "not_counted": []}
    assert [(one["kind"], one["line"], one["message"]) for one in file.pop("missed")] == [
        ("answer", 2, ANSWERS),
        ("ask", 3, NOTE),
        ("branch", 3, RUNS),
    ]
    assert file == {"file": "kind.flow", "percent": 50.0, "reached": 3, "parts": 6}
    assert "coverage" not in json.loads(flowrun_test("--format", "json")[1])


def test_github(folder: Path) -> None:
    code, out, _ = flowrun_test("--coverage", "--min", "90", "--format", "github")
    lines = out.rstrip("\n").split("\n")
    assert code == 1 and lines[0].startswith("::error title=coverage::the tests reach 50.0 %25 of the flows")
    assert lines[2] == f"::warning file=kind.flow,line=3,col=10,title=coverage::{NOTE}"
    assert len(lines) == 4


def test_junit_has_the_coverage_beside_it(folder: Path) -> None:
    code, out, err = flowrun_test("--coverage", "--min", "90", "--format", "junit")
    assert code == 1 and NOTE not in out and err.startswith("error: the tests reach 50.0 %")


def test_a_least_share_needs_coverage(folder: Path) -> None:
    with pytest.raises(UsageError, match="give --coverage, too"):
        flowrun_test("--min", "90")


@pytest.mark.parametrize("share", ["nan", "-1", "101", "all"])
def test_a_least_share_is_a_percentage(folder: Path, share: str) -> None:
    with pytest.raises((UsageError, BadParameter)):
        flowrun_test("--coverage", "--min", share)


def test_a_condition_that_no_test_comes_to_neither_holds_nor_fails(tmp_path: Path) -> None:
    flows = 'flow g(x: int) {\n  k = ask "K" when x == 1 else "no"\n  return k\n}\nflow f() {\n  return 1\n}\n'
    coverage = flow(tmp_path, flows + 'test "t" of f {\n  expect result == 1\n}\n')
    assert {said for _, _, said in missed(coverage)} == {
        "no test asks `k`",
        "no test runs `k`: no test comes to its condition",
        "no test takes the `else` of `k`: no test comes to its condition",
    }
    once = flow(tmp_path, flows + 'test "t" of g {\n  x = 2\n  expect result == "no"\n}\n')
    assert {said for _, _, said in missed(once)} == {
        "no test asks `k`",
        "no test runs `k`: the condition never holds",
    }


def test_a_broken_file_is_not_counted(folder: Path) -> None:
    (folder / "bad.flow").write_text("flow f( {")
    code, out, _ = flowrun_test("--coverage")
    assert code == 1 and "not counted: bad.flow, because it has errors" in out
    assert re.search(r"50\.0 %  in total", out)


def test_where_nothing_was_counted_there_is_no_total(folder: Path) -> None:
    for path in folder.glob("*.flow"):
        path.write_text("flow f( {")
    code, out, _ = flowrun_test("--coverage")
    assert code == 1 and "not counted" in out
    assert "total" not in out and "100" not in out
    code, out, _ = flowrun_test("--coverage", "--format", "json")
    assert code == 1 and json.loads(out)["coverage"]["percent"] is None
