"""`flowrun test`: tests that pass, and tests that fail with what is said of them on the line that fails.

In the programs under `corpus/run`, `# fails: …` stands on the line of each failure, with the beginning of its message.
A row of a table that fails has one such comment for all rows.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from flowrun.dsl import Source, make_tests, plan_of_test
from flowrun.runtime.cli.test import command
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.session.loading import load
from flowrun.runtime.vocabulary.call import Answer
from flowrun.testing.answer_book import Scripted
from flowrun.testing.bench import Bench, Setting
from flowrun.testing.discovery import FileResult, run_file
from flowrun.testing.parallel import run_files
from flowrun.testing.places import Spot
from flowrun.testing.runner import run_test

PROGRAMS = sorted((Path(__file__).parent / "corpus" / "run").glob("*.flow"))
MARK = re.compile(r"# fails: (.*)$")

FLOW = """\
flow kind(mail: text) {
  k = repeat 3 { ask "Spam? {{ mail }}" -> spam | fine } reduce majority
  return k
}
"""
PASSES = 'test "it is spam" of kind {\n  mail = "x"\n  reply k: spam\n  expect k == spam\n}\n'
FAILS = 'test "it is fine" of kind {\n  mail = "x"\n  reply k: spam, fine, spam\n  expect k == fine\n}\n'


def told(path: Path) -> dict[int, str]:
    """The lines on which a failure is expected, with the beginning of its message."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return {number: found[1] for number, line in enumerate(lines, 1) if (found := MARK.search(line))}


def failures(result: FileResult) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for failed in (failed for outcome in result.outcomes for failed in outcome.failures):
        found.setdefault(failed.place.line, []).append(failed.message)
    return found


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_each_test_of_the_corpus_ends_as_it_says(path: Path) -> None:
    result = run_file(str(path))
    found, wanted = failures(result), told(path)
    assert not result.broken
    assert found.keys() == wanted.keys(), {line: found.get(line) for line in found.keys() ^ wanted.keys()}
    assert not {
        line: (found[line], said)
        for line, said in wanted.items()
        if not any(message.startswith(said) for message in found[line])
    }
    assert all(outcome.failures or outcome.status == "passed" for outcome in result.outcomes)
    for outcome in result.outcomes:
        assert len({failed.place for failed in outcome.failures}) == len(outcome.failures)


