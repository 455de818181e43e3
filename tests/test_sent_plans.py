"""Further options in plans: what they hold, whom they reach, what they bound, and that an edited plan is checked."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import flowrun.runtime.providers as registry
from flowrun.dsl import FlowError, Source, check_flow, make_plan, plan, planned_json, unforeseen
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.decisions import Call, Sample
from flowrun.runtime.engine.keys import key_of
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.providers.traits import Traits
from flowrun.runtime.vocabulary.call import NO_OPTIONS, Message, Request
from flowrun.runtime.vocabulary.errors import FlowrunError, UsageError

FLOW = """
model default with reasoning: low, stop: ["END", "FIN"]
model own = "openai:llama-3" with top_p: 0.9, reasoning: tokens(500), extra: { top_k: 40, list: [1, -2, none, true] }

flow inner(email: text) with verbosity: high {
  answer = ask own "in {{ email }}"
  return answer
}

flow f(email: text, who: text) {
  plain = ask "plain {{ email }}"
  a = ask own "a {{ plain }}" with user: who, reasoning: none
  b = inner(email: a)
  c = map x in [b] { x } reduce (ask own "c {{ results }}" with extra: { top_k: 5 }, logprobs: false)
  return c
}
"""


def planned(text: str = FLOW) -> plan.Plan:
    return make_plan(check_flow(Source(text, "a.flow"), catalog()))


async def asked(made: plan.Plan, **inputs: Any) -> dict[str, Request]:
    provider = ScriptedProvider(lambda request, number: "x")
    options = RunOptions(opener=lambda address, around: provider, environ={}, model="openai:m")
    result = await run_async(made, inputs, options=options)
    assert result.ok, result.failures
    return {call.messages[0].text.split()[0]: call for call in provider.calls}


async def test_each_ask_gets_the_options_of_its_model_its_flow_and_its_own() -> None:
    calls = await asked(planned(), email="e", who="me")
    extra = {"top_k": 40, "list": [1, -2, None, True]}
    assert {name: dict(call.options) for name, call in calls.items()} == {
        "plain": {"reasoning": "low", "stop": ["END", "FIN"]},
        "a": {"reasoning": "none", "top_p": 0.9, "user": "me", "extra": extra},
        "in": {"reasoning": {"tokens": 500}, "top_p": 0.9, "verbosity": "high", "extra": extra},
        "c": {"reasoning": {"tokens": 500}, "top_p": 0.9, "extra": {"top_k": 5}},
    }


async def test_a_plan_in_json_asks_the_same() -> None:
    made = planned()
    again = plan.from_json(plan.to_json(made))
    assert again == made
    verify(again)
    assert await asked(again, email="e", who="me") == await asked(made, email="e", who="me")


def key(**options: Any) -> bytes:
    request = Request((Message("user", "x"),), options=options) if options else Request((Message("user", "x"),))
    return key_of(Call(1, "p", "openai:test", request, sample=Sample()), "http://x/v1")


def test_options_are_in_the_key_if_there_are_any() -> None:
    assert Request((Message("user", "x"),)).options is NO_OPTIONS
    assert key() == key_of(Call(1, "p", "openai:test", Request((Message("user", "x"),), options={})), "http://x/v1")
    kinds: list[Any] = [
        {},
        {"top_p": 0.5},
        {"top_p": 1},
        {"stop": "a"},
        {"stop": ["a"]},
        {"extra": {"a": 1}},
        {"extra": {"a": "1"}},
    ]
    assert len({key(**one) for one in kinds}) == len(kinds)
    assert key(top_p=0.5, user="u") == key(user="u", top_p=0.5)
    assert key(extra={"a": 1, "b": 2}) == key(extra={"b": 2, "a": 1})


def out(text: str, model: str = "") -> tuple[float, float | None]:
    bounds = estimate_plan(planned(text), {}, Files(Path()), model=model or "openai:m")
    return bounds.tokens_out.least, bounds.tokens_out.most


ASK = 'model m = "{}"\nflow f() {{ x = ask m "Yes?" -> yes | no with retries: 0, {} return x }}'


@pytest.mark.parametrize(
    ("model", "options", "most"),
    [
        ("openai:m", "reasoning: none", 8),
        ("openai:m", "reasoning: low", None),
        ("openai:m", "reasoning: low, max_tokens: 900", 900),
        ("anthropic:claude-opus-5", "reasoning: high", 4096),
        ("anthropic:claude-haiku-4-5", "reasoning: tokens(2000)", 4096),
        ("anthropic:claude-haiku-4-5", "reasoning: tokens(2000), max_tokens: 3000", 3000),
    ],
)
def test_reasoning_is_counted_as_output(model: str, options: str, most: float | None) -> None:
    least, found = out(ASK.format(model, options))
    assert (least, found) == (1, most)


def test_without_a_known_limit_a_number_of_tokens_counts() -> None:
    plain = out(ASK.format("openai:m", "timeout: 5s"))[1]
    assert plain is not None
    assert out(ASK.format("openai:m", "reasoning: tokens(500)")) == (1, plain + 500)


def test_a_plan_tells_whose_extra_it_does_not_know() -> None:
    made = planned()
    assert unforeseen(made) == ("own", "c")
    bounds = estimate_plan(made, {}, Files(Path()), model="openai:m")
    assert '"unforeseen": [' in planned_json(made, bounds)
    plain = planned(ASK.format("openai:m", "timeout: 5s"))
    assert "unforeseen" not in planned_json(plain, estimate_plan(plain, {}, Files(Path()), model="openai:m"))


EDITS: list[tuple[dict[str, plan.Expr], str]] = [
    ({"extra": plan.RecordOf((plan.Entry("model", plan.Constant("x")),))}, "must not set `model`"),
    ({"reasoning": plan.Constant("lots")}, "lots"),
    ({"reasoning": plan.RuleOf("tokens", {"count": plan.Constant(0)})}, "`count` takes a value of 1 or more"),
    ({"reasoning": plan.RuleOf("chars", {"count": plan.Constant(5)})}, "no rule `chars`"),
    ({"stop": plan.Items((plan.Constant(1),))}, "`stop`"),
    ({"top_p": plan.Constant(5)}, "`top_p` takes a value from 0 to 1"),
]


@pytest.mark.parametrize(("options", "why"), EDITS)
def test_an_edited_plan_is_checked_again(options: dict[str, plan.Expr], why: str) -> None:
    made = planned(ASK.format("openai:m", "timeout: 5s"))
    verify(made)
    (step,) = made.steps
    edited = replace(made, steps=(replace(step, options=options),))
    with pytest.raises((FlowrunError, FlowError)) as refused:
        verify(edited)
    assert why in str(refused.value)


@pytest.mark.parametrize("traits", [Traits(), Traits(api="any")])
@pytest.mark.parametrize("option", ["top_p: 0.5", "extra: { top_k: 4 }"])
async def test_a_provider_that_tells_nothing_of_options_gets_none(
    monkeypatch: pytest.MonkeyPatch, option: str, traits: Traits
) -> None:
    foreign = ScriptedProvider(lambda request, number: "x", model="company:m")

    def opened(name: str, around: Surroundings) -> ScriptedProvider:
        return foreign

    opened.traits = traits  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flowrun_company", SimpleNamespace(opened=opened))
    entry = EntryPoint("company", "flowrun_company:opened", registry.GROUP)
    monkeypatch.setattr(registry, "_entries", lambda: {"company": entry})
    made = planned(f'flow f() {{ x = ask "Yes?" with {option} return x }}')
    options = RunOptions(opener=open_provider, environ={}, model="company:m")
    if traits.api:
        assert (await run_async(made, options=options)).ok
        return
    with pytest.raises(UsageError, match="`company` does not tell that it takes it"):
        await run_async(made, options=options)
    assert not foreign.calls


async def test_a_computed_stop_must_have_a_text() -> None:
    made = planned('flow f(end: text) { x = ask "Yes?" with stop: end return x }')
    provider = ScriptedProvider(lambda request, number: "x")
    options = RunOptions(opener=lambda address, around: provider, environ={}, model="openai:m")
    assert (await run_async(made, {"end": "."}, options=options)).ok
    result = await run_async(made, {"end": ""}, options=options)
    assert "`stop` takes texts that are not empty" in result.failures[0].reason
    assert len(provider.calls) == 1


LISTED = """
model one = "openai:llama-3"
model two = "anthropic:claude-haiku-4-5"
flow inner(level: text) {
  x = map m in [one, two] { map n in [1] {
    ask m "Yes? {{ level }} {{ n }}" with user: level, TIER
  } reduce collect } reduce collect
  return x
}
flow f() { y = inner(level: "x") return y }
"""


async def test_the_models_of_a_list_are_checked_before_any_is_asked() -> None:
    made = planned(LISTED.replace("TIER", "service_tier: auto"))
    await run_async(made, options=RunOptions(opener=lambda a, b: ScriptedProvider(["x", "y"], model=a), environ={}))
    text = LISTED.replace("TIER", "service_tier: flex")
    loose = make_plan(check_flow(Source(text, "a.flow"), replace(catalog(), refused=lambda address, options: {})))
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ANTHROPIC_API_KEY": "ant-key-0123456789"}
    with pytest.raises(UsageError, match="claude-haiku-4-5 does not take its `service_tier`"):
        await run_async(loose, options=RunOptions(environ=environ))


GIVEN = """
model claude = "anthropic:claude-haiku-4-5"
flow f(n: int, m: model, tier: auto | flex) {
  a = ask claude "Yes?" with reasoning: tokens(n), max_tokens: 2000
  b = ask m "{{ a }}" with service_tier: tier
  return b
}
"""


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"n": 5, "m": "openai:llama-3", "tier": "auto"}, "tokens from 1,024 up"),
        ({"n": 2000, "m": "openai:llama-3", "tier": "auto"}, "with more than 2,000"),
        ({"n": 1500, "m": "anthropic:claude-opus-5", "tier": "flex"}, "the tiers of Messages"),
    ],
)
async def test_options_that_the_inputs_decide_are_checked_at_the_start(inputs: dict[str, Any], why: str) -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ANTHROPIC_API_KEY": "ant-key-0123456789"}
    with pytest.raises(UsageError, match=why):
        await run_async(planned(GIVEN), inputs, options=RunOptions(environ=environ))
