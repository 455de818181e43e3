"""A command that runs as a fork does what a command does that Python starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.command_line import command

FLOW = 'flow f(name: text) { a = text "Hello {{ name }}" return a }\n'
STARTED = {"PYTHONHASHSEED": "1"}
"""With a variable that Python reads at its start, the command is started and not forked."""


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["f.flow", "--name", "Ä\n"],
        ["f.flow", "--name", "@-"],
        ["f.flow"],
        ["validate", "bad.flow"],
        ["plan", "f.flow", "--json"],
        ["no-such"],
    ],
)
async def test_a_fork_tells_what_a_start_tells(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "f.flow").write_text(FLOW)
    (tmp_path / "bad.flow").write_text("flow f() { return y }\n")
    words = [*words, "--no-journal"] if words[0] == "f.flow" else words
    forked = await command(*words, folder=tmp_path, stdin="given")
    started = await command(*words, folder=tmp_path, stdin="given", **STARTED)
    assert (forked.code, forked.out) == (started.code, started.out)
    assert _timeless(forked.err) == _timeless(started.err)


async def test_forks_that_run_at_once_keep_apart(tmp_path: Path) -> None:
    (tmp_path / "f.flow").write_text(FLOW)
    names = [f"n{number}" for number in range(8)]
    ran = await asyncio.gather(*(command("f.flow", "--name", name, "--no-journal", folder=tmp_path) for name in names))
    assert [one.out for one in ran] == [f"Hello {name}\n" for name in names]


def _timeless(told: str) -> list[str]:
    return [line for line in told.splitlines() if " ms" not in line and " s;" not in line]
