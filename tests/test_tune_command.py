"""`flowrun tune`: what it asks, what it picks and writes, and what it refuses before anything is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError
from flowrun.runtime.cli.eval import command as evaluate
from support.answering import Answering
from support.tunings import FLOW, Tune, report, rows, server, tune

__all__ = ["server", "tune"]


def test_the_cheapest_setting_that_loses_little_is_picked(tune: Tune, tmp_path: Path, server: Answering) -> None:
    rows(tmp_path, 60, "slip", "slip", "toss")
    found = report(tune("--lose", "5%", "--json"))
    # A lead of 2 asks for single samples, each with its whole prompt. A lead of 3 asks for them in pairs.
    assert [one["values"]["ahead"] for one in found["settings"]] == ["5", "4", "2", "3", "1"]
    assert [one["end"] for one in found["settings"]] == ["dearest", *["promised"] * 3, "open"]
    assert found["pick"] == {"ahead": "3"} and found["unit"] == "dollars" and found["same_as"] is None
    assert [one["right"] for one in found["settings"]] == [63, 63, 63, 63, 62]
    assert found["settings"][1]["bound"] == pytest.approx(1 - 0.1 ** (1 / 63))
    assert found["lines"] == [{"line": 4, "text": FLOW.splitlines()[3].replace("(?)", "(3)")}]
    assert found["rows_needed"] == 77 and found["settings_left"] == 0 and not found["written"]
    assert (tmp_path / "label.flow").read_text(encoding="utf-8") == FLOW


def test_equal_calls_are_sent_once_and_a_second_tune_sends_nothing(tune: Tune, server: Answering) -> None:
    found = report(tune("--lose", "20%", "--json"))
    dearest = found["settings"][0]
    assert len(server.prompts) == dearest["calls_sent"] == 12 * 5
    assert [one["calls_sent"] for one in found["settings"][1:]] == [0] * 4
    again = report(tune("--lose", "20%", "--json"))
    assert len(server.prompts) == 12 * 5 and again["pick"] == found["pick"]
    for one, other in zip(again["settings"], found["settings"], strict=True):
        assert one["cost_a_row"] == other["cost_a_row"] and one["calls_sent"] == 0


def test_the_pick_is_written_and_the_file_then_runs(tune: Tune, tmp_path: Path, server: Answering) -> None:
    result = tune("--lose", "20%", "--write")
    assert result.return_value == 0
    assert (tmp_path / "label.flow").read_text(encoding="utf-8") == FLOW.replace("ahead(?)", "ahead(1)")
    assert "these values are in the file" in result.stderr
    sent = len(server.prompts)
    given = ["label.flow", "--journal", "journal.db", "--rows", "rows.jsonl", "--answer", "want", "--json"]
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
    from click.testing import CliRunner

    after = CliRunner(env=environ).invoke(evaluate, given, standalone_mode=False)
    assert after.exception is None and len(server.prompts) == sent


def test_a_file_keeps_its_layout_and_its_comments(tune: Tune, tmp_path: Path) -> None:
    odd = FLOW.replace("repeat 3..9 {", "repeat  3..9 { # three first\n").replace("ahead(?)", "ahead( ?( 1, 2 ) )")
    (tmp_path / "label.flow").write_text(odd, encoding="utf-8")
    assert tune("--lose", "20%", "--write").return_value == 0
    assert (tmp_path / "label.flow").read_text(encoding="utf-8") == odd.replace("?( 1, 2 )", "1")


def test_a_file_that_changed_meanwhile_is_not_overwritten(
    tune: Tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrun.runtime.cli import tune_runs
    from flowrun.runtime.cli.eval_runs import run_side as real

    def run_and_change(*given: object) -> object:
        (tmp_path / "label.flow").write_text(FLOW + "# mine\n", encoding="utf-8")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(tune_runs, "run_side", run_and_change)
    result = tune("--lose", "20%", "--write")
    assert result.exception is None and result.return_value == 74
    assert "has changed" in result.stderr and "ahead 1: " in result.stdout
    assert (tmp_path / "label.flow").read_text(encoding="utf-8") == FLOW + "# mine\n"


def test_the_answers_of_the_dearest_stand_for_labels(tune: Tune, tmp_path: Path) -> None:
    rows(tmp_path, 13, "toss", labelled=False)
    found = report(tune("--same-as", "all", "--lose", "20%", "--json"))
    assert found["same_as"] == "all" and found["pick"] == {"ahead": "3"}
    assert [one["right"] for one in found["settings"]] == [14, 14, 14, 14, 13]
    text = tune("--same-as", "all", "--lose", "20%").stdout
    assert "14 rows" in text and re.search(r"calls a row .* same ", text)


@pytest.mark.slow
def test_without_prices_the_calls_are_compared(tune: Tune, tmp_path: Path) -> None:
    bare = FLOW.replace(" with input_price: 1, output_price: 2", "").replace("openai:cheap", "openai:other")
    (tmp_path / "label.flow").write_text(bare, encoding="utf-8")
    found = report(tune("--lose", "20%", "--json"))
    assert found["unit"] == "calls" and [one["calls_a_row"] for one in found["settings"]] == [5, 4, 3, 3, 3]
    assert found["pick"] == {"ahead": "1"}
    assert "3.00 calls a row, 40 % less" in tune("--lose", "20%").stdout


def test_a_model_of_a_list_is_tuned(tune: Tune, tmp_path: Path, server: Answering) -> None:
    text = FLOW.replace('"openai:cheap" with input_price: 1', '?("openai:cheap", "openai:other") with input_price: 1')
    (tmp_path / "label.flow").write_text(text.replace("ahead(?)", "ahead(2)"), encoding="utf-8")
    found = report(tune("--lose", "20%", "--json"))
    assert [set(one["values"]) for one in found["settings"]] == [{"cheap"}] * 2
    assert len(server.prompts) == 2 * 12 * 3
    assert found["lines"][0]["text"].startswith('model cheap = "openai:')


def test_an_escalation_is_tuned(tune: Tune, tmp_path: Path) -> None:
    text = FLOW.replace("repeat 3..9", "repeat 3").replace("ahead(?)", "majority").replace("return kind", "return last")
    text = text.replace(
        "  return", '  last = ask "Sure? {{ mail }}" -> spam | fine when agreement(kind) < ? else kind\n  return'
    )
    (tmp_path / "label.flow").write_text('model strong = "openai:strong"\n' + text.replace('ask "', 'ask strong "'))
    rows(tmp_path, 50, "toss", "toss")
    found = report(tune("--lose", "10%", "--json"))
    assert [one["values"]["agreement(kind) <"] for one in found["settings"]] == ["2", "1", "0.66", "0.33", "0"]
    assert [one["calls_a_row"] for one in found["settings"][:2]] == [4, 3 + 2 / 52]
    assert found["settings"][1]["right"] == 52 and found["settings"][2]["right"] == 50


def test_too_few_rows_are_refused_before_anything_is_sent(tune: Tune, server: Answering) -> None:
    result = tune("--lose", "1%")
    assert "nothing can be promised with 12 labels: at least 230 are needed" in str(result.exception)
    assert not server.prompts


def test_nothing_is_promised_if_the_next_setting_loses_too_much(tune: Tune, tmp_path: Path) -> None:
    two = FLOW.replace("ahead(?)", "ahead(?(1, 2))")
    (tmp_path / "label.flow").write_text(two, encoding="utf-8")
    rows(tmp_path, 10, *["toss"] * 4)
    result = tune("--lose", "20%", "--write")
    assert result.return_value == 1 and "is not changed" in result.stderr
    said = "nothing can be promised with 14 labels: ahead 1 lost 4 of 14, which is too many to promise 20 %"
    assert said in result.stdout
    assert (tmp_path / "label.flow").read_text(encoding="utf-8") == two
    found = report(tune("--lose", "20%", "--json"))
    assert found["pick"] is None and found["lines"] == [] and found["rows_needed"] is None


def test_a_budget_that_ends_half_way_judges_what_there_is(tune: Tune, tmp_path: Path, server: Answering) -> None:
    text = FLOW.replace('"openai:cheap" with input_price: 1', '?("openai:cheap", "openai:other") with input_price: 1')
    (tmp_path / "label.flow").write_text(text.replace("ahead(?)", "ahead(2)"), encoding="utf-8")
    result = tune("--lose", "20%", "--budget", "50 calls", "--write")
    assert result.return_value == 4 and "the budget was spent" in result.stderr
    assert "1 setting did not run" in result.stdout and "is not changed" in result.stderr
    assert "?(" in (tmp_path / "label.flow").read_text(encoding="utf-8")
    sent = len(server.prompts)
    assert sent <= 50
    assert report(tune("--lose", "20%", "--json"))["settings_left"] == 0
    assert len(server.prompts) == 72


def test_an_interrupt_between_two_runs_judges_what_there_is(
    tune: Tune, server: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrun.runtime.cli import tune_runs

    read, left = tune_runs._read, [1]

    def interrupted(*given: Any) -> Any:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return read(*given)

    monkeypatch.setattr(tune_runs, "_read", interrupted)
    result = tune("--lose", "20%", "--write")
    assert result.exception is None and result.return_value == 130
    assert "interrupted: give the same command again" in result.stderr
    assert "4 settings did not run" in result.stdout and "is not changed" in result.stderr


def test_the_settings_of_a_file_are_checked_once_and_not_once_for_each_run(
    tune: Tune, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrun.dsl import check_settings

    checks, every = list[Any](), check_settings.check_every

    def counted(*given: Any) -> None:
        checks.append(given)
        every(*given)

    monkeypatch.setattr(check_settings, "check_every", counted)
    assert len(report(tune("--lose", "20%", "--json"))["settings"]) == 5
    assert len(checks) == 1


def test_a_failing_row_counts_as_wrong(tune: Tune, tmp_path: Path) -> None:
    rows(tmp_path, 11, "broken")
    found = report(tune("--lose", "20%", "--json"))
    assert {one["right"] for one in found["settings"]} == {11} and {one["unanswered"] for one in found["settings"]} == {
        1
    }
    assert "no answer" in tune("--lose", "20%").stdout


def test_an_endpoint_that_refuses_ends_the_tuning(tune: Tune, tmp_path: Path) -> None:
    rows(tmp_path, 12, "locked")
    assert tune("--lose", "20%").return_value == 3


def test_a_missing_key_of_any_candidate_is_told_before_anything_is_sent(
    tune: Tune, tmp_path: Path, server: Answering
) -> None:
    text = FLOW.replace('"openai:cheap" with input_price: 1', '?("openai:cheap", "mistral:small") with input_price: 1')
    (tmp_path / "label.flow").write_text(text, encoding="utf-8")
    result = tune("--lose", "20%", MISTRAL_API_KEY="")
    assert "MISTRAL_API_KEY" in str(result.exception) and not server.prompts


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lose", "0%"), "no number of rows can show this"),
        (("--lose", "100%"), "no number of rows can show this"),
        (("--lose", "2"), "write 2%"),
        (("--lose", "little"), "is not a share"),
        (("--sure", "100%"), "no number of rows gives this certainty"),
        (("--sure", "20%"), "no number of rows gives this certainty"),
        (("--sure", "nan"), "is not a share"),
        (("--answer", "wnat"), "did you mean `want`"),
        (("--answer", "="), "names no column"),
        (("--rows", "none.jsonl"), "none.jsonl"),
    ],
)
def test_a_wrong_command_line_sends_nothing(
    tune: Tune, server: Answering, arguments: tuple[str, ...], said: str
) -> None:
    result = tune(*arguments)
    assert result.exception is not None and said in str(result.exception)
    assert not server.prompts


def test_wrong_rows_send_nothing(tune: Tune, tmp_path: Path, server: Answering) -> None:
    (tmp_path / "rows.jsonl").write_text('{"mail": "a", "want": "ham"}\n' * 200, encoding="utf-8")
    assert "ham" in str(tune().exception)
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    assert tune().exception is not None
    (tmp_path / "rows.jsonl").write_text('{"mail": "a", "want": "spam"}\n{"mail": "b"}\n', encoding="utf-8")
    assert "want" in str(tune().exception)
    rows(tmp_path, 1)
    assert "with 1 labels" in str(tune().exception) or "with 1 label" in str(tune().exception)
    (tmp_path / "label.flow").write_text(FLOW.replace("ahead(?)", "ahead(2)"), encoding="utf-8")
    assert "leaves no value open" in str(tune().exception)
    (tmp_path / "label.flow").write_text(FLOW.replace("ahead(?)", "ahead(?(1, 0))"), encoding="utf-8")
    assert isinstance(tune().exception, FlowError)
    assert not server.prompts


@pytest.mark.slow
def test_comments_and_line_ends_stay(tune: Tune, tmp_path: Path) -> None:
    file = tmp_path / "label.flow"
    text = "# ü: why? because\n" + FLOW.replace("ahead(?)", "ahead(?)  # what lead?")
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert tune("--lose", "20%", "--write").return_value == 0
    assert file.read_bytes().decode() == text.replace("ahead(?)", "ahead(1)").replace("\n", "\r\n")


def test_a_link_stays_a_link_and_its_target_has_the_value(tune: Tune, tmp_path: Path) -> None:
    file, target = tmp_path / "label.flow", tmp_path / "kept" / "real.flow"
    target.parent.mkdir()
    file.rename(target)
    target.chmod(0o640)
    file.symlink_to(target)
    result = tune("--lose", "20%", "--write")
    assert result.return_value == 0, result.output
    assert file.is_symlink() and target.read_text(encoding="utf-8") == FLOW.replace("ahead(?)", "ahead(1)")
    assert target.stat().st_mode & 0o777 == 0o640
    assert not [one.name for one in target.parent.iterdir() if one != target]
