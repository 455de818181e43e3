"""How sure an answer is: where the number comes from, where it goes, and what a run without it does."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, plan
from flowrun.runtime import RunOptions, load, resume_async, run_async
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Script, Scripted, ScriptedProvider
from flowrun.runtime.session.loading import plan_of
from flowrun.runtime.values.sure import SureWord
from flowrun.runtime.vocabulary.call import Request

ROUTE = """
flow route(mails: [text]) {
  teams = map mail in mails {
    team = ask "Which team? {{ mail }}" -> billing | technical
    careful = ask "Think again: {{ mail }}" -> billing | technical when (sure(team) ?? 0) < 0.9 else team
    { team, careful, sure: sure(team) }
  } reduce collect
  return teams
}
"""


def tokens(sure: float) -> list[Any]:
    """The one token of an answer `billing` with this probability, and the token of the other team."""
    return [["billing", log(sure), [["billing", log(sure)], ["technical", log(1 - sure)]]]]


def script(*sure: float | None) -> Script:
    """Answer the first question of each mail with a probability, and the second one with another team."""

    def answer(request: Request, number: int) -> Scripted | str:
        text = request.messages[-1].text
        if text.startswith("Think"):
            return "technical"
        found = sure[int(text.rpartition(" ")[2])]
        return Scripted("billing", more=None if found is None else {"logprobs": tokens(found)})

    return answer


async def run(sure: tuple[Any, ...], text: str = ROUTE, **options: Any) -> tuple[Any, ScriptedProvider]:
    provider = ScriptedProvider(script(*sure))
    opened = RunOptions(opener=lambda address, around: provider, model="scripted:test", **options)
    result = await run_async(load(Source(text)), {"mails": [f"mail {n}" for n in range(len(sure))]}, options=opened)
    return result.value, provider


async def test_an_unsure_answer_is_asked_again_and_a_sure_one_is_not() -> None:
    value, provider = await run((0.95, 0.5, None))
    assert [one["careful"] for one in value] == ["billing", "technical", "technical"]
    assert [one["sure"] for one in value] == [pytest.approx(0.95), pytest.approx(0.5), None]
    assert len(provider.calls) == 5


async def test_only_an_ask_whose_probability_is_read_asks_for_it() -> None:
    _, provider = await run((0.5,))
    first, second = provider.calls
    assert first.options == {"logprobs": True}
    assert not second.options


async def test_a_sure_word_is_the_same_word() -> None:
    text = """
    flow count(mails: [text]) {
      words = map mail in mails {
        team = ask "Which team? {{ mail }}" -> billing | technical
        used = ask "Think: {{ team }}" when (sure(team) ?? 0) > 2 else "no"
        team
      } reduce dedupe
      return words
    }
    """
    value, _ = await run((0.9, None, 0.2), text)
    assert value == ["billing"]
    assert [type(one) for one in value] in ([str], [SureWord])


async def test_a_resumed_run_knows_it_from_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    value, _ = await run((0.95, 0.5), journal=journal)
    again, silent = await run((0.1, 0.1), journal=journal)
    assert again == value and not silent.calls
    whole = await resume_async("last", journal, options=RunOptions(opener=lambda address, around: silent))
    assert whole.value == value and not silent.calls


def test_a_plan_without_the_request_still_runs() -> None:
    made = plan_of(load(Source(ROUTE)))
    block = made.steps[0].node
    assert isinstance(block, plan.Map)
    first = replace(block.body.steps[0], options={})
    body = replace(block.body, steps=(first, *block.body.steps[1:]))
    verify(replace(made, steps=(replace(made.steps[0], node=replace(block, body=body)), *made.steps[1:])))
    verify(made)


def test_a_flow_of_this_name_stays() -> None:
    load(Source('flow sure(x: text) { y = ask "{{ x }}" return y }\nflow f(x: text) { z = sure(x) return z }'))