def flowrun_test(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert isinstance(done.return_value, int)
    return done.return_value, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.flow").write_text(FLOW + PASSES, encoding="utf-8")
    return tmp_path


def test_a_failure_says_where_what_and_which_call_gave_what(folder: Path) -> None:
    (folder / "bad.flow").write_text(FLOW + FAILS, encoding="utf-8")
    code, out, _ = flowrun_test()
    assert code == 1
    assert out.startswith(
        "failed: it is fine\n"
        " --> bad.flow:8:3\n"
        "  |\n"
        "8 |   expect k == fine\n"
        "  |   ^^^^^^^^^^^^^^^^ the two are not equal\n"
    )
    for said in ('left: "spam"', 'right: "fine"', "call: k[0].ask: spam (line 7)", "call: k[1].ask: fine (line 7)"):
        assert said in out
    assert "1 of 2 tests failed in 2 files" in out


def test_the_codes(folder: Path) -> None:
    assert flowrun_test()[0] == 0
    assert flowrun_test("good.flow", "-k", "SPAM")[0] == 0
    code, _, err = flowrun_test("none.flow", "good.flow")
    assert code == 2
    assert "there is no file `none.flow`" in err
    (folder / "broken.flow").write_text("flow x(", encoding="utf-8")
    code, out, err = flowrun_test()
    assert code == 1
    assert "error[F01" in err
    assert "1 test passed in 2 files, and 1 file with errors ran no test" in out


def test_only_the_tests_of_a_name_run(folder: Path) -> None:
    (folder / "bad.flow").write_text(FLOW + FAILS + PASSES, encoding="utf-8")
    code, out, _ = flowrun_test("-k", "is spam")
    assert (code, out.split(" (")[0]) == (0, "2 tests passed in 2 files")
    with pytest.raises(Exception, match="no test has `xyz` in its title"):
        flowrun_test("-k", "xyz")


def test_the_first_failure_can_be_the_last(folder: Path) -> None:
    (folder / "bad.flow").write_text(FLOW + FAILS + FAILS.replace("is fine", "is fine too"), encoding="utf-8")
    _, out, _ = flowrun_test("-x")
    assert "1 of 1 test failed in 1 file" in out


def test_json(folder: Path) -> None:
    (folder / "bad.flow").write_text(FLOW + FAILS, encoding="utf-8")
    code, out, _ = flowrun_test("--format", "json")
    told = json.loads(out)
    assert code == 1
    assert told["version"] == 1
    bad, good = told["tests"]
    assert (bad["status"], good["status"]) == ("failed", "passed")
    failure = bad["failures"][0]
    assert (failure["file"], failure["line"], failure["left"], failure["right"]) == ("bad.flow", 8, '"spam"', '"fine"')
    assert bad["calls"][1] == {"path": "k[1].ask", "answer": "fine", "line": 8 - 1}
    assert good["figures"] == {"calls": 2, "requests": 2, "tokens": 16, "cost": None, "retries": 0}
    assert told["summary"] | {"seconds": 0} == {
        "files": 2,
        "tests": 2,
        "passed": 1,
        "failed": 1,
        "error": 0,
        "seconds": 0,
    }


@pytest.mark.parametrize(
    ("model", "options", "cost"),
    [
        ("openai:gpt-4o-mini", "", (14 * 0.15 + 2 * 0.6) / 1e6),
        ("openai:of-my-own", " with input_price: 1, output_price: 3", (14 * 1 + 2 * 3) / 1e6),
        ("openai:unheard-of", "", None),
    ],
)
def test_the_figures_have_the_cost(folder: Path, model: str, options: str, cost: float | None) -> None:
    flow = FLOW.replace('ask "Spam?', 'ask m "Spam?')
    (folder / "good.flow").write_text(f'model m = "{model}"{options}\n{flow}{PASSES}', encoding="utf-8")
    (told,) = json.loads(flowrun_test("--format", "json")[1])["tests"]
    assert told["figures"]["tokens"] == 16
    assert told["figures"]["cost"] == (None if cost is None else pytest.approx(cost))
    (outcome,) = run_file(str(folder / "good.flow")).outcomes
    assert dict(outcome.figures) == told["figures"]
    (outcome,) = run_file(str(folder / "good.flow"), costs=False).outcomes
    assert "cost" not in dict(outcome.figures)


def test_junit(folder: Path) -> None:
    (folder / "bad.flow").write_text(FLOW + FAILS.replace("it is fine", "<fine> & more"), encoding="utf-8")
    (folder / "broken.flow").write_text("flow x(", encoding="utf-8")
    _, out, _ = flowrun_test("--format", "junit", ".", "none.flow")
    suite = ElementTree.fromstring(out)[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    failed = suite.find("testcase/failure")
    assert failed is not None
    assert "the two are not equal" in str(failed.get("message"))
    assert "bad.flow:8:3" in str(failed.text)
    assert suite[0].get("name") == "<fine> & more"


def test_github(folder: Path) -> None:
    (folder / "bad.flow").write_text(FLOW + FAILS, encoding="utf-8")
    _, out, _ = flowrun_test("--format", "github")
    assert out.startswith("::error file=bad.flow,line=8,title=it is fine::expect k == fine: the two are not equal%0A")


@pytest.mark.parametrize(
    ("line", "rows", "said"),
    [
        ("reply k: row.want", '{"mail": "a", "wnat": "spam"}', "did you mean `wnat`?"),
        ("reply k: row.want", '{"mail": "a", "x": 1}\n{"mail": "b"}', "its columns are `mail`, `x`"),
        ("reply k: good\n  good = row.want", '{"mail": "a", "x": 1}', "its columns are `mail`, `x`"),
        ("reply k: spam\n  expect k == row.want", '{"mail": "a", "x": 1}', "its columns are `mail`, `x`"),
        ("reply k: row.want", '{"mail": "a", "want": "spam"}', ""),
        ("reply k: spam\n  expect row.want in [k, none]", '{"mail": "a", "want": "spam"}\n{"mail": "b"}', ""),
    ],
)
def test_a_column_that_no_row_has_is_named(folder: Path, line: str, rows: str, said: str) -> None:
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    text = f'{FLOW}test "t" of kind {{\n  cases "rows.jsonl"\n  {line}\n  expect k == spam\n}}\n'
    (folder / "good.flow").write_text(text, encoding="utf-8")
    outcomes = run_file("good.flow").outcomes
    head = "`rows.jsonl` has no column `want`, which the test mentions as `row.want`: "
    assert [one.message for outcome in outcomes for one in outcome.failures] == ([head + said] if said else [])


def test_the_rows_before_a_broken_one_are_tests(folder: Path) -> None:
    (folder / "rows.jsonl").write_text('{"mail": "a"}\nnot json\n{"mail": "b"}\n', encoding="utf-8")
    text = f'{FLOW}test "t" of kind {{\n  cases "rows.jsonl"\n  reply k: spam\n  expect k == spam\n}}\n'
    (folder / "good.flow").write_text(text, encoding="utf-8")
    assert [one.status for one in run_file("good.flow").outcomes] == ["passed", "error"]


def test_processes_give_the_same_results_in_the_same_order(folder: Path) -> None:
    names = []
    for number in range(4):
        names.append(f"f{number}.flow")
        (folder / names[-1]).write_text(FLOW + (FAILS if number % 2 else PASSES), encoding="utf-8")
    alone, together = (list(run_files(names, processes=processes)) for processes in (1, 2))
    assert [one.name for one in alone] == names
    for one, other in zip(alone, together, strict=True):
        assert one.name == other.name
        assert [outcome.status for outcome in one.outcomes] == [outcome.status for outcome in other.outcomes]
        assert failures(one) == failures(other)


def test_calls_without_a_line_can_be_answered_from_elsewhere(tmp_path: Path) -> None:
    test = 'test "some" of kind {\n  mail = "x"\n  reply k[0]: spam\n  expect k == fine\n}\n'
    checked = load(Source(FLOW + test, str(tmp_path / "some.flow")))
    planned = make_tests(checked)[0]
    asked: list[str] = []

    def other(call: Call, spot: Spot) -> Scripted:
        asked.append(spot.path)
        return Scripted(Answer("fine"))

    outcome = run_test(planned, Setting(Bench(plan_of_test(checked, planned)), tmp_path, other=other))
    assert outcome.status == "passed"
    assert asked == ["k[1].ask", "k[2].ask"]


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_thousand_votes_take_two_seconds_at_most(tmp_path: Path) -> None:
    test = 'test "{}" of kind {{\n  mail = "x"\n  reply k: spam, fine, spam\n  expect k == spam\n}}\n'
    path = tmp_path / "many.flow"
    path.write_text(FLOW + "".join(test.format(number) for number in range(1000)), encoding="utf-8")
    seconds = []
    for _ in range(3):
        began = time.process_time()
        result = run_file(str(path))
        seconds.append(time.process_time() - began)
        assert len(result.outcomes) == 1000
        assert not result.failed
    # Twice the promise, for a machine that does other work beside.
    assert min(seconds) <= 4.0, seconds
