"""The last line of a run whose only vote is a stage of a cascade."""

from __future__ import annotations

import pytest

from flowrun import RunOptions, Source, load, run_async
from flowrun.runtime.cli.summary import closing_line
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from support.harness import scripted

FLOW = """
flow label(mail: text) {
  kind = cascade {
    repeat 2 over way in ["At once", "In steps"] { ask "{{ way }}: {{ mail }}" -> spam | fine }
      reduce majority(ties: first)
    else ask "Think: {{ mail }}" -> spam | fine when agreement < 1
  }
  return kind
}
"""


@pytest.mark.parametrize(
    ("second", "begins"),
    [("spam", "spam (2 of 2) · 2 calls ·"), ("fine", "3 calls ·")],
    ids=["the vote has the answer", "a later stage has it"],
)
async def test_a_vote_that_was_overruled_is_not_told_as_the_answer(second: str, begins: str) -> None:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(second if "In steps" in request.messages[-1].text else "spam")

    options = RunOptions(model="m", opener=scripted(script), journal=None, learn=False)
    result = await run_async(load(Source(FLOW, "label.flow")), {"mail": "Hello"}, options=options)
    assert result.value == "spam"
    assert closing_line(result).startswith(begins)


LATER = """
flow label(mail: text) {
  quick = repeat 3 { ask "Quick: {{ mail }}" -> spam | fine } reduce majority
  kind = ask "Think: {{ mail }}" -> spam | fine when agreement(quick) < 1 else quick
  said = kind
  return said
}
"""
BEFORE = """
flow label(mail: text) {
  short = ask "Short: {{ mail }}" -> text
  quick = repeat 3 { ask "Quick: {{ short }}" -> spam | fine } reduce majority
  return quick
}
"""


@pytest.mark.parametrize(
    ("flow", "third", "begins"),
    [
        (LATER, "spam", "spam (3 of 3) · "),
        (LATER, "fine", "4 calls"),
        (BEFORE, "fine", "spam (2 of 3"),
    ],
    ids=["the later ask is skipped", "the later ask has the answer", "a step before the vote"],
)
async def test_a_vote_whose_answer_a_later_step_says_again_is_not_told_as_the_answer(
    flow: str, third: str, begins: str
) -> None:
    seen = []

    def script(request: Request, number: int) -> Scripted:
        seen.append("Quick" in request.messages[-1].text)
        return Scripted(third if seen[-1] and sum(seen) == 3 else "spam")

    options = RunOptions(model="m", opener=scripted(script), journal=None, learn=False)
    result = await run_async(load(Source(flow, "label.flow")), {"mail": "Hello"}, options=options)
    assert result.value == "spam"
    assert closing_line(result).startswith(begins)
