"""A result in a notebook: its HTML, its calls as rows for a data frame, and its report."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import DiskError, Result, RunOptions, UsageError, resume_async, run, run_async
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.session import call_keeper
from flowrun.runtime.vocabulary.errors import PermanentError, RefusedError
from support.harness import scripted

FLOW = """\
flow f(xs: [text]) {
  out = map x in xs {
    said = ask "Say {{ x }}"
    vote = repeat 3 { ask "Is {{ said }} good?" -> YES | NO } reduce majority
    { said, vote }
  } reduce collect with errors: skip
  return out
}
"""
CANARY = "</pre><script>alert(1)</script><img src=x onerror='alert(1)'>\x1b[2J\u202e&amp;"


def answer(request: Any, number: int) -> Scripted:
    text = request.messages[-1].text
    if "lost" in text:
        return Scripted(PermanentError(f"no: {CANARY}", status=400))
    return Scripted("YES" if request.choices else f"{text} {CANARY}")


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "f.flow"
    path.write_text(FLOW)
    return path


@pytest.fixture
def result(flow: Path) -> Result:
    return run(flow, {"xs": ["a", "b", "lost"]}, options=RunOptions(opener=scripted(answer)))


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_html_of_a_result_has_no_foreign_tag(result: Result) -> None:
    found = Tags(result._repr_html_())
    assert found.tags <= {"div", "pre", "table", "tr", "td", "th", "a", "i"}
    assert found.names <= {"class", "style", "colspan"}
    assert "Say a </pre><script>alert(1)" in found.text
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text
    for part in ("partial", "out[0].vote", "YES", "2 of 3", "out[2].said", "left out"):
        assert part in found.text, part


async def test_the_html_is_short_however_long_the_value_is(flow: Path) -> None:
    long = scripted(lambda request, _: "YES" if request.choices else "x" * 10_000)
    result = await run_async(flow, {"xs": [str(number) for number in range(100)]}, options=RunOptions(opener=long))
    html = result._repr_html_()
    assert len(html) < 20_000
    assert "more characters" in html
    assert "… and 80 more" in html


def test_the_repr_is_one_short_line(result: Result) -> None:
    assert repr(result).startswith("Result(status='partial', value=[{'said': \"Say a ")
    assert repr(result).endswith("calls=6, cost=0, losses=1)")
    assert len(repr(result)) < 400
    assert "\x1b" not in repr(result)


def test_calls_are_flat_rows(result: Result) -> None:
    rows = {row["path"]: row for row in result.calls}
    assert len(rows) == len(result.calls) == 7
    row = rows["out[0].said"]
    assert (row["prompt"], row["answer"], row["state"]) == ("Say a", f"Say a {CANARY}", "answered")
    assert row["tokens"] == row["tokens_in"] + row["tokens_out"] > 0
    assert row["ms"] is not None
    assert row["tries"] == 1
    assert row["step"] == "out.said"
    ballots = [row for row in result.calls if row["vote"] == "out[1].vote"]
    assert [one["value"] for one in ballots] == ["YES"] * 2
    lost = rows["out[2].said"]
    assert (lost["state"], lost["answer"], lost["attempts"][0]["end"]) == ("failed", None, "refused")
    assert lost["attempts"][0]["status"] == 400
    assert lost["reason"].startswith("no: ")


def test_calls_make_a_data_frame(result: Result) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(result.calls)
    assert list(frame[frame.state == "answered"].answer).count("YES") == 4
    assert frame.tokens.sum() > 0


async def test_calls_with_retries_and_unusable_answers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "f.flow"
    path.write_text('flow f() { a = ask "Which?" -> ONE | TWO return a }\n')
    texts = [Scripted(RefusedError("slow down", status=429)), Scripted("three"), Scripted("two")]
    result = await run_async(path, options=RunOptions(opener=scripted(lambda request, number: texts[number])))
    (row,) = result.calls
    assert (result.value, row["state"], row["value"]) == ("TWO", "answered", "TWO")
    assert [one["end"] for one in row["attempts"]] == ["refused", "spoilt", "answered"]
    assert [one["usable"] for one in row["answers"]] == [False, True]


async def test_calls_beyond_the_bound_are_refused_with_the_way_out(flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MOST_CALLS", 5), ("MOST_TEXT", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(call_keeper, name, most)
            result = await run_async(flow, {"xs": ["a", "b"]}, options=RunOptions(opener=scripted(answer)))
            assert result.ok
            with pytest.raises(UsageError, match=r"give the run a journal, as in RunOptions\(journal="):
                _ = result.calls


async def test_the_calls_are_the_same_with_a_journal_and_without(flow: Path, tmp_path: Path) -> None:
    given = {"xs": ["a", "b", "lost"]}
    alone = await run_async(flow, given, options=RunOptions(opener=scripted(answer)))
    options = RunOptions(opener=scripted(answer), journal=tmp_path / "j.db")
    kept = await run_async(flow, given, options=options)
    facts = ("path", "step", "model", "state", "vote", "prompt", "answer", "value", "tokens", "tries", "cost")

    def told(result: Result) -> dict[str, list[Any]]:
        return {row["place"]: [row[name] for name in facts] for row in result.calls if row["state"] != "unsent"}

    assert told(kept) == told(alone)
    assert {row["path"]: row["labels"] for row in kept.calls}["out[0].said"] == ["a"]
    again = await resume_async("last", options=options)
    assert again.summary.calls == 0
    assert told(again) == told(kept)


def test_a_report_is_written_and_linked(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "href" not in result._repr_html_()
    name = "a 'b' \"c\" javascript:x.html"
    assert result.report(name) == Path(name)
    page = (tmp_path / name).read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "Say b" in page
    html = result._repr_html_()
    assert "<a href='./a%20%27b%27%20%22c%22%20javascript%3Ax.html' target='_blank'>" in html
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "folder", tmp_path / "none" / "x.html"):
        with pytest.raises(DiskError, match="the report cannot be written"):
            result.report(place)
