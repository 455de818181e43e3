"""Shapes of the language inside each other: the options of a flow, labels, and returned blocks."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.testing import run_scripted


def planned(text: str) -> plan.Plan:
    return make_plan(check_flow(Source(text), catalog()))


def asks(steps: tuple[plan.Step, ...]) -> list[plan.Step]:
    return [step for step in plan.walk_steps(steps) if isinstance(step.node, plan.Ask)]


INSIDE = [
    'x = match k { a = ask "{{ mail }}"  b = "" }',
    'x = chain up to 2 { r = ask "{{ mail }} {{ last }}" } until r == "done" else last',
    'x = match k { a = chain up to 2 { r = ask "{{ mail }}" } until r == "" else last  b = "" }',
    'x = map one in [mail] { ask "{{ one }}" } reduce collect',
]


@pytest.mark.parametrize("line", INSIDE)
def test_the_options_of_a_flow_reach_every_ask(line: str) -> None:
    text = f"flow f(mail: text, k: a | b) with seed: 3 {{ {line} return x }}"
    (found,) = asks(planned(text.replace("{{ last }}", "{{ last | default('') }}")).steps)
    assert found.options == {"seed": plan.Constant(3)}


@pytest.mark.parametrize("line", INSIDE)
def test_untrusted_text_stands_between_marks_in_every_ask(line: str) -> None:
    text = f"flow f(mail: untrusted text, k: a | b) {{ {line} return x }}"
    (found,) = asks(planned(text.replace("{{ last }}", "{{ last | default('') }}")).steps)
    assert isinstance(found.node, plan.Ask)
    assert found.node.messages[0].fenced


def test_the_options_of_a_flow_are_not_for_people() -> None:
    text = """
    flow f(xs: [text]) with temperature: 0.1, retries: 1, timeout: 60s {
      a = map x in xs at most 3 { ask "say {{ x }}" } reduce ask human "Best of? {{ results }}"
      b = ask human "ok? {{ a }}" -> yes | no
      return b
    }
    """
    made = planned(text)
    (block, person) = made.steps
    assert person.options == {"timeout": plan.Constant(60.0)}
    assert isinstance(block.node, plan.Map)
    assert "temperature" not in block.node.reduce.options
    (inner,) = asks(block.node.body.steps)
    assert inner.options["temperature"] == plan.Constant(0.1)


def test_a_model_called_human_takes_the_options_of_a_flow() -> None:
    text = 'model human = "openai:gpt"\nflow f(x: text) with temperature: 0.1 { a = ask human "{{ x }}" return a }'
    (found,) = asks(planned(text).steps)
    assert found.options == {"temperature": plan.Constant(0.1)}


@pytest.mark.parametrize(
    "node",
    [
        'match k { a = ask "{{ x }}" -> a | b  b = k }',
        'chain up to 2 { r = ask "{{ x }}" -> a | b } until r == k else last',
        'ask "{{ x }}" -> a | b check answer != k',
        'map y in [x, k] { ask "{{ y }}" -> a | b } reduce majority(ties: first)',
    ],
)
def test_a_returned_block_is_a_step(node: str) -> None:
    made = planned(f"flow f(x: text, k: a | b) {{ return {node} }}")
    assert len(made.steps) == 1
    assert made.result == plan.Ref(made.steps[0].name)


PERSON = """
flow f(x: text) {
  a = ask human "Which? {{ x }}" -> yes | no | text
  b = match a { yes = "y"  no = "n"  else = ask "Why {{ a }}?" }
  return b
}
"""


@pytest.mark.parametrize(("said", "expected"), [("yes", "y"), ("no", "n"), ("perhaps", "I say so")])
def test_a_match_over_the_words_of_a_person_takes_other_texts(said: str, expected: str) -> None:
    replies = {"a": said, **({"b.else": expected} if said == "perhaps" else {})}
    assert run_scripted(Source(PERSON), x="it", replies=replies).value == expected


def test_a_match_over_the_words_of_a_person_needs_a_branch_for_other_texts() -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(PERSON.replace('else = ask "Why {{ a }}?"', "")), catalog())
    assert [one.code for one in caught.value.diagnostics] == ["F0604"]


def test_the_answer_of_a_person_has_no_check() -> None:
    text = 'flow f(x: text) { a = ask human "{{ x }}" -> 1..9 check a != 5 return a }'
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text), catalog())
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.text) == ("F0633", "check a != 5")


def test_an_element_called_human_is_the_model_that_it_holds() -> None:
    text = """
    model fast = "openai:a"
    model smart = "openai:b"
    flow f(x: text) with temperature: 0 {
      a = map human in [fast, smart] { ask human "{{ x }}" -> yes | no } reduce majority(ties: first)
      return a
    }
    """
    (found,) = asks(planned(text).steps)
    assert found.options == {"temperature": plan.Constant(0)}
