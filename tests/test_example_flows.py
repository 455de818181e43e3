"""The example flows with their own example files, run with scripted answers."""

from __future__ import annotations

import json
import runpy
import zlib
from collections.abc import Callable
from pathlib import Path

from flowrun.testing import ScriptedResult
from flowrun.testing.discovery import run_file
from flowrun.testing.plugin import flow

# The fixture of the plugin. The one of `conftest.py` has the same name.
__all__ = ["flow"]

Runs = Callable[..., ScriptedResult]
EXAMPLES = Path(__file__).resolve().parent.parent / "workflows"
FLOWS = sorted(EXAMPLES.glob("*.flow"))


def test_every_example_has_tests() -> None:
    results = [run_file(str(path)) for path in FLOWS]
    assert len(results) >= 7
    assert [result.name for result in results if not result.outcomes or result.failed] == []


def test_the_example_mails(flow: Runs) -> None:
    mails = [json.loads(line) for line in (EXAMPLES / "emails.jsonl").read_text(encoding="utf-8").splitlines()]
    replies = {f"verdict when mail.id == {mail['id']}": mail["label"] for mail in mails[:-1]}
    wrong = {"SPAM": "NOT", "NOT": "SPAM"}[mails[-1]["label"]]
    result = flow(
        "workflows/spam_accuracy.flow", mails=EXAMPLES / "emails.jsonl", replies={**replies, "verdict": wrong}
    )
    assert result.value["mails"] == len(mails) == 40
    assert result.value["accuracy"] == 39 / 40
    assert [row["id"] for row in result.value["wrong"]] == [mails[-1]["id"]]
    # Two equal votes decide, so that the third need not be sent.
    assert 2 * 40 <= len(result.calls) <= 3 * 40


def test_the_example_handbook(flow: Runs) -> None:
    replies = {"notes.ask": "Sound.", "notes[4].ask": "No owner.", "notes": "1. No owner."}
    result = flow("workflows/review.flow", document=EXAMPLES / "handbook.md", replies=replies)
    assert result.value == "1. No owner."
    sections = [call for call in result.calls if call.path != "notes.reduce"]
    assert len(sections) >= 12
    assert "Severity" in sections[4].prompt
    assert result.calls[-1].prompt.count("- Sound.") == len(sections) - 1


def test_the_example_reviews(flow: Runs) -> None:
    rows = [json.loads(line) for line in (EXAMPLES / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]
    moods = {f"mood when review.id == {row['id']}": row["sentiment"] for row in rows}
    result = flow("workflows/sentiment.flow", reviews=rows, replies={**moods, "complaints": "Some."})
    assert result.value == {"complaints": "Some.", "accuracy": 1}
    happy = [row["text"] for row in rows if row["sentiment"] == "positive"]
    (prompt,) = result.prompts("complaints")
    assert not any(text in prompt for text in happy)


def test_the_example_receipts(flow: Runs) -> None:
    rows = [json.loads(line) for line in (EXAMPLES / "receipts.jsonl").read_text(encoding="utf-8").splitlines()]
    claims = [{**row, "picture": EXAMPLES / row["picture"]} for row in rows]
    totals = {"bakery.png": 4.0, "tools.png": 26.15, "meal.png": 13.5}
    replies = {
        f"seen when claim.claimed == {row['claimed']}": {"total": totals[Path(row["picture"]).name]} for row in rows
    }
    result = flow("workflows/receipts.flow", claims=claims, replies={**replies, "note": "The meal."})
    assert result.value["note"] == "The meal."
    assert [(row["number"], row["claimed"], row["total"]) for row in result.value["wrong"]] == [(3, 15.5, 13.5)]
    (first, *_) = result.prompts("checked[0].seen.ask")
    assert "⟨image 1: image/png 264×108 " in first


def test_the_receipts_are_those_that_the_script_draws(tmp_path: Path) -> None:
    script = runpy.run_path(str(EXAMPLES / "receipts.py"))
    for name, lines in script["RECEIPTS"].items():
        drawn, shipped = script["drawn"](lines), (EXAMPLES / "receipts" / name).read_bytes()
        # Another zlib packs the same rows in another way.
        assert pixels(drawn) == pixels(shipped), name
    assert sum(path.stat().st_size for path in (EXAMPLES / "receipts").iterdir()) < 10_000


def pixels(png: bytes) -> bytes:
    start = png.index(b"IDAT") + 4
    return png[16:24] + zlib.decompress(png[start : png.index(b"IEND") - 8])
