"""Votes that compare their answers, killed and resumed, in workers and with budgets: no comparison is paid twice."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from support.few_cases import few
from support.kills import has_begun, kill_until_done
from support.place import Place, announced, place

ASKED = """
model m = "openai:x" with concurrency: 4, temperature: 0.5
flow good(items: [text]) {
  said = map item in items {
    v = repeat 2..6 over who in ["a", "b", "c", "d", "e"] {
      ask m "{{ who }} says what {{ item }} is."
    } reduce ahead(2, undecided: first, same: ask m "Same? {{ a }} / {{ b }}" -> yes | no)
    { v, counts: votes(v).counts, classes: votes(v).classes }
  } reduce collect
  return said
}
"""
"""The judge of the server answers by the words of its question, so it contradicts itself as it likes."""


@pytest.fixture(scope="module")
def votes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("votes"), ASKED, 8, seconds=0.03)


def test_the_server_contradicts_itself(votes: Place) -> None:
    told = [one["classes"] for one in json.loads(votes.expected)]
    assert sum(one["questions"] for one in told) > 16
    assert any(one["asymmetric"] or one["intransitive"] for one in told)
    assert any(one["wordings"][0] > 1 for one in told)


@pytest.mark.parametrize("names", few(["a", "bc"], "a"))
def test_a_run_that_is_killed_among_its_comparisons_pays_none_twice(votes: Place, names: str) -> None:
    dice = random.Random(11)
    assert sum(kill_until_done(votes, name, dice, (0.35, 0.7)) for name in names)


@pytest.mark.parametrize("step", few([5, 17], 17))
def test_budgets_that_end_again_and_again_pay_nothing_twice(votes: Place, step: int) -> None:
    name, budget, first = f"budget{step}", step, len(votes.served.lines())
    before = votes.served.answers()
    command = votes.start(name, options=("--budget", f"{budget} calls"))
    while (code := command.end()) != 0:
        assert code == 4, command.err
        assert votes.served.answers() - before <= budget
        budget += step
        assert budget < 2 * votes.needed + step
        command = votes.resume(name, "--budget", f"{budget} calls")
    assert votes.served.answers() - before == votes.needed
    assert max(votes.served.billed_keys(first).values()) == 1
    # Votes that the budget left open hold their leader, until a larger one lets them go on.
    assert command.out == votes.expected


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")
def test_workers_form_the_same_classes_and_a_killed_driver_pays_none_twice(votes: Place) -> None:
    before = votes.served.answers()
    whole = votes.start("workers", options=("--workers", "2"))
    assert whole.end() == 0, whole.err
    assert whole.out == votes.expected
    assert votes.served.answers() - before == votes.needed
    first, told, kills = len(votes.served.lines()), 0, 0
    before = votes.served.answers()
    command = votes.start("driver", options=("--workers", "2"))
    while (code := command.wait(0.6 * votes.seconds + 0.3 * kills)) != 0:
        if code is None:
            command.kill()
            assert command.wait() == -9
            kills += 1
        told += announced(command.err)
        begun = has_begun(votes.folder / "driver")
        again = ("--workers", "2")
        command = votes.resume("driver", *again) if begun else votes.start("driver", options=again)
    told += announced(command.err)
    assert command.out == votes.expected
    assert votes.needed <= votes.served.answers() - before <= votes.needed + told
    billed: Counter[str] = votes.served.billed_keys(first)
    assert sum(count - 1 for count in billed.values()) <= told
