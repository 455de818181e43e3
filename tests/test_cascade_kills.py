"""Runs of a map of cascades that are killed and resumed, also with workers: no stage that was paid is paid again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from support.kills import has_begun, kill_until_done
from support.place import Place, announced, place
from support.processes import Command, DiskAt
from support.soak import share

CASCADES = """
model m = "openai:x" with concurrency: 6, temperature: 0.5
flow label(items: [text]) {
  kinds = map item in items {
    said = ask m "Say {{ item }}"
    kind = cascade {
      quick = repeat 2 over way in ["At once", "In steps"] { ask m "{{ way }}: {{ said }}" -> A | B }
        reduce majority(ties: first)
      else ask m "Not {{ last | default('X') }}? {{ said }}" -> A | B | C when agreement < 1
      else chain { why = ask m "Why {{ said }}?" ask m "As {{ why }}" -> A | B | C } when last == C
    }
    kind
  } reduce collect
  sure = map kind, place in kinds {
    cascade {
      ask m "Is it {{ kind }} at {{ place }}?" -> yes | no
      else ask m "Sure that {{ place }} is {{ kind }}?" -> yes | no when last == no
    }
  } reduce collect
  return { kinds, sure }
}
"""
"""The second map takes each element as soon as the first has made it."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("cascades"), CASCADES, 24, seconds=0.02)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("few"), CASCADES, 3)


def told(at: Place, name: str) -> object:
    """Return the account of the cascades of the last run, as `show --json` has it."""
    command = Command(("show", "last", "--json", "--journal", "journal.db"), at.folder / name, at.environ)
    assert command.end() == 0, command.err
    return json.loads(command.out)["run"]["cascades"]


def test_the_stages_of_the_flow_end_in_all_ways(many: Place) -> None:
    kind, sure = told(many, "whole").values()  # type: ignore[attr-defined]
    for one in (*kind["stages"], *sure["stages"]):
        assert one["runs"] and one["values"]
    assert sum(one["calls"] for one in (*kind["stages"], *sure["stages"])) + 24 == many.needed


def test_a_map_of_cascades_that_is_killed_at_any_moment(many: Place) -> None:
    assert kill_until_done(many, "a", random.Random(11), (0.1, 0.5)) > 1
    assert told(many, "a") == told(many, "whole")


@pytest.mark.slow
def test_a_map_of_cascades_that_is_killed_many_times(many: Place) -> None:
    dice, kills, chain = random.Random(), 0, 0
    while kills < share(300, least=12):
        kills += kill_until_done(many, f"long{chain}", dice, (0.1, 0.5))
        assert told(many, f"long{chain}") == told(many, "whole")
        chain += 1


@pytest.mark.slow
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_cascades_that_are_killed_at_each_write(few: Place, behind: bool) -> None:
    # The disk is the same before a commit and behind the one before it.
    for commit in range(1 + behind, 200, 2):
        name = f"{'behind' if behind else 'before'}{commit}"
        before = few.served.answers()
        command = few.start(name, DiskAt(commit, "behind" if behind else "before"))
        if command.end() == 0:
            break
        command = few.resume(name) if has_begun(few.folder / name) else few.start(name)
        assert command.end() == 0, command.err
        assert command.out == few.expected
        assert few.needed <= few.served.answers() - before <= few.needed + announced(command.err)
        assert told(few, name) == told(few, "whole")
    assert 8 <= commit < 199
