"""Short budgets over nested and mixed votes: runs end, keep the budget, and no vote takes more samples than it has."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_short_needs import answers

from flowrun.runtime.values.expressions import ModelValue
from support.harness import Run
from support.wall_clock import OutOfTime, within

VOTE = 'repeat 1..4 {{ ask "{{{{ q }}}} {} {{{{ z }}}}" -> a | b with seed: 1 }} reduce {}'
MODELS = {name: ModelValue(name, "m") for name in ("small", "other")}
RULES = (
    "ahead(2, undecided: first)",
    "ahead(2, undecided: none)",
    "ahead(2)",
    "majority(confidence: 0.9, undecided: first)",
    "window(2, undecided: none)",
)
LEAVES = {
    "vote": lambda rule, mark: VOTE.format(mark, rule),
    "panel": lambda rule, mark: (
        VOTE.format(mark, rule).replace("1..4", "1..4 over m in [small, other]", 1).replace("ask", "ask m")
    ),
    "cascade": lambda rule, mark: (
        f"cascade {{ {VOTE.format(mark, rule)} else {VOTE.format('UP' + mark, rule)} when agreement < 0.9 }}"
    ),
    "same": lambda rule, mark: (
        f'repeat 1..4 {{ ask "{{{{ q }}}} {mark} {{{{ z }}}}" with seed: 1 }} '
        'reduce ahead(2, same: ask "S {{ a }}{{ b }}" -> yes | no, undecided: none)'
    ),
    "search": lambda rule, mark: (
        f'repeat 1..4 {{ w = {VOTE.format(mark, rule)} {{ w }} }} reduce first(if: result.w == "a")'
    ),
    "judged": lambda rule, mark: (
        f'repeat 1..4 {{ ask "{{{{ q }}}} {mark} {{{{ z }}}}" with seed: 1 }} '
        'reduce first(if: ask "S {{ result }}" -> yes | no)'
    ),
}


@st.composite
def flows(draw: st.DrawFn) -> tuple[str, int]:
    """Draw one or two maps, perhaps with maps inside them, over several blocks, and the calls of their budget."""
    rule = st.sampled_from(RULES)
    blocks = []
    for number in range(draw(st.integers(1, 2))):
        leaves = [draw(st.sampled_from(sorted(LEAVES))) for _ in range(draw(st.integers(1, 2)))]
        steps = [f"x{at} = {LEAVES[name](draw(rule), f'{number}{at}')}" for at, name in enumerate(leaves)]
        body = " ".join([*steps, "{ " + ", ".join(f"x{at}" for at in range(len(steps))) + " }"])
        inner = (
            f'map z in ["u", "v"] {{ {body} }} reduce collect{draw(WINDOWS)}'
            if draw(st.booleans())
            else (f'z = "w" {body}')
        )
        blocks.append(f"r{number} = map q in qs {{ {inner} }} reduce collect{draw(WINDOWS)}")
    calls = draw(st.integers(1, 90))
    head = 'model small = "m:a"\nmodel other = "m:b"\n'.replace("m:", "openai:")
    return f"{head}flow f(qs: [text]) budget {calls} calls {{ {' '.join(blocks)} return r0 }}", calls


WINDOWS = st.sampled_from(["", " with concurrency: 1", " with weight: 3"])


@given(drawn=flows(), size=st.integers(1, 4), seed=st.integers(0, 99), limit=st.sampled_from([1, 2, 64]))
@settings(max_examples=40, deadline=None)
def test_any_mix_of_votes_on_a_short_budget_ends_and_keeps_it(
    drawn: tuple[str, int], size: int, seed: int, limit: int
) -> None:
    text, calls = drawn
    inputs = {"qs": [f"q{one}" for one in range(size)]}
    ran = Run(text, answers(seed), inputs=inputs, limit=limit, models=MODELS)
    with within(30):
        ran.go()
    assert len(ran.provider.calls) <= calls
    asked = Counter(prompt for prompt in ran.prompts if not prompt.startswith("S "))
    # A search asks for four votes of four samples each.
    assert max(asked.values(), default=0) <= 16
    assert not ran.left
    assert ran.provider.open == 0
    assert ran.outcome.status in ("done", "budget", "partial", "failed")


def test_a_state_machine_that_goes_round_in_circles_is_broken_off() -> None:
    async def turn() -> None:
        while True:
            pass

    with pytest.raises(OutOfTime, match=re.escape("did not end within 0.2 s")), within(0.2):
        asyncio.run(turn())
