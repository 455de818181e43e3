"""Searches and tournaments by the command: killed and resumed runs, workers, and every place that tells of them."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from support.ejected import ejected_text
from support.few_cases import few
from support.kills import kill_until_done
from support.place import Place, place
from support.processes import Command

FLOW = """
model m = "openai:x" with concurrency: 4, temperature: 0.5
flow good(items: [text]) {
  kinds = map item in items {
    found = repeat 1..8 over style in ["a", "b", "c", "d", "e", "f", "g", "h"] {
      ask m "Say {{ item }} in the style of {{ style }}"
    } reduce first(if: ask m "Is {{ result }} right?" -> yes | no)
    found
  } reduce collect
  best = map item in ["x", "y", "z"] {
    ask m "Say {{ item }}"
  } reduce best(judge: ask m "W? {{ results }}", method: pairs)
  return { kinds, best }
}
"""
RULES = {
    "first": ('repeat 1..4 { ask m "S" } reduce first(if: ask m "Right? {{ result }}" -> yes | no)', "a search"),
    "enough": ('repeat 1..4 { ask m "S" -> P } reduce best(by: s, enough: 0.5)', "a search"),
    "knockout": ('repeat 4 { ask m "S" } reduce best(judge: ask m "W? {{ results }}", method: knockout)', "a judge"),
    "pairs": ('repeat 4 { ask m "S" } reduce rank(judge: ask m "W? {{ results }}", method: pairs)', "a judge"),
}


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    # The server answers a prompt always alike, so every run has the same samples and verdicts.
    yield from place(tmp_path_factory.mktemp("searches"), FLOW, 8, seconds=0.05)


def run(searches: Place, name: str, *words: str) -> str:
    command = Command(words, searches.folder / name, searches.environ)
    assert command.end() == 0, command.err
    return command.out


@pytest.mark.parametrize("names", few(["a", "bc"], "a"))
def test_a_run_that_is_killed_in_its_searches_pays_no_sample_and_no_verdict_twice(searches: Place, names: str) -> None:
    dice = random.Random(7)
    assert sum(kill_until_done(searches, name, dice, (0.35, 0.7)) for name in names)


def test_workers_have_the_same_value_and_pay_the_same(searches: Place) -> None:
    before = searches.served.answers()
    command = searches.start("workers", options=("--workers", "2"))
    assert command.end() == 0, command.err
    assert command.out == searches.expected
    assert searches.served.answers() - before == searches.needed


def test_every_place_tells_of_the_searches(searches: Place) -> None:
    told = json.loads(run(searches, "whole", "show", "last", "--json", "--journal", "journal.db"))
    contests: dict[str, Any] = {path: one["contest"] for path, one in told["run"]["votes"].items()}
    assert len(contests) == 9
    first = [one for one in contests.values() if one["method"] == "first"]
    assert len(first) == 8
    assert all(one["at"] == one["tried"] for one in first)
    assert len({one["at"] for one in first}) > 1
    pairs = contests["best"]
    assert {key: pairs[key] for key in ("matches", "of", "played")} == {"matches": 3, "of": 3, "played": 2}
    lines = run(searches, "whole", "show", "last", "--journal", "journal.db")
    assert "of 3 alike in both orders" in lines
    mean = sum(one["tried"] for one in first) / 8
    assert f"8 searches, 8 found one, {mean:.1f} samples on average" in lines
    assert "agreement" not in lines
    run(searches, "whole", "report", "last", "-o", "page.html", "--journal", "journal.db")
    page = (searches.folder / "whole" / "page.html").read_text()
    packed = re.search(r'id="data"[^>]*>([^<]+)<', page)
    assert packed is not None
    data = gzip.decompress(base64.b64decode(packed[1])).decode(errors="replace")
    for one in first:
        assert f"passed at sample {one['at']} of 8" in data
    assert "of 3 alike in both orders, margin" in data
    exported = run(searches, "whole", "journal", "export", "-o", "-", "--journal", "journal.db")
    calls = [one for one in map(json.loads, exported.splitlines()) if one.get("kind") == "call"]
    assert len(calls) == searches.needed


@pytest.mark.parametrize("rule", RULES)
def test_they_are_not_ejected(rule: str, tmp_path: Path) -> None:
    node, words = RULES[rule]
    text = f'model m = "openai:x"\ntype P = {{ s: 0.0..1.0 }}\nflow f() {{\n  v = {node}\n  return v\n}}\n'
    checked = check_flow(Source(text, "f.flow"), catalog())
    with pytest.raises(FlowError) as raised:
        ejected_text(checked, make_plan(checked), tmp_path)
    (found,) = raised.value.diagnostics
    assert found.code == "F0778"
    assert words in found.message
    assert found.span is not None
    assert text[: found.span.start].count("\n") == 3
