"""The pages on `show` and on the journal name each field of what the commands print as JSON."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.cli import run_command

Json = Any
DOCS = Path(__file__).resolve().parent.parent / "docs"
FLOW = """\
model m = "openai:m" with max_tokens: 50
flow f(word: text) {
  doc = file("n.txt")
  vote = repeat 3 { ask m "Yes? {{ doc }}" -> yes | no } reduce majority
  notes = map x in ["a", "b"] { ask m "Say {{ x }} {{ word }}" -> 1..5 with retries: 1 } reduce collect
    with errors: skip
  return { vote, notes }
}
"""
NAMED_BY_DATA = {"votes", "endpoints", "models", "waited", "value", "schema", "more", "kinds", "calls"}
"""Mappings whose keys are paths, models or kinds, and values of the flow."""


def fields(data: Json) -> Iterator[str]:
    """Yield the names of all fields, at every depth."""
    if isinstance(data, list):
        for one in data:
            yield from fields(one)
    elif isinstance(data, dict):
        for name, one in data.items():
            yield name
            if name in NAMED_BY_DATA and isinstance(one, dict):
                for inner in one.values() if name in ("votes", "endpoints", "kinds") else ():
                    yield from fields(inner)
            elif name != "value":
                yield from fields(one)


def section(page: str) -> set[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(re.findall(r"`(\w+)`", re.split(r"^##+ JSON$", text, flags=re.MULTILINE)[1]))


async def test_the_pages_name_each_field(
    faults: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", faults.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    for text in ("yes", "no", "yes", "2", "odd", "4", "odd", "odd"):
        faults.json({"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": {}})
    flow, journal = tmp_path / "f.flow", tmp_path / "j.db"
    flow.write_text(FLOW)
    (tmp_path / "n.txt").write_text("a note")
    first, second = [
        await run_async(flow, word=word, options=RunOptions(journal=journal, learn=False, fresh=True))
        for word in ("one", "two")
    ]

    async def told(*words: str) -> Json:
        # A command has a loop of its own.
        assert await asyncio.to_thread(run_command, [*words, "--json", "--journal", str(journal)]) == 0
        data = json.loads(capsys.readouterr().out)
        assert data["version"] == 1
        return data

    shown, differs = await told("show", first.run), await told("diff", first.run, second.run)
    assert shown["run"]["votes"]["vote"]["ballots"]
    assert shown["calls"]
    assert [one["content"] for one in shown["files"]] == ["a note"]
    assert differs["changed"]
    assert second.losses
    reads = [shown, differs, await told("show", second.run), await told("runs")]
    assert {name for data in reads for name in fields(data)} - section("show.md") - {"version"} == set()
    keeps = [
        await told("journal", "stats"),
        await told("journal", "verify"),
        await told("journal", "forget", "last", "notes"),
    ]
    keeps += [await told("journal", "prune", "--dry-run"), await told("journal", "erase", "last")]
    assert {name for data in keeps for name in fields(data)} - section("journal.md") - {"version"} == set()
    assert keeps[0]["kinds"]["answer"]["rows"] > 3
