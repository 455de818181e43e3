"""A run that took answers of another run, after that other run was removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.cli import run_command

FLOW = """\
model m = "openai:m"
flow f() {
  a = map x in ["one", "two"] { ask m "Say {{ x }}" } reduce collect
  b = ask m "Join {{ a }}"
  return b
}
"""


async def test_a_run_tells_that_its_answers_were_removed(
    faults: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", faults.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    message = {"role": "assistant", "content": "said"}
    faults.json({"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9}})
    flow, journal = tmp_path / "f.flow", tmp_path / "j.db"
    flow.write_text(FLOW)
    options = RunOptions(journal=journal, learn=False)
    first = await run_async(flow, options=options)
    second = await run_async(flow, options=options)
    assert (first.value, second.value, len(faults.seen)) == ("said", "said", 3)

    def shown(*path: str) -> tuple[str, list[str], list[str]]:
        assert run_command(["show", "last", *path, "--json", "--journal", str(journal)]) == 0
        told = json.loads(capsys.readouterr().out)
        return told["run"]["id"], told["run"]["notes"], [call["state"] for call in told["calls"]]

    assert shown() == (second.run, [], ["reused"] * 3)
    assert run_command(["journal", "erase", first.run, "--journal", str(journal)]) == 0
    capsys.readouterr()
    name, [note], states = shown()
    assert (name, states) == (second.run, ["unsent"] * 2)
    assert note.startswith("the journal lacks answers that this run took from another run (2 of them")
    name, [note], states = shown("a.1")
    assert states == ["unsent"]
    assert "(2 of them" in note
    for path in ("a.1", "a"):
        assert run_command(["show", "last", path, "--journal", str(journal)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith("note: the journal lacks answers")
