"""Runs with rounds that are killed and resumed: no paid round is paid again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from support.few_cases import few
from support.kills import kill_until_done
from support.place import Place, place

ROUNDS = """
model m = "openai:x" with concurrency: 4, temperature: 0.5
flow good(items: [text]) {
  kinds = map item in items {
    found = chain up to 4 {
      said = ask m "Say {{ item }} in a word.{% if last %} Not {{ last.said }}.{% endif %}"
      kind = ask m "Is {{ said }} right?" -> yes | no
      { said, kind }
    } until kind == yes else last
    found.said
  } reduce collect
  return kinds
}
"""


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("rounds"), ROUNDS, 8, seconds=0.05)


@pytest.mark.parametrize("names", few(["a", "bc"], "a"))
def test_a_run_that_is_killed_between_its_rounds_pays_no_round_twice(rounds: Place, names: str) -> None:
    # Some elements need a single round, and others more.
    assert 2 * 8 < rounds.needed < 2 * 4 * 8
    dice = random.Random(7)
    assert sum(kill_until_done(rounds, name, dice, (0.35, 0.7)) for name in names)
