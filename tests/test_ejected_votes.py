"""The votes of ejected programs decide, ask for samples and end as those of a run do, ballot by ballot."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flowrun.dsl import types
from flowrun.runtime.eject.kit.adaptive import Ahead, Confident
from flowrun.runtime.eject.kit.failures import Failure
from flowrun.runtime.eject.kit.votes import Quorum, Unanimous, Vote
from flowrun.runtime.reducers import REDUCERS, ReduceError
from flowrun.runtime.reducers.protocol import Setting

WORDS = types.Choice(("a", "b", "c"))
RULES: dict[str, tuple[str, dict[str, Any], int, Any]] = {
    "majority": ("majority", {}, 7, lambda: Vote(7, words=True)),
    "at least": ("majority", {"at_least": 4}, 6, lambda: Vote(6, at_least=4, words=True)),
    "ties": ("majority", {"ties": "error"}, 4, lambda: Vote(4, ties="error", words=True)),
    "quorum": ("quorum", {"votes": 3}, 7, lambda: Quorum(7, votes=3, words=True)),
    "unanimous": ("unanimous", {}, 5, lambda: Unanimous(5, words=True)),
    "confident": ("majority", {"confidence": 0.9}, 9, lambda: Confident(3, 9, confidence=0.9, words=True)),
    "ahead": ("ahead", {"lead": 3}, 9, lambda: Ahead(3, 9, by_votes=3, words=True)),
}


@pytest.mark.parametrize("name", RULES)
def test_a_vote_goes_as_in_a_run(name: str) -> None:
    rule, args, most, make = RULES[name]
    least = 3 if name in ("confident", "ahead") else most
    for seed in range(400):
        dice = random.Random(seed)
        theirs = REDUCERS[rule].make(Setting(least, most, (), args, "cost", WORDS, False, False, 0, "ballot"))
        mine = make()
        begun = 0
        running: list[int] = []
        while not theirs.decided:
            wanted = theirs.wanted(begun)
            assert mine.wanted(begun) == wanted, seed
            running += range(begun, begun + wanted)
            begun += wanted
            if not running:
                break
            index = running.pop(dice.randrange(len(running)))
            if dice.random() < 0.1:
                theirs.lose(index, sent=True)
                mine.fail(index, Failure("no"))
            else:
                value = dice.choice(["a", "a", "b", "c", None])
                theirs.add(index, value)
                mine.add(index, value)
            assert mine.decided == theirs.decided, seed
        wanted_value: Any = None
        try:
            wanted_value = theirs.value()
        except ReduceError:
            with pytest.raises(Failure):
                mine.value()
            continue
        assert mine.value() == wanted_value, seed
