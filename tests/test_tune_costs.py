"""The costs that `flowrun tune` tells of a setting are those of a run of that setting alone, at a server that bills."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowrun.dsl import Source, check_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.eval import command as evaluate
from flowrun.runtime.eval.fresh_bills import FreshBill, fresh_bill
from flowrun.runtime.replay.fresh import FreshRequest
from flowrun.runtime.vocabulary.call_record import AnswerRecord, Tokens
from flowrun.runtime.vocabulary.usage import Usage
from support.answering import answering
from support.few_cases import few
from support.tunings import FLOW, answer, report, rows, tuner

PRICES = {"cheap": (1, 2), "strong": (5, 9)}
CASCADE = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2
model strong = "openai:strong" with input_price: 5, output_price: 9

flow label(mail: text) {
  kind = cascade {
    repeat ?(2, 3, 5) { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce majority(ties: first)
    else ask strong "Spam? {{ mail }}" -> spam | fine when agreement < ?(0, 0.7, 1)
  }
  return kind
}
"""
CHECKED = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2

flow label(mail: text) {
  kind = repeat 3..9 { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce ahead(?(1, 3)) with launch: LAUNCH
  again = repeat ?(1, 3) { ask cheap "Really {{ kind }}? {{ mail }}" -> spam | fine } reduce majority(ties: first)
  return again
}
"""
PANEL = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2
model strong = "openai:strong" with input_price: 5, output_price: 9

flow label(mail: text) {
  kind = repeat 2..?(4, 6) over m in [cheap, strong] {
    ask m "Spam? {{ mail }}" -> spam | fine
  } reduce ahead(?(1, 2))
  return kind
}
"""
SURE = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2
model strong = "openai:strong" with input_price: 5, output_price: 9

flow label(mail: text) {
  kind = cascade {
    ask cheap "Spam? {{ mail }}" -> spam | fine
    else ask strong "Spam? {{ mail }}" -> spam | fine when sure < ?(0, 0.7, 2)
  }
  return kind
}
"""
SEARCH = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2

flow label(mail: text) {
  found = repeat 1..? { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce first(if: result == spam)
  return found
}
"""


def slipping(prompt: str, model: str, number: int) -> str:
    """Answer as the usual server, but cut each second answer where the mail slips."""
    return "spam [cut]" if "slip" in prompt and number % 2 == 0 and model == "cheap" else answer(prompt, model, number)


def by_itself(folder: Path, text: str, most: int) -> tuple[int, float, int]:
    """Evaluate a flow with an empty journal, at a server that has answered nobody yet.

    Return the answers and the dollars on the bill of the server, and the rows that are right.
    """
    folder.mkdir()
    (folder / "label.flow").write_text(text, encoding="utf-8")
    with answering(slipping, most) as fresh:
        environ = {"OPENAI_BASE_URL": fresh.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        given = [str(folder / "label.flow"), "--journal", str(folder / "journal.db"), "--rows", "rows.jsonl"]
        done = CliRunner(env=environ).invoke(evaluate, [*given, "--answer", "want", "--json"], standalone_mode=False)
        assert done.exception is None, done.output
    dollars = sum(PRICES[model][0] * read + PRICES[model][1] * out for model, read, out in fresh.billed) / 1_000_000
    return sum(out // 3 for _, _, out in fresh.billed), dollars, json.loads(done.stdout)["sides"][0]["right"]


MIXED = ("slip 0", "slip 1", "toss 2", "toss 3")
CASES = {
    "votes": (FLOW, 128, MIXED),
    "cascade": (CASCADE, 128, MIXED),
    "two votes": (CHECKED.replace("LAUNCH", "cost"), 128, MIXED),
    "all together": (CHECKED.replace("LAUNCH", "together"), 128, MIXED),
    "a panel": (PANEL, 128, MIXED),
    "a cascade by sureness": (SURE, 128, ("doubt 0", "doubt 1", "doubt toss", "slip")),
    "a search": (SEARCH, 128, MIXED),
    "a search in waves": (SEARCH.replace("== spam)", "== spam) with launch: latency"), 128, MIXED),
    # Samples of several requests come in any order, so that they have to be alike.
    "single answers": (FLOW, 1, ("plain",) * 4),
    "two answers a request": (FLOW, 2, ("plain",) * 4),
}


@pytest.mark.parametrize(("text", "most", "others"), few(CASES, "votes", "a search", "a cascade by sureness"))
def test_each_setting_costs_what_a_run_of_it_alone_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, most: int, others: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(slipping, most) as server:
        tune = tuner(tmp_path, server)
        (tmp_path / "label.flow").write_text(text, encoding="utf-8")
        rows(tmp_path, 10, *others)
        found = report(tune("--lose", "20%", "--json"))
        again = report(tune("--lose", "20%", "--json"))
    assert [one["cost_a_row"] for one in again["settings"]] == [one["cost_a_row"] for one in found["settings"]]
    tuning = check_flow(Source(text), catalog()).tuning
    assert tuning is not None and len(found["settings"]) == len(tuning.settings())
    written = {tuning.texts(one): tuning.write(Source(text), one) for one in tuning.settings()}
    for at, one in enumerate(found["settings"]):
        calls, dollars, right = by_itself(tmp_path / str(at), written[tuple(one["values"].values())], most)
        assert one["calls_a_row"] == pytest.approx(calls / 14), one["values"]
        assert one["cost_a_row"] == pytest.approx(dollars / 14), one["values"]
        assert one["right"] == right, one["values"]


def test_samples_that_a_vote_sends_only_for_haste_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(slipping) as server:
        tune = tuner(tmp_path, server)
        hasty = FLOW.replace("ahead(?)", "ahead(?(1, 3)) with launch: latency")
        (tmp_path / "label.flow").write_text(hasty, encoding="utf-8")
        found = report(tune("--lose", "20%", "--json"))
    assert [one["calls_a_row"] for one in found["settings"]] == [3, 3]


def test_a_call_whose_answer_nobody_needed_is_paid_like_the_others_of_its_step() -> None:
    def answered(read: int, written: int, **more: int) -> AnswerRecord:
        return AnswerRecord("x", tokens=Tokens(read, written=written, **more), cost=1.0)

    def price(model: str, usage: Usage) -> float:
        assert usage.detail is None or usage.detail.cached == 30
        return (usage.input_tokens or 0) + 10 * (usage.output_tokens or 0)

    share = answered(10, 4, whole=30)
    assert fresh_bill([FreshRequest("m", [("a[0]", share)] * 3)], price).dollars == 3
    assert fresh_bill([FreshRequest("m", [("a[0]", share), ("a[1]", None)])], price).dollars == 30 + 10 * 8
    assert fresh_bill([FreshRequest("m", [("a[0]", share)]), FreshRequest("m", [("a[1]", None)])], price) == FreshBill(
        2, 2 * (30 + 10 * 4)
    )
    assert fresh_bill([FreshRequest("m", [("a[0]", None)])], price) == FreshBill(1, None)
    cached = answered(10, 4, whole=30, cached=10)
    assert fresh_bill([FreshRequest("m", [("a[0]", cached)])], price).dollars == 30 + 40
    alone = answered(20, 4)
    assert fresh_bill([FreshRequest("m", [("a[0]", alone)])], price).dollars == 1
    assert fresh_bill([FreshRequest("m", [("a[0]", alone), ("a[1]", alone)])], price).dollars == 20 + 10 * 8


def test_a_budget_that_ends_in_the_dearest_setting_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with answering(slipping) as server:
        tune = tuner(tmp_path, server)
        rows(tmp_path, 60)
        result = tune("--lose", "5%", "--budget", "100 calls", "--write")
        sent = len(server.prompts)
        assert result.return_value == 4 and sent <= 100 and not result.stdout
        said = f"the budget was spent before all rows had an answer: {sent} answers are in the journal and cost nothing"
        assert said in result.stderr and "give the same command again, with a larger --budget" in result.stderr
        assert (tmp_path / "label.flow").read_text(encoding="utf-8") == FLOW
        assert report(tune("--lose", "5%", "--json", "--budget", "300 calls"))["settings_left"] == 0
        assert len(server.prompts) == 300
