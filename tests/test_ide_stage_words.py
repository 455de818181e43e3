"""Hovers over the words that tell of the stage before in a cascade."""

from __future__ import annotations

import pytest

from flowrun.dsl import ide
from support.views import viewed

VOTE = 'repeat 3 { ask "x" -> spam | fine } reduce majority'
ASK = 'ask "x" -> spam | fine'


@pytest.mark.parametrize(
    ("stage", "condition", "told"),
    [
        (VOTE, "agree‸ment < 1", "agreement: number\n```\n\nThe share of the winner in the vote of the stage before"),
        (VOTE, "agreement < 1 and mar‸gin < 2", "margin: number\n```\n\nThe lead of the winner in the vote"),
        (ASK, "su‸re < 0.9", "sure: number\n```\n\nThe probability of the answer of the stage before"),
        (VOTE, "agree‸ment(last) < 1", "agreement(of: json)"),
        (VOTE, "vot‸es(last).margin < 1", "votes(of: json)"),
    ],
)
def test_a_word_of_a_condition_is_described_as_the_word_that_it_is(stage: str, condition: str, told: str) -> None:
    view, at = viewed(f'flow f() {{ x = cascade {{ {stage} else ask "y" -> spam | fine when {condition} }} return x }}')
    found = ide.hover(view, at)
    assert found is not None
    assert found.text.removeprefix("```flow\n").startswith(told)
