"""Flows with open values against a server on loopback, for the tests of `flowrun tune`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.tune import command

from .answering import Answering, answering

FLOW = """\
model cheap = "openai:cheap" with input_price: 1, output_price: 2

flow label(mail: text) {
  kind = repeat 3..9 { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce ahead(?)
  return kind
}
"""
Tune = Callable[..., Result]


def answer(prompt: str, model: str, number: int) -> str:
    """Answer `spam`; of a slip each first sample says `fine`; of a toss the samples differ. `gone` is no model."""
    if model == "gone":
        return "404"
    if "locked" in prompt:
        return "401"
    if "broken" in prompt:
        return "400"
    if model == "strong":
        return "spam"
    if "slip" in prompt:
        return "fine" if number == 0 else "spam"
    if "toss" in prompt:
        return "fine" if number in (0, 1, 4, 6) else "spam"
    return "spam"


def rows(folder: Path, plain: int, *others: str, labelled: bool = True) -> None:
    """Write rows.jsonl: plain mails, which each sample gets right, and others. All of them are spam."""
    mails = [*(f"plain {at}" for at in range(plain)), *(f"{one} {at}" for at, one in enumerate(others))]
    lines = [{"mail": one} | ({"want": "spam"} if labelled else {}) for one in mails]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def tuner(folder: Path, server: Answering) -> Tune:
    """Write a flow and rows into a folder, and return a function that tunes a flow there."""
    (folder / "label.flow").write_text(FLOW, encoding="utf-8")
    rows(folder, 12)
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}

    def run(*arguments: str, flow: str = "label.flow", **more: str) -> Result:
        given = [flow, "--journal", "journal.db", *arguments]
        if "--rows" not in arguments:
            given += ["--rows", "rows.jsonl"]
        if "--answer" not in arguments and "--same-as" not in arguments:
            given += ["--answer", "want"]
        return CliRunner(env=environ | more).invoke(command, given, standalone_mode=False)

    return run


def report(result: Result) -> dict[str, Any]:
    assert result.exception is None, result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["version"] == 1
    return found


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering(answer) as served:
        yield served


@pytest.fixture
def tune(tmp_path: Path, server: Answering, monkeypatch: pytest.MonkeyPatch) -> Tune:
    monkeypatch.chdir(tmp_path)
    return tuner(tmp_path, server)
