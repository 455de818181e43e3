"""Random flows with searches, tournaments and panels over models: they are there, and each is held to its meaning."""

from __future__ import annotations

import random
import re

import pytest

from flowrun.dsl import FlowError
from support.oracle import Oracle
from support.random_checks import Trial, in_order
from support.random_flows import Writer
from support.random_runs import Servers, one_each

SHAPES = {
    "a condition": r"first\(if: (?!ask)",
    "a judge": r"first\(if: ask",
    "enough": r"enough: ",
    "a knockout": r"best\(judge: .*method: knockout",
    "all pairs": r"best\(judge: .*method: pairs",
    "a ranking": r"rank\(judge: .*method: pairs",
    "a panel over models": r"over o\d+ in \[(?:quick|spare)",
    "a map": r"map .* reduce first\(if",
    "branches": r"fanout .* reduce first\(if",
}


def drawn(pattern: str, number: int) -> list[int]:
    """Return the first seeds whose flows have such a part and pass the check."""
    found: list[int] = []
    for seed in range(4_000):
        rng = random.Random(seed)
        if len(found) < number and re.search(pattern, Writer(rng, rng.randint(1, 3), votes=True, wide=True).flow()):
            try:
                assert Trial.drawn(seed).checked
            except FlowError:
                continue
            found.append(seed)
    return found


@pytest.mark.parametrize("pattern", SHAPES.values(), ids=SHAPES)
def test_each_shape_is_drawn_and_keeps_its_meaning(pattern: str) -> None:
    seeds = drawn(pattern, 2)
    assert len(seeds) == 2
    for seed in seeds:
        Trial.drawn(seed).everything()


def test_a_call_of_another_model_than_the_item_of_its_panel_is_seen() -> None:
    text = (
        'model one = "openai:one"\nmodel two = "openai:two"\n'
        "flow f(items: [text], p0: bool, p1: bool) {\n  v = repeat 2 over m in [one, two] "
        '{ ask m "hello" with seed: 1 } reduce collect\n  return v\n}\n'
    )
    trial = Trial(text, {"items": [], "p0": True, "p1": True})
    meaning, ran = trial.meaning(Oracle(0)), trial.run(Servers(Oracle(0), trial.dice, one_each))
    in_order(meaning, ran)
    for asked in meaning.models.values():
        asked.symmetric_difference_update({"openai:one", "openai:two"})
    with pytest.raises(AssertionError, match="asks openai:"):
        in_order(meaning, ran)
