"""Evaluations of small flows against a server on loopback, for the tests of `flowrun eval`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from flowrun.runtime.cli.eval import command

from .answering import Answering

VOTED = """\
model m = "openai:m" with input_price: 1, output_price: 2
flow label(mail: text) {
  kind = repeat 3 { ask m "Spam? {{ mail }}" -> SPAM | NOT } reduce majority
  return kind
}
"""
SINGLE = VOTED.replace("repeat 3 {", "chain {").replace("} reduce majority", "}")
WORDS = {"win": "SPAM", "hello": "NOT", "odd": "SPAM", "turn": "SPAM"}
Eval = Callable[..., Result]


def answer(prompt: str, model: str, number: int) -> str:
    """Know spam by a word.

    Of an odd mail each sample but the second says NOT, and of a turning one each but the first. The model `good` knows
    odd mails, and the server does not have the model `gone`.
    """
    if model == "gone":
        return "404"
    if "broken" in prompt:
        return "400"
    if "locked" in prompt:
        return "401"
    if "turn" in prompt:
        return "NOT" if number else "SPAM"
    if "odd" in prompt and model != "good":
        return "SPAM" if number == 1 else "NOT"
    return next((kind for word, kind in WORDS.items() if word in prompt), "NOT")


def rows(folder: Path, *mails: str) -> None:
    """Write rows.jsonl: each mail, and the kind of its first word."""
    lines = [{"id": f"m{at}", "mail": one, "want": WORDS.get(one.split()[0], "NOT")} for at, one in enumerate(mails)]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def evaluator(folder: Path, server: Answering) -> Eval:
    """Write two flows and four rows into a folder, and return a function that evaluates a flow there."""
    (folder / "label.flow").write_text(VOTED, encoding="utf-8")
    (folder / "single.flow").write_text(SINGLE, encoding="utf-8")
    rows(folder, "win 1", "hello 2", "odd 3", "win 4")
    environ = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0"}

    def run(*arguments: str, flow: str = "label.flow", stdin: str | None = None) -> Result:
        given = [flow, "--journal", "journal.db", *arguments]
        if "--rows" not in arguments:
            given += ["--rows", "rows.jsonl"]
        if "--answer" not in arguments:
            given += ["--answer", "want"]
        return CliRunner(env=environ).invoke(command, given, input=stdin, standalone_mode=False)

    return run


def sides(result: Result) -> list[dict[str, Any]]:
    assert result.exception is None, result.exception
    report = json.loads(result.stdout)
    assert report["version"] == 1
    found: list[dict[str, Any]] = report["sides"]
    return found
