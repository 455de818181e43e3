"""Flows that are run from Python with scripted answers: the fixture ``flow`` and ``run_scripted``."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowrun import FlowError, FlowrunError, Source, UsageError
from flowrun.testing import ScriptError, cut, error, malformed, run_scripted, slow

TRIAGE_TEXT = """\
type Team = billing | technical | sales

flow triage(message: text) {
  quick = repeat 3..9 {
    ask "Which team should answer this customer? {{ message }}" -> Team
  } reduce majority(confidence: 0.9)
  team = ask "Think about it. Which team? {{ message }}" -> Team when agreement(quick) < 0.8 else quick
  return { team }
}
"""
TRIAGE = Source(TRIAGE_TEXT, "triage.flow")
MAILS = """\
type Mail = { id: int, body: text }

extern lookup(body: text) -> { town: text } from "nowhere.at_all:lookup"

flow kinds(mails: [Mail], policy: text = file("policy.md")) {
  kinds = map mail in mails at most 9 {
    place = lookup(mail.body)
    k = ask "{{ policy }} Spam? {{ mail.body }} {{ place.town }}" -> spam | fine with timeout: 60s, retries: 1
  } reduce collect with errors: skip
  return kinds
}

flow notes(text: text) {
  tags = ask "Tags of {{ text }}" -> [text]
  facts = ask "Facts {{ tags }}" -> { sum: number, many: bool, more: text? }
  return { tags, facts }
}
"""
TWO = [{"id": 1, "body": "one"}, {"id": 2, "body": "two"}]
OUTSIDE: dict[str, Any] = {"externs": {"lookup": {"town": "Bern"}}, "files": {"policy.md": 'Be "kind".\n'}}


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    path = tmp_path / "mails.flow"
    path.write_text(MAILS, encoding="utf-8")
    return path


def test_votes_decide() -> None:
    result = run_scripted(TRIAGE, message="My invoice", replies={"quick": ["billing"] * 3})
    assert (result.ok, result.status, result.losses, result.failures) == (True, "done", (), ())
    assert result.value["team"] == "billing"
    tally = result.tallies["quick"]
    assert (tally.winner, tally.counted, tally.planned) == ("billing", 3, 9)
    assert [(call.path, call.answer) for call in result.calls] == [(f"quick[{n}].ask", "billing") for n in range(3)]
    assert all("My invoice" in prompt for prompt in result.prompts("quick"))
    assert (len(result.prompts("quick[1].ask")), result.prompts("team"), len(result.prompts())) == (1, [], 3)


def test_paths_and_conditions_are_those_of_tests(mails: Path) -> None:
    replies = {"k when mail.id == 1": "spam", "kinds[1].k": "fine"}
    result = run_scripted(mails, {"mails": TWO}, replies=replies, of="kinds", **OUTSIDE)
    assert result.value == ["spam", "fine"]
    assert result.prompts("kinds.k")[0].startswith('Be "kind".\n')
    assert all("Bern" in prompt for prompt in result.prompts())


def test_what_goes_wrong_can_be_scripted(mails: Path) -> None:
    replies = {
        "kinds[0].k": [error(429), "spam"],
        "kinds[1].k": [malformed("no idea"), cut("fi")],
        "kinds[2].k": slow(3600),
        "kinds[3].k": slow(5.5, "fine"),
        "kinds[4].k": error("auth"),
    }
    rows = [{"id": number, "body": "x"} for number in range(5)]
    result = run_scripted(mails, mails=rows, replies=replies, of="kinds", **OUTSIDE)
    assert result.value == ["spam", "fine"]
    lost = {loss.path.split(".")[0]: loss.reason for loss in result.losses}
    assert set(lost) == {"kinds[1]", "kinds[2]", "kinds[4]"}
    assert "60 s" in lost["kinds[2]"]
    assert [call.answer for call in result.calls if call.path == "kinds[0].k"][1:] == ["spam"]
    assert result.status == "partial"


def test_an_extern_can_fail(mails: Path) -> None:
    outside = {**OUTSIDE, "externs": {'lookup when body == "one"': error("no such town"), "lookup": {"town": "Bern"}}}
    result = run_scripted(mails, mails=TWO, replies={"k": "fine"}, of="kinds", **outside)
    assert len(result.value) == 1
    assert "no such town" in result.losses[0].reason


@dataclass
class Facts:
    sum: float
    many: bool
    more: str | None = None


def test_answers_are_python_values() -> None:
    text = 'quote " back \\ brace {{ x }} {% y %} \u2028 \x01\r\n😀 # and a tab\t'
    source = Source(MAILS, "notes.flow")
    result = run_scripted(source, text="a", replies={"tags": [[text, "b"]], "facts": Facts(-1.5e-12, True, text)})
    assert result.value == {"tags": [text, "b"], "facts": {"sum": -1.5e-12, "many": True, "more": text}}
    empty = run_scripted(source, text="a", replies={"tags": [[]], "facts": {"sum": 10**25, "many": False}})
    assert empty.value["tags"] == []
    assert empty.value["facts"]["sum"] == 10**25


def test_inputs_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The whole text", encoding="utf-8")
    flow = Source('flow f(of: document) {\n  a = ask "Sum up {{ of }}"\n  return a\n}\n', str(tmp_path / "f.flow"))
    result = run_scripted(flow, {"of": tmp_path / "a.md"}, replies={"a": "short"})
    assert result.prompts("a") == ["Sum up The whole text"]


def test_a_flow_that_fails_returns_a_result() -> None:
    result = run_scripted(TRIAGE, message="m", replies={"quick": error("quota")})
    assert (result.ok, result.value, result.status) == (False, None, "failed")
    assert result.failures


def test_no_loop_and_no_network_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a scripted run needs no loop and no socket")

    monkeypatch.setattr(asyncio, "new_event_loop", refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    assert run_scripted(TRIAGE, message="m", replies={"quick": "sales"}).value["team"] == "sales"


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "no answer": ({}, "no reply answers `quick.ask` (it was asked 3 times)"),
    "unused": ({"quick": "sales", "team": "sales"}, 'reply team: "sales": this reply was never used'),
    "unused place": ({"quick": "sales", "quick[8]": "sales"}, "this reply was never used"),
    "only some": ({'quick when message == "n"': "sales"}, "no reply of the test fits this call of `quick.ask`"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_script_that_does_not_fit_the_run_is_refused(case: str) -> None:
    replies, told = UNFIT[case]
    with pytest.raises(ScriptError) as raised:
        run_scripted(TRIAGE, message="m", replies=replies)
    assert told in str(raised.value)
    assert raised.value.faults


IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "a step": ({"replies": {"qick": "sales"}}, "replies['qick']: the flow `triage` has no step `qick`; did you mean"),
    "a value": ({"replies": {"quick": "sale"}}, "replies['quick']: \"sale\" is not one of billing"),
    "a type": ({"replies": {"quick": 3}}, "replies['quick']: an answer of `quick`: expected billing"),
    "a number of answers": ({"replies": {"quick": ["sales"] * 2}}, "asks 3 times, and here are 2 answers"),
    "an error": ({"replies": {"quick": error("foo")}}, 'no call fails with "foo"'),
    "well-formed": ({"replies": {"quick": malformed("sales")}}, "replies['quick']"),
    "no answers": ({"replies": {"quick": []}}, "replies['quick']: the list has no answer"),
    "bytes": ({"replies": {"quick": b"sales"}}, "is bytes, and bytes are not a text"),
    "not a number": ({"replies": {"quick": float("nan")}}, "NaN"),
    "a time": ({"replies": {"quick": slow(-1, "sales")}}, "a number of seconds above 0; found `-1`"),
    "a list": ({"replies": ["sales"]}, "`replies` is a mapping such as"),
    "a key": ({"replies": {3: "sales"}}, "`replies` is a mapping such as"),
    "an empty key": ({"replies": {" ": "sales"}}, "a key is a path with or without a condition"),
    "two lines": ({"replies": {"quick\nextern x": "sales"}}, "a key is a path with or without a condition"),
    "a bracket": ({"replies": {"quick } x": "sales"}}, "replies['quick } x']"),
    "a whole test": (
        {"replies": {'quick: sales } test "x" of triage { reply quick': "sales"}},
        "replies['quick: sales",
    ),
    "an extern": ({"externs": {"lookup": 3}}, "externs['lookup']"),
    "a file": ({"files": {"a.md": b"x"}}, "files['a.md']: the text of a file is a str"),
    "an unread file": ({"files": {"a.md": "x"}}, "files['a.md']"),
    "a flow": ({"of": "tirage"}, "no flow is called `tirage`; did you mean `triage`?"),
    "an input": ({"mesage": "m"}, "has no parameter `mesage`"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_a_script_that_is_not_possible_is_refused_with_its_place(case: str) -> None:
    given, told = IMPOSSIBLE[case]
    with pytest.raises(FlowrunError) as raised:
        run_scripted(TRIAGE, message="m", **given)
    assert told in str(raised.value)


def test_slow_takes_a_single_answer() -> None:
    with pytest.raises(UsageError, match="a single answer; found 2"):
        slow(1, "a", "b")


def test_errors_of_the_file_are_its_own() -> None:
    with pytest.raises(FlowError) as raised:
        run_scripted(Source("flow f() {\n  return x\n}\n", "f.flow"), replies={"x": 1})
    assert raised.value.diagnostics[0].span.line == 2


ASK = 'flow f(x: text) {\n  a = ask "{{ x }}"\n  return a\n}'
FILES = {
    "no line break at the end": ASK,
    "a comment at the end": f"{ASK}\n# the end",
    "Windows": f"{ASK}\n".replace("\n", "\r\n"),
    "an old Mac": f"{ASK}\n".replace("\n", "\r"),
    "a mark of the encoding": f"\ufeff{ASK}\n",
    "a test of its own": f'{ASK}\ntest "scripted" of f {{\n  x = "y"\n  reply a: "c"\n  expect a == "c"\n}}\n',
    "words of tests": 'flow f(x: text) {\n  failed = ask "{{ x }}"\n  a = ask "{{ failed }}"\n  return a\n}\n',
}


@pytest.mark.parametrize("case", FILES)
def test_any_file_can_be_run(tmp_path: Path, case: str) -> None:
    path = tmp_path / "f.flow"
    path.write_bytes(FILES[case].encode())
    replies = {"a": "b", **({"failed": "z"} if "failed" in FILES[case] else {})}
    assert run_scripted(path, x="1", replies=replies).value == "b"
    with pytest.raises(UsageError, match=r"replies\['b'\]: the flow `f` has no step `b`"):
        run_scripted(path, x="1", replies={**replies, "b": "c"})


def test_inputs_with_the_names_of_arguments_stand_in_the_mapping() -> None:
    flow = Source('flow f(replies: text, of: int) {\n  a = ask "{{ replies }} {{ of }}"\n  return a\n}\n', "f.flow")
    result = run_scripted(flow, {"replies": "r", "of": 3}, replies={"a": "b"})
    assert result.prompts() == ["r 3"]


def test_a_flow_without_calls_needs_no_script() -> None:
    assert run_scripted(Source("flow f() {\n  return 1 + 1\n}\n", "f.flow")).value == 2


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("flow f() { return 1 }", "this looks like the text of one: give it as Source(text)"),
        ("flow f() {\n  return 1\n}\n", "this looks like the text of one: give it as Source(text)"),
        (None, "give a flow as the path of its file, or as Source(text); found `None`"),
        (b"f.flow", "give a flow as the path of its file"),
        ("gone.flow", "there is no file `gone.flow`"),
    ],
)
def test_what_is_no_flow_is_refused(flow: object, said: str) -> None:
    with pytest.raises(FlowrunError, match=re.escape(said)):
        run_scripted(flow)  # type: ignore[arg-type]
    assert run_scripted(Source("flow f() { return 1 }")).value == 1


async def test_a_script_runs_in_a_test_that_has_a_loop() -> None:
    assert run_scripted(Source('flow f() { a = ask "?" return a }'), replies={"a": "x"}).value == "x"
    assert asyncio.get_running_loop().is_running()
