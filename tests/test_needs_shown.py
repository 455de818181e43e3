"""A budget that is too small for all votes, as people see it: in `plan`, `--json`, `show` and on the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun import Budget
from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli import run_command
from flowrun.runtime.cli.outcome import report
from flowrun.runtime.cli.run_records import read_records
from flowrun.runtime.cli.summary import closing_line
from flowrun.runtime.cli.vote_lines import votes_lines
from flowrun.runtime.pages.head import figures_of
from flowrun.runtime.pages.markup import account_html
from flowrun.runtime.plans.samples import Calls, Costs
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.session.result import Result
from support.harness import planned

Json = Any
VOTE = 'repeat 1..9 { ask "{{ q }}?" -> a | b with seed: 1 } reduce ahead(2, undecided: first)'
FLOW = f"flow f(qs: [text]) {{ r = map q in qs {{ {VOTE} }} reduce collect return r }}"
TOLD = "3 of 4 votes decided, 1 ended with the budget"


async def ran(folder: Path, text: str = FLOW, calls: int | None = 7) -> Result:
    plan = make_plan(check_flow(Source(text), catalog()))
    provider = ScriptedProvider(lambda request, number: "a")
    budget = None if calls is None else Budget(calls, None)
    options = RunOptions(
        opener=lambda address, around: provider, budget=budget, journal=folder / "journal.db", model="m"
    )
    return await run_async(plan, {"qs": ["p", "q", "r", "s"]}, options=options)


def shown(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    capsys.readouterr()
    assert run_command(["show", "last", *words, "--journal", str(folder / "journal.db")]) == 0
    return capsys.readouterr().out


async def test_the_closing_line_show_and_the_page_have_one_count_of_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = await ran(tmp_path)
    assert votes_lines(result) == [f"{TOLD}; 7 of 7 calls"]
    assert closing_line(result).startswith("7 calls (")
    head, _, row, *_ = lines = shown(capsys, tmp_path).splitlines()
    assert head.endswith("· 7 calls and 1 unsent")
    assert " 7  and 1 unsent, 1 lost" in row
    assert TOLD in lines
    (record,) = read_records(("last",), tmp_path / "journal.db")
    assert figures_of(record).calls == 7
    assert f"<p>{TOLD}</p>" in account_html(record, texts=True)


async def test_a_run_and_show_have_the_same_totals_and_paths_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = await ran(tmp_path)
    run: Json = report(result)
    show: Json = json.loads(shown(capsys, tmp_path, "--json"))["run"]
    totals = {"votes": 4, "decided": 3, "ended": 1, "undecided": 0}
    assert run["vote_totals"] == show["vote_totals"] == totals
    # The repeat and its ask have no name, and the engine names them by their line.
    assert list(run["votes"]) == list(show["votes"]) != list(result.tallies)
    assert [one["path"] for one in run["losses"]] == [one["path"] for one in show["losses"]]
    for path in run["votes"]:
        assert shown(capsys, tmp_path, path)


async def test_a_run_whose_votes_were_all_decided_says_nothing_of_the_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = await ran(tmp_path, calls=50)
    assert report(result)["vote_totals"] == {"votes": 4, "decided": 4, "ended": 0, "undecided": 0}
    assert "ended with" not in " ".join(votes_lines(result))
    assert "ended with" not in shown(capsys, tmp_path)


async def test_searches_are_no_votes(tmp_path: Path) -> None:
    node = VOTE.replace("-> a | b ", "").replace("ahead(2, undecided: first)", 'first(if: result == "b")')
    result = await ran(tmp_path, FLOW.replace(VOTE, node))
    told: Json = report(result)
    assert "vote_totals" not in told
    assert not any("votes decided" in line for line in votes_lines(result))


async def test_a_run_without_votes_has_no_totals(tmp_path: Path) -> None:
    assert "vote_totals" not in report(await ran(tmp_path, FLOW.replace(VOTE, 'ask "{{ q }}"')))


PRICED = 'model m = "openai:x" with input_price: 1, output_price: 5, max_tokens: 10\n'


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("20 calls", "the budget covers 20 of at most 36 calls: votes share it by need"),
        ("36 calls", ""),
        ("7 calls", "the budget of 7 calls is too small: the flow makes at least 8"),
        ("$0.001", "the budget covers $0.0010 of at most $0.0037: votes share it by need"),
        ("$1", ""),
    ],
)
def test_plan_says_if_votes_share_a_budget_by_need(
    budget: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PRICED + FLOW.replace("ask", "ask m").replace("[text])", f"[text]) budget {budget}")
    (tmp_path / "f.flow").write_text(text)
    (tmp_path / "qs.json").write_text('["p", "q", "r", "s"]')
    assert run_command(["plan", str(tmp_path / "f.flow"), "--qs", str(tmp_path / "qs.json")]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("the budget")]
    assert lines == ([told] if told else [])


def test_plan_says_it_for_lists_of_unknown_length_and_not_without_votes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = FLOW.replace("[text])", "[text]) budget 20 calls")
    for flow, told in ((text, True), (text.replace(VOTE, 'repeat 9 { ask "{{ q }}" } reduce collect'), False)):
        (tmp_path / "f.flow").write_text(flow)
        assert run_command(["plan", str(tmp_path / "f.flow"), "--model", "openai:x"]) == 0
        line = "the budget covers 20 calls, and the flow may need more: votes share it by need"
        assert (line in capsys.readouterr().out.splitlines()) is told


@pytest.mark.parametrize(
    ("node", "calls"),
    [
        ('cascade { ask "p" -> a | b else ask "q" -> a | b when sure < 1 else ask "r" -> a | b }', Calls(3, 1)),
        ('repeat 1..9 { ask "p" } reduce majority(same: ask "{{ a }}{{ b }}" -> yes | no)', Calls(9 + 72, 1)),
        ('repeat 1..9 { ask "p" } reduce first(if: ask "{{ result }}" -> yes | no)', Calls(18, 1)),
        ('repeat 4 { ask "p" } reduce best(judge: ask "{{ results }}", method: pairs)', Calls(4 + 12, 1)),
        ('repeat 4 { ask "p" } reduce best(judge: ask "{{ results }}")', Calls(5, 1)),
        ('repeat 4 { ask "p" } reduce by 2 ask "{{ results }}"', Calls(8, 1)),
    ],
)
def test_the_most_calls_of_a_body_are_counted_with_its_comparisons_and_judges(node: str, calls: Calls) -> None:
    plan = planned(f"flow f() {{ v = {node} return v }}")
    assert Costs(plan.flows).of(plan.steps) == calls


async def test_a_vote_without_a_sample_is_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = FLOW.replace("undecided: first", "undecided: none")
    result = await ran(tmp_path, flow, calls=3)
    assert votes_lines(result) == ["0 of 4 votes decided, 4 ended with the budget; 3 of 3 calls"]
    told: Json = report(result)
    assert told["value"] == [None] * 4
    assert sorted(one["asked"] for one in told["votes"].values()) == [0, 1, 1, 1]
    (empty,) = (one for one in told["votes"].values() if not one["asked"])
    assert (empty["winner"], empty["ballots"], empty["settled"], empty["agreement"]) == (None, [], False, 0)
    lines = shown(capsys, tmp_path).splitlines()
    assert any("3 votes, 0 split, mean agreement 0.50" in line or "3 votes, 3 split" in line for line in lines)
    (record,) = read_records(("last",), tmp_path / "journal.db")
    assert "0 of 4 votes decided, 4 ended with the budget" in account_html(record, texts=True)


async def test_a_flow_reads_a_vote_without_a_sample_as_one_without_ballots(tmp_path: Path) -> None:
    plain = VOTE.replace("undecided: first", "undecided: none")
    body = f"v = {plain} {{ v, a: agreement(v), d: decided(v) }}"
    flow = f"flow f(qs: [text]) {{ r = map q in qs {{ {body} }} reduce collect return r }}"
    result = await ran(tmp_path, flow, calls=3)
    assert {"v": None, "a": 0, "d": False} in result.value
    alone = f'flow f(qs: [text]) {{ q = ask "x" v = {plain} return v }}'
    assert votes_lines(await ran(tmp_path, alone, calls=1)) == ["v: no ballot of 9; 1 missing; not settled"]
