"""A run whose elements are opened in another order than that of their list, and that is killed and resumed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from support.kills import has_begun
from support.model_server import model_server
from support.place import Place, announced
from support.written import read_journal

FLOW = """
model m = "openai:x" with concurrency: 3, temperature: 0.5
flow long(items: [text]) {
  notes = map item in items {
    said = ask m "{{ item }}"
    more = ask m "More about {{ said }} of {{ item }}"
    { said, more }
  } reduce collect
  return notes
}
"""


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("alike")
    folder.joinpath("a.flow").write_text(FLOW)
    listed = folder / "items.json"
    listed.write_text(json.dumps([f"Document {at % 6}. " * 40 + f"Question {at}" for at in range(42)]))
    with model_server(folder / "server.log", 0.01) as served:
        made = Place(folder, served, listed)
        made.learn()
        yield made


def test_prompts_that_begin_alike_are_sent_together(alike: Place) -> None:
    journal = read_journal(alike.folder / "whole" / "journal.db")
    assert len(journal.runs) == 1
    assert alike.needed == 84
    notes = json.loads(alike.expected)
    assert len(notes if isinstance(notes, list) else notes["notes"]) == 42


def test_nothing_is_paid_again_after_kills(alike: Place) -> None:
    dice = random.Random()
    kills = 0
    for chain in range(4):
        name = f"chain{chain}"
        before, first, told = alike.served.answers(), len(alike.served.lines()), 0
        command = alike.start(name)
        for more in sorted(dice.sample(range(5, 80), 3)):
            alike.until(lambda lines, more=more: len(lines) >= more, first)  # type: ignore[misc]
            command.kill()
            assert command.wait() in (-9, 0)
            kills += 1
            told += announced(command.err)
            begun = has_begun(alike.folder / name)
            command = alike.resume(name) if begun else alike.start(name)
        assert command.end() == 0, command.err
        told += announced(command.err)
        # The results have the order of the list, and all answers that were paid are used.
        assert command.out == alike.expected
        assert alike.needed <= alike.served.answers() - before <= alike.needed + told
        assert sum(count - 1 for count in alike.served.billed_keys(first).values()) <= told
    assert kills == 12
