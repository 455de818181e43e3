"""A lint that a file's words leave out would find nothing in it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, check_flow, lints
from flowrun.runtime.catalog import catalog
from support.few_cases import some

ROOT = Path(__file__).parent.parent
FLOWS = sorted([*(ROOT / "tests" / "corpus").rglob("*.flow"), *(ROOT / "workflows").glob("*.flow")])


def findings(path: Path) -> list[tuple[str, str, str]]:
    def load(other: str) -> Source | str:
        try:
            return Source((path.parent / other).read_text(encoding="utf-8"), other)
        except OSError:
            return "it is not there"

    try:
        found = check_flow(Source(path.read_text(encoding="utf-8", errors="replace")), catalog(), load).warnings
    except FlowError as error:
        found = error.diagnostics
    return [(one.code, str(one.span), one.message) for one in found]


@pytest.mark.parametrize("start", some(range(8), 2))
def test_no_finding_is_lost(start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    several = FLOWS[start::8]
    assert len(several) > 20
    shown = [findings(path) for path in several]
    monkeypatch.setattr(lints, "WORDS", {})
    for path, found in zip(several, shown, strict=True):
        assert findings(path) == found, path


def test_a_wrong_word_loses_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "tests" / "corpus" / "lint" / "even_vote.flow"
    assert "F0705" in {code for code, _, _ in findings(path)}
    monkeypatch.setitem(lints.WORDS, "even_vote", "kangaroo")
    assert "F0705" not in {code for code, _, _ in findings(path)}


def test_the_words_are_those_of_lints_that_exist() -> None:
    names = {path.name.removesuffix(".py") for path in files(lints).iterdir()}
    assert set(lints.WORDS) <= names
    assert all(words.split() for words in lints.WORDS.values())
