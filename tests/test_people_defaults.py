"""Options of a flow and of asks without a model reach its models, and not the people who answer."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog

FLOW = """
model default with max_tokens: 9

flow f(mail: textPARAM) with temperature: 0.5, timeout: 60s, retries: 1 {
  draft = ask "Answer {{ mail }}"
  sent = ask human "Send {{ draft }}?" -> yes | no with timeout: 8h
  title = map part in [draft] reduce ask human "A title for {{ results }}?"
  return { sent, title }
}
"""


def made(param: str = "") -> dict[str, plan.Step]:
    text = FLOW.replace("PARAM", param)
    return {step.name: step for step in make_plan(check_flow(Source(text), catalog())).steps}


def test_a_person_takes_the_time_of_the_flow_alone() -> None:
    steps = made()
    assert sorted(steps["draft"].options) == ["max_tokens", "retries", "temperature", "timeout"]
    assert list(steps["sent"].options) == ["timeout"]
    title = steps["title"].node
    assert isinstance(title, plan.Map)
    assert list(title.reduce.options) == ["timeout"]


def test_an_option_that_the_ask_itself_has_is_still_refused() -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source('flow f() with temperature: 1 { return ask human "Fine?" with temperature: 0 }'), catalog())
    assert [one.code for one in caught.value.diagnostics] == ["F0660"]


def test_a_model_called_human_takes_them() -> None:
    steps = made(", human: model")
    assert sorted(steps["sent"].options) == ["retries", "temperature", "timeout"]
