"""`flowrun eval`: the rows that it runs, the sides that it compares, and its exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from flowrun.runtime.cli.resume import command as resume
from flowrun.runtime.vocabulary.errors import FlowrunError
from support.answering import Answering, answering
from support.evaluations import VOTED, Eval, answer, evaluator, rows, sides


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as served:
        yield served


@pytest.fixture
def evaluate(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Eval:
    monkeypatch.chdir(tmp_path)
    return evaluator(tmp_path, server)


def test_the_rows_run_as_one_run_and_the_second_look_sends_nothing(
    evaluate: Eval, server: Answering, tmp_path: Path
) -> None:
    [first] = sides(evaluate("--json"))
    sent = len(server.prompts)
    assert sent == first["calls_sent"] == 3 * 2 + 3
    assert (first["right"], first["rows"], first["unanswered"]) == (3, 4, 0)
    [again] = sides(evaluate("--json"))
    assert len(server.prompts) == sent and again["calls_sent"] == 0 and again["cost_paid"] == 0
    assert again["run"] != first["run"]
    # A look that costs nothing tells the same: also what its answers did cost.
    for name in ("right", "accuracy", "confusion", "calibration", "voting", "cost_a_row", "calls_a_row", "ms_a_row"):
        assert again[name] == first[name]
    assert first["cost_a_row"] == pytest.approx((5 * 20 * 1 + 9 * 3 * 2) / 1e6 / 4)


def test_the_first_rows_are_a_try_that_the_whole_evaluation_does_not_pay_again(
    evaluate: Eval, server: Answering
) -> None:
    [few] = sides(evaluate("--json", "--first", "2"))
    assert few["rows"] == 2
    sent = len(server.prompts)
    [whole] = sides(evaluate("--json"))
    assert whole["rows"] == 4
    assert len(server.prompts) == sent + whole["calls_sent"] == 3 * 2 + 3
    [all_of_them] = sides(evaluate("--json", "--first", "99"))
    assert all_of_them["rows"] == 4
    assert "is not in the range" in str(evaluate("--first", "0").exception)


def test_the_table_tells_the_wrong_row_and_what_voting_bought(evaluate: Eval) -> None:
    out = evaluate().stdout
    assert re.search(r"^label +0\.750 +0\.301 to 0\.954 +3 of 4 ", out, re.MULTILINE)
    assert "row 3 (m2): expected SPAM, got NOT, agreement 0.67" in out
    assert "3 of 4 votes were unanimous" in out and "right as often (0.750)" in out
    assert re.search(r"^0\.6 to 0\.7 +1  0\.000  ░+│░+  95 %: 0\.00 to 0\.79$", out, re.MULTILINE)


def test_forty_unanimous_votes_say_that_one_call_is_enough(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, *(f"win {at}" for at in range(40)))
    unanimous = "all 40 votes were unanimous: one call each gives the same answers for "
    sure = "at least 92.7 % of all such votes are unanimous (95 % sure)"
    costs = "19 % less ($0.00104 instead of $0.00128, 40 calls instead of 80); "
    result = evaluate("--json")
    [side] = sides(result)
    assert side["voting"]["advice"] == unanimous + costs + sure
    # The request of a vote carries both samples, so that a single call pays for the same prompt.
    assert (side["voting"]["tokens"], side["voting"]["single_tokens"]) == (40 * (20 + 6), 40 * (20 + 3))
    text = VOTED.replace('"openai:m" with input_price: 1, output_price: 2', '"openai:other"')
    (tmp_path / "label.flow").write_text(text, encoding="utf-8")
    [unpriced] = sides(evaluate("--json"))
    assert unpriced["voting"]["cost"] is None
    fewer = "50 % fewer calls and 12 % fewer tokens (40 calls instead of 80); "
    assert unpriced["voting"]["advice"] == unanimous + fewer + sure


def test_the_first_sample_alone_is_what_a_single_call_would_have_given(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, "win 1", "turn 2", "turn 3", "odd 4")
    [side] = sides(evaluate("--json"))
    assert side["right"] == 1 and side["voting"]["single_accuracy"]["value"] == 0.75
    assert side["voting"]["single_calls"] == 4 and side["voting"]["calls"] == 2 + 3 * 3
    assert "the first samples alone have accuracy 0.750 (+0.500)" in side["voting"]["advice"]
    single = sides(evaluate("--json", "--against-flow", "single.flow"))[1]
    assert single["right"] == 3 and single["calls_sent"] == 0
    # A request for two samples sends the prompt once; a single call pays for all of its own.
    [alone] = sides(evaluate("--json", "--fresh", flow="single.flow"))
    assert alone["cost_a_row"] * 4 == pytest.approx(side["voting"]["single_cost"])


def test_two_flows_are_compared_row_by_row(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, "win 1", "hello 2", "odd 3", "odd 4", "odd 5")
    first, single, good = sides(evaluate("--json", "--against-model", "m=openai:good", "--against-flow", "single.flow"))
    assert [one["name"] for one in (first, single, good)] == ["label", "single.flow", "m=openai:good"]
    assert (first["right"], good["right"], single["right"]) == (2, 5, 2)
    assert first["against_first"] is None
    assert good["against_first"]["only_this_right"] == 3 and good["against_first"]["only_first_right"] == 0
    assert good["against_first"]["p"] == 0.25 and good["against_first"]["rows_needed"] > 5
    assert good["against_first"]["difference"]["value"] == pytest.approx(0.6)
    assert single["calls_sent"] == 0  # the first samples of the votes are in the journal


def test_a_comparison_says_how_many_rows_are_needed(evaluate: Eval) -> None:
    out = evaluate("--against-model", "m=openai:good").stdout
    assert re.search(r"m=openai:good against label: \+0\.250 .*not told apart with 4 rows: about \d+ are needed", out)


def test_an_earlier_run_is_a_side(evaluate: Eval, tmp_path: Path, server: Answering) -> None:
    [before] = sides(evaluate("--json"))
    text = VOTED.replace("Spam?", "Is it spam?")
    (tmp_path / "label.flow").write_text(text.replace("repeat 3", "repeat 5"), encoding="utf-8")
    now, earlier = sides(evaluate("--json", "--against-run", before["run"]))
    assert earlier["run"] == before["run"] and now["run"] != before["run"]
    assert earlier["answers"] == before["answers"]


def test_a_corrected_label_needs_no_other_run(evaluate: Eval, tmp_path: Path, server: Answering) -> None:
    [before] = sides(evaluate("--json"))
    sent = len(server.prompts)
    text = (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text(text.replace('"odd 3", "want": "SPAM"', '"odd 3", "want": "not"'))
    now, earlier = sides(evaluate("--json", "--against-run", before["run"]))
    assert before["right"] == 3 and now["right"] == earlier["right"] == 4
    assert len(server.prompts) == sent


def test_a_prompt_in_a_file_is_a_side(evaluate: Eval, tmp_path: Path, server: Answering) -> None:
    (tmp_path / "polite.txt").write_text('Please say "SPAM" or NOT.\\ {{ mail }}\n', encoding="utf-8")
    _, other = sides(evaluate("--json", "--against-prompt", "kind=polite.txt"))
    assert other["name"] == "polite.txt" and other["right"] == 3
    assert 'Please say "SPAM" or NOT.\\ win 1' in server.prompts


def test_a_prompt_in_a_file_takes_the_place_of_the_file_of_a_prompt(
    evaluate: Eval, tmp_path: Path, server: Answering
) -> None:
    text = (tmp_path / "label.flow").read_text(encoding="utf-8")
    asked = re.sub(r'ask (\w* ?)"[^"]*"', r"ask \1spam(mail)", text, count=1)
    (tmp_path / "label.flow").write_text('prompt spam(text: text) from "spam.md"\n' + asked, encoding="utf-8")
    (tmp_path / "spam.md").write_text("Spam? {{ text }}", encoding="utf-8")
    (tmp_path / "polite.txt").write_text("Please: {{ text }}\n", encoding="utf-8")
    _, other = sides(evaluate("--json", "--against-prompt", "kind=polite.txt"))
    assert other["name"] == "polite.txt"
    assert "Please: win 1" in server.prompts


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "mail,want,more\nwin 1,spam,x\nhello 2,NOT.,y\n"),
        ("rows.json", '[{"mail": "win 1", "want": " Spam"}, {"mail": "hello 2", "want": "NOT", "more": [1]}]'),
        ("rows.jsonl", '{"mail": "win 1", "want": "SPAM"}\n\n{"mail": "hello 2", "want": "not"}\n'),
    ],
)
def test_rows_come_from_every_table_and_words_are_compared_as_votes_do(
    evaluate: Eval, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    [side] = sides(evaluate("--json", "--rows", name))
    assert (side["rows"], side["right"]) == (2, 2)


def test_rows_come_from_standard_input(evaluate: Eval) -> None:
    [side] = sides(evaluate("--json", "--rows", "-", stdin='{"mail": "win", "want": "SPAM"}\n'))
    assert (side["rows"], side["right"]) == (1, 1)


def test_a_row_that_fails_is_a_row_without_an_answer(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, "win 1", "broken 2", "hello 3")
    result = evaluate("--json")
    [side] = sides(result)
    assert (side["right"], side["unanswered"], side["accuracy"]["value"]) == (2, 1, pytest.approx(2 / 3))
    assert side["confusion"]["given"] == ["SPAM", "NOT", "(no answer)"]
    assert [one["answered"] for one in side["answers"]] == [True, False, True]
    assert "400" in side["answers"][1]["reason"] and result.return_value == 0


@pytest.mark.parametrize(("least", "code"), [("0.75", 0), ("75%", 0), ("0.76", 1), ("1", 1), ("0", 0)])
def test_an_accuracy_below_the_wanted_one_ends_with_1(evaluate: Eval, least: str, code: int) -> None:
    result = evaluate("--min", least)
    assert result.return_value == code
    assert ("the accuracy is 0.750 (3 of 4 rows)" in result.stderr) == (code == 1)


def test_if_no_row_has_an_answer_the_evaluation_fails(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, "broken 1", "broken 2")
    result = evaluate("--min", "0")
    assert result.return_value == 3 and "no row has an answer" in result.stderr


def test_a_refused_key_says_nothing_about_the_flow(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, "win 1", "locked 2", "win 3")
    result = evaluate()
    assert result.return_value == 3 and result.stdout == ""
    assert "401" in result.stderr and "give the same command again" in result.stderr


def test_a_vote_that_does_without_a_refused_model_is_measured(evaluate: Eval, tmp_path: Path) -> None:
    text = VOTED.replace("repeat 3 {", "map one in [m, good, gone] {").replace("ask m ", "ask one ")
    models = 'model gone = "openai:gone"\nmodel good = "openai:good"\n'
    text = models + text.replace("reduce majority", "reduce majority with errors: skip(60%)")
    (tmp_path / "label.flow").write_text(text, encoding="utf-8")
    rows(tmp_path, "win 1", "hello 2")
    [side] = sides(evaluate("--json"))
    assert (side["right"], side["unanswered"]) == (2, 0)


def test_a_spent_budget_ends_the_evaluation_and_the_next_one_goes_on(
    evaluate: Eval, tmp_path: Path, server: Answering
) -> None:
    rows(tmp_path, *(f"win {at}" for at in range(10)))
    result = evaluate("--budget", "8 calls")
    assert result.return_value == 4 and result.stdout == "" and len(server.prompts) <= 8
    assert "the budget was spent" in result.stderr
    [side] = sides(evaluate("--json", "--budget", "12 calls"))
    assert side["right"] == 10 and len(server.prompts) == 20


def test_the_budget_holds_for_all_sides_together(evaluate: Eval, server: Answering) -> None:
    result = evaluate("--budget", "12 calls", "--against-model", "m=openai:good")
    assert result.return_value == 4 and len(server.prompts) <= 12


def test_the_budget_of_the_flow_holds_for_each_row(evaluate: Eval, tmp_path: Path) -> None:
    text = VOTED.replace("(mail: text)", "(mail: text) budget 2 calls").replace("repeat 3", "repeat 2..3")
    (tmp_path / "label.flow").write_text(text, encoding="utf-8")
    [side] = sides(evaluate("--json"))
    assert (side["right"], side["unanswered"]) == (3, 1)


def test_junit_fails_for_each_wrong_row(evaluate: Eval, tmp_path: Path) -> None:
    rows(tmp_path, "win 1", "odd 2", "broken <3>")
    suite = ElementTree.fromstring(evaluate("--format", "junit").stdout)[0]
    assert suite.attrib == {"name": "label", "tests": "3", "failures": "1", "errors": "1", "skipped": "0"}
    assert [[part.tag for part in case] for case in suite] == [[], ["failure"], ["error"]]


def test_junit_with_a_wanted_accuracy_has_one_case_that_decides(evaluate: Eval, tmp_path: Path) -> None:
    for least, failures in (("0.7", 0), ("0.8", 1)):
        result = evaluate("--format", "junit", "--min", least)
        suite = ElementTree.fromstring(result.stdout)[0]
        assert suite.attrib["failures"] == str(failures) and suite.attrib["skipped"] == "1"
        assert (suite[0].attrib["name"], len(suite[0])) == ("accuracy", failures)
        assert result.return_value == failures


@pytest.mark.parametrize(("name", "begins"), [("e.html", "<!doctype html>"), ("e.json", "{"), ("e.xml", "<?xml")])
def test_the_evaluation_is_also_written_into_a_file(evaluate: Eval, tmp_path: Path, name: str, begins: str) -> None:
    result = evaluate("-o", name)
    assert result.return_value == 0 and f"the evaluation is in `{name}`" in result.stderr
    assert "3 of 4" in result.stdout
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


def test_the_plan_is_shown_before_the_run(evaluate: Eval) -> None:
    result = evaluate("--against-model", "m=openai:good")
    before = result.stderr
    bounds = "4 rows · 4 to 12 calls · cost $0 to $0.0010 · at most $0.0058 if servers fail"
    assert f"label: {bounds}" in before and f"m=openai:good: {bounds}" in before
    assert "all answers are in the journal" in evaluate().stderr
    assert evaluate("-q").stderr == ""


def test_an_evaluation_without_an_end_is_resumed_like_any_run(
    evaluate: Eval, tmp_path: Path, server: Answering
) -> None:
    rows(tmp_path, "win 1", "hello 2", "win 3", "hello 4")
    assert evaluate("--budget", "5 calls").return_value == 4
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
    given = ["last", "--journal", "journal.db", "--budget", "8 calls"]
    resumed = CliRunner(env=environ).invoke(resume, given, standalone_mode=False)
    assert resumed.return_value == 0 and len(server.prompts) == 8
    assert [one["answer"] for one in json.loads(resumed.stdout)] == ["SPAM", "NOT", "SPAM", "NOT"]
    now, earlier = sides(evaluate("--json", "--against-run", "last"))
    assert now["right"] == earlier["right"] == 4 and now["cost_a_row"] == earlier["cost_a_row"]


def test_a_plain_run_and_a_run_of_another_flow_are_no_sides(evaluate: Eval, tmp_path: Path) -> None:
    (tmp_path / "other.flow").write_text(VOTED.replace("flow label", "flow other"), encoding="utf-8")
    evaluate(flow="other.flow")
    other = evaluate("--against-run", "last").exception
    assert isinstance(other, FlowrunError) and "evaluated the flow `other`" in str(other)
    rows(tmp_path, "win 1", "hello 2", "odd 4", "win 4")
    evaluate()
    rows(tmp_path, "win 1", "hello 2", "odd 3", "win 4")
    rest = evaluate("--against-run", "last").exception
    assert isinstance(rest, FlowrunError)
    assert "row 3 differs in `mail`: the run" in str(rest) and "had odd 4, and --rows has odd 3" in str(rest)
    rows(tmp_path, "win 1")
    fewer = evaluate("--against-run", "last").exception
    assert isinstance(fewer, FlowrunError) and "had 4 rows, and --rows has 1" in str(fewer)
