"""A recorded test is the run: corrections, lost ballots, cut answers and streams are played as a run has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowrun import RunError, RunOptions, run
from flowrun.runtime.cli.run_cassette import export_cassette
from flowrun.runtime.cli.test import command
from flowrun.runtime.session.result import Result
from flowrun.testing import ScriptedResult, run_scripted
from support.answering import answering

Answer = Callable[[str, str, int], str]
ONE = 'flow f(x: text) {{\n  v = ask "V {{{{ x }}}}" -> {} \n  return v\n}}\n'
VOTE = 'flow f(x: text) {{\n  v = repeat {} {{ ask "V {{{{ x }}}}" -> yes | no }} reduce {}\n  return v\n}}\n'
MAP = """flow f(x: text) {{
  v = map y in [1, 2, 3, 4, 5] {{ k = ask "V {{{{ x }}}} {{{{ y }}}}"{} }} reduce {}
  return v
}}
"""
CHAIN = """flow f(x: text) {
  v = repeat 4 {
    a = ask "A {{ x }}" -> yes | no
    b = ask "B {{ a }}" -> yes | no
    b
  } reduce majority
  return v
}
"""
EXTERN = """extern lookup(name: text) -> { town: text } from "flowrun.nowhere:lookup"
flow f(x: text) {
  place = lookup(x)
  policy = file("policy.md")
  v = ask "V {{ place.town }} {{ policy }}" -> yes | no
  return v
}
"""


def counted(*texts: str) -> Answer:
    """Answer each prompt with these texts in their order, and then with the last one."""
    return lambda prompt, model, number: texts[min(number, len(texts) - 1)]


def joined(prompt: str, model: str, number: int) -> str:
    return f"<{prompt[:60]}>"


def later(prompt: str, model: str, number: int) -> str:
    """Answer a question badly, and its correction well."""
    return "yes" if prompt.startswith("That answer") else "perhaps"


SHAPES: dict[str, tuple[str, Answer]] = {
    "a correction": (ONE.format("yes | no"), later),
    "no answer fits": (ONE.format("yes | no"), counted("perhaps")),
    "no answer to a record fits": (ONE.format("{ a: int, b: text? }"), counted('{"a": "x"}')),
    "a record is corrected": (ONE.format("[int]"), counted('["x"]', "[1, 2]")),
    "cut, then whole": (ONE.format("yes | no"), counted("ye [cut]", "yes")),
    "cut": (ONE.format("text with max_tokens: 5, temperature: 0"), counted("half an ans [cut]")),
    "filtered": (ONE.format("yes | no"), counted("ye [filtered]")),
    "a refusal": (ONE.format("yes | no"), counted("429", "yes")),
    "a stream": (ONE.format("text with stream: true"), counted("hello there")),
    "a malformed ballot": (VOTE.format("3", "majority"), counted("yes", "perhaps", "no", "yes")),
    "ballots one after another": (VOTE.format("3..7", "ahead(2)"), counted("yes", "no", "perhaps", "yes", "yes")),
    "ballots that are cut": (VOTE.format("5", "majority"), counted("yes", "n [cut]", "yes", "no")),
    "no ballot": (VOTE.format("3", "majority"), counted("perhaps")),
    "seeds": (VOTE.format("3", "majority").replace("yes | no", "yes | no with seed: 7"), counted("no")),
    "ballots in a chain": (CHAIN, counted("yes", "perhaps", "no", "yes")),
    "a hedge": (MAP.format(" -> yes | no with hedge: p95", "collect"), counted("yes")),
    "a tree": (MAP.format("", 'by 2 ask "Join {{ results }}"'), joined),
    "a fold": (MAP.format("", 'fold ask "Add {{ next }} to {{ so_far }}"'), joined),
    "a judge": (MAP.format("", 'best(judge: ask "Which is best? {{ results }}")'), counted("2", "perhaps", "1", "3")),
    "an extern and a file": (EXTERN, later),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_recorded_test_is_the_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, answer = SHAPES[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.md").write_text("be kind", encoding="utf-8")
    lines = '  x = "a"\n  cassette "f.jsonl"\n  expect calls > 0\n'
    if name == "an extern and a file":
        lines += '  extern lookup: { town: "Bern" }\n'
        flow = flow.replace("flowrun.nowhere", "towns")
        (tmp_path / "towns.py").write_text('def lookup(name):\n    return {"town": "Bern"}\n', encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "f.flow").write_text(f'{flow}test "t" of f {{\n{lines}}}\n', encoding="utf-8")
    with answering(answer) as server:
        live = ran(server.url, tmp_path)
        sent = len(server.prompts)
    with answering(answer) as server:
        environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        given = ["--record", "--model", "openai:m", "--journal", "r.db"]
        recorded = CliRunner(env=environ).invoke(command, given, standalone_mode=False)
        assert recorded.exception is None, recorded.output
        assert len(server.prompts) == sent, recorded.output
        if name == "a malformed ballot":
            assert "f: 2 calls at first" in recorded.stderr
    externs: dict[str, Any] = {"lookup": {"town": "Bern"}} if "lookup" in flow else {}
    played = run_scripted("f.flow", x="a", cassette="f.jsonl", externs=externs)
    *played_out, tokens = outcome(played)
    *live_out, paid = outcome(live)
    assert played_out == live_out
    # The recording asks the same question for both judgements in one request, so it pays the prompt once.
    assert tokens == paid or name == "a judge"
    rows = [json.loads(line) for line in Path("f.jsonl").read_text(encoding="utf-8").splitlines()][1:]
    assert len(rows) == live.summary.calls
    again = CliRunner(env=environ).invoke(command, ["--update"], standalone_mode=False)
    assert "lost" not in again.output
    export_cassette(Path("l.db"), "last", Path("live.jsonl"))
    assert outcome(run_scripted("f.flow", x="a", cassette="live.jsonl", externs=externs)) == outcome(live)


def ran(url: str, folder: Path) -> Result:
    environ = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
    options = RunOptions(model="openai:m", environ=environ, journal=folder / "l.db", learn=False, allow_python=True)
    try:
        return run("f.flow", x="a", options=options)
    except RunError as error:
        assert error.result is not None
        return error.result


def outcome(result: Result | ScriptedResult) -> tuple[object, ...]:
    """The expectations of a test about a run: its value, its failures, its votes and its account."""
    told, summary = result.outcome, result.summary
    tallies = {path: (one.ballots, one.asked, one.agreement) for path, one in told.tallies.items()}
    losses = sorted((one.path, one.reason, one.ballot) for one in (*told.losses, *told.failures))
    tokens = summary.account.input_tokens, summary.account.output_tokens
    return told.value, told.complete, losses, tallies, summary.calls, tokens


def test_a_call_that_fails_leaves_the_answers_to_the_same_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flow = """flow f(x: text) {
  v = map y in [1, 1, 1, 1] { ask "V {{ y }}" -> yes | no } reduce collect with errors: skip
  return v
}
test "t" of f {
  x = "a"
  cassette "f.jsonl"
  expect result == ["yes", "yes"]
}
"""
    (tmp_path / "f.flow").write_text(flow, encoding="utf-8")
    with answering(counted("yes", "n [filtered]", "n [filtered]", "yes")) as server:
        environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        given = ["--record", "--model", "openai:m", "--journal", "r.db"]
        recorded = CliRunner(env=environ).invoke(command, given, standalone_mode=False)
        assert recorded.return_value == 0, recorded.output
        assert len(server.prompts) == 4
    rows = [json.loads(line) for line in Path("f.jsonl").read_text(encoding="utf-8").splitlines()][1:]
    assert [(row["path"], row["finish"]) for row in rows] == [
        ("v[0].ask", "stop"), ("v[1].ask", "filtered"), ("v[2].ask", "filtered"), ("v[3].ask", "stop"),
    ]  # fmt: skip


def test_a_correction_that_failed_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = '  x = "a"\n  cassette "f.jsonl"\n  expect result == yes\n'
    (tmp_path / "f.flow").write_text(f'{ONE.format("yes | no")}test "t" of f {{\n{lines}}}\n', encoding="utf-8")
    fails = ["403"]

    def answer(prompt: str, model: str, number: int) -> str:
        return "perhaps" if prompt.startswith("V") else fails[0]

    with answering(answer) as server:
        environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}
        given = ["--model", "openai:m", "--journal", "r.db"]
        first = CliRunner(env=environ).invoke(command, ["--record", *given], standalone_mode=False)
        assert first.return_value == 3 and "`v` has no answer: " in first.output
        played = CliRunner().invoke(command, [], standalone_mode=False)
        assert "its answer does not fit, and the cassette has no answer to the correction" in played.output
        fails[0] = "yes"
        again = CliRunner(env=environ).invoke(command, ["--record", "missing", *given], standalone_mode=False)
        assert again.return_value == 0, again.output
    rows = [json.loads(line) for line in Path("f.jsonl").read_text(encoding="utf-8").splitlines()][1:]
    assert [(row["again"], row["answer"], len(row["messages"])) for row in rows] == [(0, "perhaps", 1), (1, "yes", 3)]
