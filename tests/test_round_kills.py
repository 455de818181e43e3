"""Runs with rounds that are killed and resumed: no paid round is paid again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from support.place import Place, announced, place
from support.written import read_journal

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


def test_a_run_that_is_killed_between_its_rounds_pays_no_round_twice(rounds: Place) -> None:
    # Some elements need a single round, and others more.
    assert 2 * 8 < rounds.needed < 2 * 4 * 8
    dice = random.Random(7)
    kills = 0
    for name in ("a", "b", "c"):
        before, told = rounds.served.answers(), 0
        command = rounds.start(name)
        while True:
            code = command.wait(dice.uniform(0.2, 0.5) * rounds.seconds * 1.05**kills)
            if code is None:
                command.kill()
                code = command.wait()
                kills += 1
            told += announced(command.err)
            if code == 0:
                break
            assert code == -9, command.err
            begun = any(run.given for run in read_journal(rounds.folder / name / "journal.db").runs.values())
            command = rounds.resume(name) if begun else rounds.start(name)
        assert command.out == rounds.expected
        assert rounds.needed <= rounds.served.answers() - before <= rounds.needed + told
    assert kills
