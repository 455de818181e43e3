"""The account of many cascades wherever a run is told: the closing lines, `--json`, `show`, and the page."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import flowrun
from flowrun.runtime.account.cascades import cascade_counts, cascade_lines, cascades_json, outside_cascades
from flowrun.runtime.costs.prices import Prices
from flowrun.runtime.vocabulary.account import Account, Ceiling
from flowrun.runtime.vocabulary.cascade_tally import CascadeTally, StageTally
from flowrun.runtime.vocabulary.tariff import Tariff
from flowrun.runtime.vocabulary.usage import Price, Usage
from support.answering import answering
from support.command_line import command
from support.model_server import Served, model_server
from support.processes import Command

Json = Any
FLOW = """
model cheap = "openai:x" with concurrency: 6, input_price: 1, output_price: 2
model dear = "openai:y" with concurrency: 6, input_price: 10, output_price: 20
flow label(items: [text]) {
  kinds = map item in items {
    kind = cascade {
      quick = repeat 2 over way in ["At once", "In steps"] { ask cheap "{{ way }}: {{ item }}" -> A | B }
        reduce majority(ties: first)
      else ask dear "Not {{ last | default('X') }}? {{ item }}" -> A | B | C when agreement < 1
    }
    kind
  } reduce collect
  return kinds
}
"""
ALIKE = FLOW.replace('["At once", "In steps"]', '["At once", "At once"]')
COUNT = 40


def run(folder: Path, served: Served, *words: str) -> tuple[int, str, str]:
    environ = {"HOME": str(folder), "OPENAI_BASE_URL": served.url, "PATH": os.environ["PATH"]}
    command = Command((*words, "--journal", "journal.db"), folder, environ)
    return command.end(), command.out, command.err


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "f.flow").write_text(FLOW)
    (tmp_path / "alike.flow").write_text(ALIKE)
    (tmp_path / "items.json").write_text(json.dumps([f"thing {number}" for number in range(COUNT)]))
    return tmp_path


def test_a_run_of_many_cascades_is_told_in_one_line_everywhere(place: Path) -> None:
    with model_server(place / "log", seconds=0.002) as served:
        code, out, err = run(place, served, "f.flow", "--items", "items.json", "--json")
        assert code == 0, err
        told = json.loads(out)
        (name, one), *more = told["cascades"].items()
        assert (name, more, one["runs"]) == ("kinds.kind", [], COUNT)
        assert "broken_off" not in one
        quick, dear = one["stages"]
        up = dear["runs"]
        assert 5 < up < COUNT - 5
        assert (quick["calls"], quick["values"], dear["calls"], dear["values"]) == (2 * COUNT, COUNT - up, up, up)
        # Each answer has 10 tokens in and 5 out.
        assert (quick["cost"], dear["cost"]) == (pytest.approx(2 * COUNT * 20e-6), pytest.approx(up * 200e-6))
        assert quick["cost"] + dear["cost"] == pytest.approx(told["cost"])
        assert one["calls_saved"] == COUNT - 2 * COUNT - up
        assert one["cost_saved"] == pytest.approx(COUNT * 200e-6 - told["cost"])
        (line,) = [line for line in err.splitlines() if line.startswith("kinds.kind")]
        assert line.startswith(
            f"kinds.kind: {COUNT} cascades, {up} went up to stage2; about {COUNT + up} calls more and $"
        )
        assert line.endswith(" less than with stage2 for all")
        code, shown, err = run(place, served, "show", "last")
        assert line in shown.splitlines(), err
        code, shown, err = run(place, served, "show", "last", "--json")
        assert json.loads(shown)["run"]["cascades"] == told["cascades"]
        code, _, err = run(place, served, "report", "last", "-o", "page.html")
        assert code == 0, err
        assert f"<h2>Cascades</h2><p>{line}</p>" in (place / "page.html").read_text()


async def test_the_costs_of_stages_count_what_caches_saved(place: Path) -> None:
    text = FLOW.replace("output_price: 2\n", "output_price: 2, cached_price: 0.1\n")
    (place / "f.flow").write_text(text.replace("output_price: 20", "output_price: 20, cached_price: 1"))
    with answering(lambda prompt, model, number: "A" if "steps" in prompt else "B", 1, cached=15) as served:
        given = ("--items", '["one", "two"]', "--json", "--journal", "journal.db")
        environ = {"OPENAI_BASE_URL": served.url, "OPENAI_API_KEY": "none"}
        ran = await command("f.flow", *given, folder=place, **environ)
        told = json.loads(ran.out)
        quick, dear = told["cascades"]["kinds.kind"]["stages"]
        assert quick["cost"] == pytest.approx(4 * (5 * 1 + 15 * 0.1 + 3 * 2) / 1e6)
        assert dear["cost"] == pytest.approx(2 * (5 * 10 + 15 * 1 + 3 * 20) / 1e6)
        assert told["cost"] == pytest.approx(quick["cost"] + dear["cost"])
        shown = await command("show", "last", "--json", "--journal", "journal.db", folder=place, **environ)
        assert json.loads(shown.out)["run"]["cascades"] == told["cascades"]


@pytest.mark.parametrize(("calls", "prompt", "dollars"), [(400, 1000, 1e-6), (1, 400_000, 3e-6)])
def test_many_short_prompts_are_no_long_one(calls: int, prompt: int, dollars: float) -> None:
    tariffs = (("", (Tariff(1e-6, 1e-6), Tariff(3e-6, 3e-6, above=200_000))),)
    prices, account = Prices({}, {"openai:x": Price(3e-6, 3e-6, tariffs=tariffs)}), Account()
    for _ in range(calls):
        account.pay("openai:x", [Usage(prompt, 0)], Ceiling(0))
    for part in (400_000, 300_000, 1000):
        assert prices.usual(account)("openai:x", Usage(part, 0)) == pytest.approx(part * dollars)


def test_a_run_without_a_journal_has_the_line_on_its_page(place: Path) -> None:
    with model_server(place / "log", seconds=0.002) as served:
        environ = {"HOME": str(place), "OPENAI_BASE_URL": served.url, "OPENAI_API_KEY": "sk-x"}
        items = json.loads((place / "items.json").read_text())
        result = flowrun.run(flowrun.load(place / "f.flow"), items=items, options=flowrun.RunOptions(environ=environ))
        page = result.report(place / "page.html").read_text()
    told = re.search(r"<h2>Cascades</h2><p>kinds.kind: 40 cascades, \d+ went up to stage2; about .* less than", page)
    assert told, page[-3000:]


def test_votes_in_a_cascade_get_no_advice_to_ask_once(place: Path) -> None:
    with model_server(place / "log", seconds=0.002) as served:
        code, out, err = run(place, served, "alike.flow", "--items", "items.json", "--json")
        assert code == 0, err
        assert "kinds.kind: 40 cascades, none went up" in err.splitlines()
        assert "unanimous" not in err
        assert json.loads(out)["advice"] is None
        bare = ALIKE.replace("kind = cascade {", "kind = chain {")
        start, end = bare.index("      else ask dear"), bare.index("    }\n    kind")
        (place / "alike.flow").write_text(bare[:start] + bare[end:])
        code, _, err = run(place, served, "alike.flow", "--items", "items.json")
        assert "all 40 votes were unanimous" in err


def test_a_run_that_is_broken_off_says_nothing_of_cascades_that_did_not_end(place: Path) -> None:
    with model_server(place / "log", seconds=0.002) as served:
        code, out, err = run(place, served, "f.flow", "--items", "items.json", "--json", "--budget", "21 calls")
        assert code == 4, err
        (one,) = json.loads(out)["cascades"].values()
        assert one["broken_off"] >= 1
        assert (one["calls_saved"], one["cost_saved"]) == (None, None)
        assert "none went up" not in err
        (line,) = [line for line in err.splitlines() if line.startswith("kinds.kind: ")][:1]
        assert "broken off" in line
        assert "than with" not in line


# The sums


def tally(*stages: tuple[str, int, Mapping[str, tuple[int, int] | None]]) -> CascadeTally:
    rows = (StageTally(f"s{place}", end, calls, used) for place, (end, calls, used) in enumerate(stages))  # type: ignore[arg-type]
    return CascadeTally(tuple(rows))


def cost(model: str, usage: Usage) -> float | None:
    return None if model == "unknown" else float((usage.input_tokens or 0) + 2 * (usage.output_tokens or 0))


UP = tally(("up", 2, {"a": (10, 5)}), ("value", 1, {"b": (100, 50)}))
DOWN = tally(("value", 2, {"a": (10, 5)}), ("skipped", 0, {}))
OPEN = tally(("open", 1, {"a": (10, 5)}), ("skipped", 0, {}))
FAILED = tally(("failed", 1, {"a": None}), ("value", 1, {"b": (100, 50)}))


@pytest.mark.parametrize(
    ("tallies", "line"),
    [
        ([DOWN], "x: 1 cascade, none went up"),
        ([DOWN, UP], "x: 2 cascades, 1 went up to s1; about 3 calls more and $160 less than with s1 for all"),
        ([OPEN], "x: 1 cascade, 1 broken off"),
        ([DOWN, OPEN], "x: 2 cascades, 1 broken off"),
        ([UP, OPEN], "x: 2 cascades, 1 went up to s1, 1 broken off"),
        ([FAILED, UP], "x: 2 cascades, 2 went up to s1 (1 after a failure); about 3 calls more than with s1 for all"),
    ],
)
def test_the_line_of_cascades(tallies: list[CascadeTally], line: str) -> None:
    counts = cascade_counts({f"x[{place}]": one for place, one in enumerate(tallies)}, cost)
    assert cascade_lines(counts) == [line]
    json.dumps(cascades_json(counts))


def test_the_sums_do_not_depend_on_the_order() -> None:
    many = [tally(("value", 1, {"a": (place, 3 * place)})) for place in range(50)]

    def third(model: str, usage: Usage) -> float:
        return (usage.input_tokens or 0) / 3 + (usage.output_tokens or 0) / 7

    one = cascade_counts({f"x[{place}]": one for place, one in enumerate(many)}, third)
    other = cascade_counts({f"x[{place}]": one for place, one in reversed(list(enumerate(many)))}, third)
    assert cascades_json(one) == cascades_json(other)


def test_a_path_inside_a_cascade() -> None:
    cascades = {"k[0].c": DOWN, 'k["a.b"].c': DOWN}
    votes = {"k[0].c.quick": 1, "k[0].cc": 2, "k[0]": 3, 'k["a.b"].c.s[1].t': 4, "k[1].c.quick": 5}
    assert set(outside_cascades(votes, cascades).values()) == {2, 3, 5}
