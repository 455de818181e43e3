"""Whole runs over many endpoints: a server of the flow, a row of the table, kept prompts, a batch API and an image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from test_page_safety import unpacked

from support.batch_server import Served, batch_server
from support.few_cases import few
from support.images import png
from support.keeping_server import Keeping, keeping
from support.patience import eventually
from support.processes import Command
from support.small_shops import Shops, small_shops

KEYS = {
    "LAB_KEY": "lab-planted-0123456789-key",
    "GROQ_API_KEY": "gsk_planted0123456789key",
    "ANTHROPIC_API_KEY": "sk-ant-planted-0123456789",
    "OPENAI_API_KEY": "sk-planted-9876543210-key",
}
FLOW = """
endpoint lab = "URL/lab/v1" key "LAB_KEY"

model eye = "lab:llava" with input_price: 1, output_price: 2, max_tokens: 30
model quick = "groq:llama-3.3-70b-versatile" with input_price: 3, output_price: 5, max_tokens: 20, top_p: 0.9
model careful = "anthropic:claude-sonnet-4-5" with
  input_price: 3, output_price: 15, cached_price: 0.3, stored_price: 3.75, max_tokens: 40
model cheap = "openai:m" with batch: true, input_price: 10, output_price: 100, max_tokens: 20

flow mixed(picture: image, handbook: text, sections: [text]) {
  seen = ask eye user "What is on it? {{ picture }}"
  kind = ask quick "Which of them? {{ seen }}" -> invoice | letter
  notes = map section in sections { ask careful "{{ handbook }} Review this: {{ section }}" } reduce collect
  marks = map note in notes {
    mark = ask cheap "Is it good? {{ note }}" -> yes | no
    mark
  } reduce collect
  return { seen, kind, notes, marks }
}
"""
HANDBOOK = "All rules matter here. " * 300  # about 1,700 tokens
SECTIONS = [f"section {number}" for number in range(6)]


@dataclass
class Market:
    """A folder with the flow, and all servers."""

    folder: Path
    shops: Shops
    careful: Keeping
    cheap: Served

    @property
    def environ(self) -> dict[str, str]:
        return {
            **KEYS,
            "HOME": str(self.folder),
            "GROQ_BASE_URL": f"{self.shops.url}/groq/v1",
            "ANTHROPIC_BASE_URL": self.careful.url,
            "OPENAI_BASE_URL": f"{self.cheap.url}/v1",
        }

    def command(self, *arguments: str, name: str = "run") -> Command:
        return Command((*arguments, "--journal", "j.db"), self.folder / name, self.environ)

    def told(self, *arguments: str, name: str = "run") -> Any:
        """Run a command to its end, and read the JSON that it prints."""
        ran = self.command(*arguments, "--json", name=name)
        assert ran.end() == 0, ran.err
        return json.loads(ran.out)

    @property
    def inputs(self) -> tuple[str, ...]:
        sections = json.dumps(SECTIONS)
        picture = str(self.folder / "scan.png")
        return (
            str(self.folder / "a.flow"), "--picture", picture, "--handbook", HANDBOOK, "--sections", sections,
        )  # fmt: skip

    @property
    def bill(self) -> float:
        """The dollars for all that the servers have answered. A line of a batch has 100 tokens in and 10 out."""
        kept = sum(
            3 * round(one.plain) + 0.3 * round(one.cached) + 3.75 * round(one.stored) + 15 * 3
            for one in self.careful.bills
        )
        lines = self.cheap.count("line") * (100 * 10 + 10 * 100) / 2 + self.cheap.count("live") * 2000
        return self.shops.bill("lab", 1, 2) + self.shops.bill("groq", 3, 5) + (kept + lines) / 1e6


def market_at(folder: Path, stack: ExitStack, *batches: str, seconds: float = 0.02) -> Market:
    words = {"lab": "a receipt", "groq": '{"answer": "invoice"}'}
    shops = stack.enter_context(small_shops({"lab": KEYS["LAB_KEY"], "groq": KEYS["GROQ_API_KEY"]}, words))
    careful = stack.enter_context(keeping(seconds=seconds))
    cheap = stack.enter_context(batch_server(folder / "log", *batches))
    (folder / "a.flow").write_text(FLOW.replace("URL", shops.url))
    (folder / "scan.png").write_bytes(png(200, 100))
    return Market(folder, shops, careful, cheap)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    with ExitStack() as stack:
        yield market_at(tmp_path, stack, "--seconds", "0.3")


def test_the_plan_names_all_hosts_and_keys_and_no_secret(market: Market) -> None:
    ran = Command(("plan", *market.inputs), market.folder / "run", market.environ)
    assert ran.end() == 0, ran.err
    rows = [
        ("lab:llava", f"{market.shops.url}/lab/v1", "LAB_KEY"),
        ("groq:llama-3.3-70b-versatile", f"{market.shops.url}/groq/v1", "GROQ_API_KEY"),
        ("anthropic:claude-sonnet-4-5", market.careful.url, "ANTHROPIC_API_KEY"),
        ("openai:m", f"{market.cheap.url}/v1", "OPENAI_API_KEY"),
    ]
    for model, url, key in rows:
        (line,) = [one for one in ran.out.splitlines() if f" {model} " in one and url in one]
        assert key in line and "not set" not in line
    assert "batch APIs: up to" in ran.out
    assert not any(secret in ran.out + ran.err for secret in KEYS.values())
    assert market.shops.seen == {} and market.careful.bills == [] and market.cheap.lines() == []


def test_a_run_over_all_of_them_is_billed_to_the_cent(market: Market) -> None:
    report = market.told(*market.inputs)
    value = report["value"]
    assert (value["seen"], value["kind"]) == ("a receipt", "invoice")
    assert len(value["notes"]) == len(value["marks"]) == len(SECTIONS)
    assert report["cost"] == pytest.approx(market.bill, abs=1e-12)
    assert market.shops.strangers == []
    (seen,) = market.shops.seen["lab"]
    assert seen["messages"][0]["content"][1]["type"] == "image_url"
    assert market.shops.seen["groq"][0]["top_p"] == 0.9
    # The handbook is read once, and is found again by all other sections.
    assert market.careful.full_reads(1500) == 1 and sum(one.cached > 0 for one in market.careful.bills) == 5
    lines = len({*value["notes"]})  # equal prompts are one line
    assert (market.cheap.count("line"), market.cheap.count("live")) == (lines, 0)


def test_the_journal_tells_the_same_in_all_views(market: Market) -> None:
    report = market.told(*market.inputs)
    bill, calls = market.bill, market.shops.count("lab") + market.shops.count("groq") + len(market.careful.bills)
    (row,) = market.told("runs")["runs"]
    assert (row["status"], row["cost"]) == ("done", pytest.approx(bill, abs=1e-12))
    shown = market.told("show", "last")
    assert shown["run"]["account"]["cost"] == pytest.approx(bill, abs=1e-12)
    assert {*shown["run"]["account"]["models"]} == {
        "lab:llava", "groq:llama-3.3-70b-versatile", "anthropic:claude-sonnet-4-5", "openai:m",
    }  # fmt: skip
    again = market.told(*market.inputs)
    assert again["value"] == report["value"]
    assert calls == market.shops.count("lab") + market.shops.count("groq") + len(market.careful.bills)
    assert market.bill == bill
    page = market.command("report", "last", "-o", "page.html")
    assert page.end() == 0, page.err
    html = (market.folder / "run" / "page.html").read_text()
    held = unpacked(html)
    assert [name for name in ("lab:llava", "groq:llama", "anthropic:claude", "openai:m") if name not in held] == []
    for file in market.folder.rglob("*"):
        data = file.read_bytes() if file.is_file() else b""
        assert not any(secret.encode() in data for secret in KEYS.values()), file


@pytest.mark.parametrize("when", few(["notes", "lines"], "lines"))
def test_a_killed_run_goes_on_and_pays_nothing_twice(tmp_path: Path, when: str) -> None:
    with ExitStack() as stack:
        market = market_at(tmp_path, stack, "--seconds", "0.9", seconds=0.25)
        first = market.command(*market.inputs)
        if when == "lines":
            market.cheap.until("submitted")
        else:
            eventually(lambda: any(one.cached > 0 for one in market.careful.bills))
        first.kill()
        first.end()
        before = len(market.careful.bills)
        resumed = market.told("resume", "last")
        assert resumed["status"] == "done" and len(resumed["value"]["marks"]) == len(SECTIONS)
        assert market.shops.count("lab") == market.shops.count("groq") == 1
        # Requests that were open when the process died are asked again.
        lost = 0 if when == "lines" else len(SECTIONS)
        assert len(market.careful.bills) <= len(SECTIONS) + lost and len(market.careful.bills) >= before
        paid = market.cheap.paid()
        assert set(paid.values()) == {1} and market.cheap.count("live") == 0
        assert sum(one["lines"] for one in market.cheap.lines() if one["at"] == "submitted") == len(paid)
        if when == "lines":
            (row,) = market.told("runs")["runs"]
            assert row["cost"] == pytest.approx(market.bill, abs=1e-12)
