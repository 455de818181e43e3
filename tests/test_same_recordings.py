"""The cassette of a vote that compares its answers, and the replies of tests to its questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli import run_command
from flowrun.runtime.providers.scripted import ScriptedProvider
from support.judged_votes import judged

Json = Any
FLOW = """model m = "openai:m"
flow f() {
  v = repeat 2..9 {
    ask m "?" with seed: 1
  } reduce ahead(2, same: ask m "S[{{ a }}|{{ b }}]" -> yes | no)
  return { v, counts: votes(v).counts, classes: votes(v).classes }
}
"""
BALLOTS = ["b1", "a1", "a2", "b2", "a3", "a4"]


async def recorded(folder: Path) -> tuple[Path, Json]:
    """Run the flow of a file, and return the file and the value."""
    file = folder / "f.flow"
    file.write_text(FLOW)
    plan = make_plan(check_flow(Source(FLOW, str(file)), catalog()))
    judge = judged(BALLOTS, lambda one, other: (one, other) != ("a2", "b2") and one[0] == other[0], unit=0.01)
    provider = ScriptedProvider(judge)
    options = RunOptions(opener=lambda address, around: provider, journal=folder / "j.db")
    result = await run_async(plan, {}, options=options)
    assert result.ok
    return file, result.value


def played(file: Path, body: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    file.write_text(f"{FLOW}\n{body}")
    capsys.readouterr()
    code = run_command(["test", str(file)])
    shown = capsys.readouterr()
    return code, shown.out + shown.err


async def test_a_cassette_has_the_questions_and_a_test_forms_the_same_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, value = await recorded(tmp_path)
    assert value["v"] == "a1"
    assert value["classes"]["questions"] > 8
    cassette = tmp_path / "f.cassette.jsonl"
    words = ["journal", "export", "last", "--cassette", str(cassette), "--journal", str(tmp_path / "j.db")]
    assert run_command(words) == 0
    questions = value["classes"]["questions"]
    assert cassette.read_text().count("S[") == questions
    body = (
        'test "as the run" of f {\n  cassette "f.cassette.jsonl"\n  expect v == "a1"\n'
        f"  expect votes(v).classes.questions == {questions}\n  expect calls == {questions + len(BALLOTS)}\n}}\n"
    )
    code, out = played(file, body, capsys)
    assert code == 0, out
    # A cassette without one of the questions is not enough, and the test says which one it lacks.
    lines = cassette.read_text().splitlines(keepends=True)
    cassette.write_text("".join(line for line in lines if "S[b1|a2]" not in line))
    code, out = played(file, body, capsys)
    assert code == 1
    assert "lacks" in out and "v.reduce" in out


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ('reply v: "x1", "x2"\n  reply v.reduce: yes', 'v == "x1"'),
        ('reply v: "x1", "y", "x2", "x3"\n  reply v.reduce: no, yes, yes, yes, yes', 'v == "x1"'),
        # By their places: the sample, and the number of its question.
        ('reply v: "x1", "y", "x2", "x3"\n  reply v.reduce[1.0]: no\n  reply v.reduce: yes', 'v == "x1"'),
    ],
)
async def test_replies_answer_the_questions(
    replies: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = played(tmp_path / "f.flow", f'test "t" of f {{\n  {replies}\n  expect {said}\n}}\n', capsys)
    assert code == 0, out


@pytest.mark.parametrize("reply", ["maybe", '"yes, they are"', "3"])
def test_a_reply_that_is_neither_word_is_told_at_its_place(
    reply: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = f'test "t" of f {{\n  reply v: "x1", "x2"\n  reply v.reduce: {reply}\n  expect v == "x1"\n}}\n'
    code, out = played(tmp_path / "f.flow", body, capsys)
    assert code == 1
    assert f"reply v.reduce: {reply}" in out
