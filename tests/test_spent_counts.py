"""The calls and dollars in the line about the votes that a budget left open."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from flowrun import Budget
from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.vote_lines import votes_lines
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.reducers import REDUCERS, ReduceError, Setting
from flowrun.runtime.vocabulary.errors import PermanentError

FLOW = """model m = "openai:m" with input_price: 1, output_price: 1
flow f(qs: [text]) {
  r = map q in qs {
    repeat 2..9 {
      ask m "{{ q }}?" -> a | b | c | d | e | f | g | h with max_tokens: 10
    } reduce ahead(2, undecided: first)
  } reduce collect with errors: skip
  return r
}"""
"""The endpoint refuses each call of the first element, and the answers to the second differ."""


def options(folder: Path, budget: Budget) -> RunOptions:
    said = itertools.cycle("abcdefgh")

    def answer(request: object, number: int) -> str | Scripted:
        return Scripted(PermanentError("no", status=400)) if "gone" in str(request) else next(said)

    provider = ScriptedProvider(answer)
    return RunOptions(opener=lambda address, around: provider, budget=budget, journal=folder / "journal.db")


async def test_a_resumed_run_never_tells_more_calls_than_its_budget(tmp_path: Path) -> None:
    plan, chosen = make_plan(check_flow(Source(FLOW), catalog())), options(tmp_path, Budget(5, None))
    result = await run_async(plan, {"qs": ["gone", "split", "other"]}, options=chosen)
    assert result.summary.whole.refused == 2
    assert [line.rpartition("; ")[2] for line in votes_lines(result)] == ["5 of 5 calls"]
    for _ in range(2):
        result = await resume_async(result.run, options=chosen)
        assert result.summary.whole.sent > 5
        assert [line.rpartition("; ")[2] for line in votes_lines(result)] == ["5 of 5 calls"]


async def test_a_budget_of_calls_and_dollars_tells_both(tmp_path: Path) -> None:
    plan = make_plan(check_flow(Source(FLOW), catalog()))
    chosen = options(tmp_path, Budget(400, 0.0001))
    result = await run_async(plan, {"qs": ["split", "other"]}, options=chosen)
    (line,) = votes_lines(result)
    sent = result.summary.whole.sent
    assert sent < 18
    assert f"; {sent} of 400 calls, $" in line
    assert line.endswith(" of $0.0001")


@pytest.mark.parametrize(
    ("skipped", "told"), [(1, "1 answer failed or was not valid"), (2, "2 answers failed or were not valid")]
)
def test_one_discarded_answer_is_told_in_the_singular(skipped: int, told: str) -> None:
    vote = REDUCERS["majority"].make(Setting(3, 3, args={"at_least": 3}))
    vote.add(0, "a")
    for place in range(1, 1 + skipped):
        vote.skip(place)
    for place in range(1 + skipped, 3):
        vote.lose(place, sent=True)
    with pytest.raises(ReduceError, match=told):
        vote.value()
