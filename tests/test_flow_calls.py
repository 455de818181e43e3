"""Flows that call flows: what is seen inside, where calls may stand, and how they are run from Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowrun.dsl import plan, types
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError
from flowrun.runtime.vocabulary.tally import Tally
from support.called_flows import BROKEN, SUMMARY, Json, Run, program, voting
from support.harness import scripted

# Values and scopes


def test_a_flow_is_called_with_arguments_and_defaults() -> None:
    text = 'flow f(n: text) { s = { flow: "summary", args: { note: text "<{{ n }}>" } } return s }'
    run = Run(program(text, summary=SUMMARY), n="x")
    outcome = run.go()
    assert outcome.value == {"draft": "dry <x>", "tone": "dry"}
    started = [(event.path, event.kind) for event in run.of(e.StepStarted)]
    assert started == [("s", "flow"), ("s.draft", "ask")]
    assert [(event.path, event.kind) for event in run.of(e.StepFinished)] == [("s.draft", "ask"), ("s", "flow")]


def test_a_flow_sees_nothing_of_its_caller() -> None:
    """The same names mean other things inside, and an outer step of that name is not what is waited for."""
    run = Run(
        program(
            """flow f(n: text) {
              draft = ask "outer {{ n }}"
              s = { flow: "inner", args: { n: "of the call" } }
              return { draft, s }
            }""",
            inner='flow inner(n: text) { draft = ask "inner {{ n }}" return draft }',
        ),
        n="given",
    )
    assert run.go().value == {"draft": "outer given", "s": "inner of the call"}
    # Nothing in the call waits for the outer step of its step's name.
    assert sorted(run.prompts) == ["inner of the call", "outer given"]
    assert len(run.of(e.RequestStarted)) == 2


def test_the_models_of_the_plan_are_known_inside() -> None:
    whole = program('flow f() { s = { flow: "inner", args: {} } return s }', inner="flow inner() { return 1 }")
    ask = plan.Ask(plan.Ref("fast"), (plan.Message("user", "x"),), types.TEXT)
    inner = replace(whole.flows["inner"], steps=(plan.Step("a", (), ask, types.TEXT),), result=plan.Ref("a"))
    whole = replace(whole, models=(plan.Model("fast", "m", {}),), flows={"inner": inner})
    verify(whole)
    run = Run(whole)
    assert run.go().value == "x"
    assert run.provider.calls[0].temperature == 0.5


def test_when_else_and_after_stand_on_a_call() -> None:
    text = """flow f(go: bool) {
      last = ask "last" after first
      first = { flow: "summary", args: { note: "n" } }
      s = { flow: "summary", args: { note: "s" } } when go else "skipped"
      return { s, last }
    }"""
    run = Run(program(text, summary=SUMMARY), go=False)
    assert run.go().value == {"s": "skipped", "last": "last"}
    assert run.prompts == ["dry n", "last"]
    assert Run(program(text, summary=SUMMARY), go=True).go().value["s"] == {"draft": "dry s", "tone": "dry"}


def test_a_flow_without_steps_returns_at_once() -> None:
    run = Run(
        program('flow f() { s = { flow: "one", args: { n: 2 } } return s }', one="flow one(n: int) { return n + 1 }")
    )
    assert run.go().value == 3


def test_a_default_is_worked_out_once_for_all_calls() -> None:
    read: list[str] = []
    whole = program(
        """flow f() {
          m = map e in ["1", "2", "3"] { { flow: "inner", args: { n: e } } } reduce collect
          return m
        }""",
        inner='flow inner(n: text, policy: text = join(["!"])) { return text "{{ n }}{{ policy }}" }',
    )
    run = Run(whole)

    def functions(name: str, args: Any, tally: Any) -> Json:
        read.append(name)
        return "!"

    run.state = State(whole, {}, Context({}, ModelValue("m", "m"), functions))
    assert run.go().value == ["1!", "2!", "3!"]
    assert read == ["join"]


# Blocks


def test_calls_stand_in_every_block_and_their_steps_have_paths() -> None:
    run = Run(
        program(
            """flow f() {
              m = map e in ["1", "2"] { s = { flow: "summary", args: { note: e } } } reduce collect
              r = repeat 2 { s = { flow: "summary", args: { note: "r" } } } reduce collect
              v = fanout { a = { flow: "summary", args: { note: "a" } } b = ask "b" } reduce ask "both {{ a }} {{ b }}"
              c = chain { x = ask "x" { flow: "summary", args: { note: x } } }
              return { m, r, v, c }
            }""",
            summary=SUMMARY,
        )
    )
    outcome = run.go()
    drafts = {name: one for name, one in outcome.value.items() if name != "v"}
    assert drafts == {
        "m": [{"draft": "dry 1", "tone": "dry"}, {"draft": "dry 2", "tone": "dry"}],
        "r": [{"draft": "dry r", "tone": "dry"}] * 2,
        "c": {"draft": "dry x", "tone": "dry"},
    }
    assert outcome.value["v"].startswith("both {")
    paths = {event.path for event in run.of(e.RequestStarted)}
    assert {"m[0].s.draft", "m[1].s.draft", "r[0].s.draft", "r[1].s.draft", "v.a.draft"} <= paths


def test_flows_run_side_by_side_without_barriers() -> None:
    """The second step of one call does not wait for the first step of another."""

    def script(request: Request, number: int) -> Scripted:
        text = request.messages[-1].text
        return Scripted(text, 9.0 if text == "one slow" else 1.0)

    run = Run(
        program(
            'flow f() { m = map e in ["slow", "quick"] { { flow: "two", args: { e } } } reduce collect return m }',
            two='flow two(e: text) { one = ask "one {{ e }}" more = ask "two {{ one }}" return more }',
        ),
        script,
    )
    run.go()
    assert run.prompts == ["one slow", "one quick", "two one quick", "two one slow"]


def test_votes_of_a_called_flow_are_kept_by_their_path() -> None:
    vote = """flow vote(n: text) {
      v = repeat 3 { ask "{{ n }}" -> aye | nay } reduce majority
      return { v, share: agreement(v), votes: votes(v) }
    }"""
    run = Run(
        program(
            'flow f() { m = map e in ["1", "2"] { s = { flow: "vote", args: { n: e } } } reduce collect return m }',
            vote=vote,
        ),
        lambda request, number: "aye" if request.messages[0].text == "1" else "nay",
    )
    outcome = run.go()
    assert [one["v"] for one in outcome.value] == ["aye", "nay"]
    assert [one["votes"]["counted"] for one in outcome.value] == [3, 3]
    assert {path: tally.winner for path, tally in outcome.tallies.items()} == {"m[0].s.v": "aye", "m[1].s.v": "nay"}


def test_samples_differ_by_their_seed_through_a_call() -> None:
    run = Run(
        program(
            'flow f() { r = repeat 3 { { flow: "inner", args: {} } } reduce collect return r }',
            inner='flow inner() { a = ask "a" with seed: 10 w = repeat 2 { ask "w" with seed: 100 } reduce collect '
            "return { a, w } }",
        )
    )
    run.go()
    seeds = sorted(request.seed or 0 for request in run.provider.calls)
    assert seeds == [10, 11, 12, 100, 101, 102, 103, 104, 105]


def test_an_ask_in_a_called_flow_is_asked_again_also_inside_a_vote() -> None:
    replies = iter(["what", "aye", "aye"])
    run = Run(
        voting(
            program(
                'flow f() { v = repeat 3 { { flow: "voter", args: {} } } reduce collect return v }',
                voter='flow voter() { b = ask "b" -> aye | nay return b }',
            )
        ),
        lambda request, number: next(replies),
    )
    outcome = run.go()
    assert outcome.value == "aye"
    assert outcome.tallies["v"] == Tally(
        "aye", (("aye", 2),), 3, 0, asked=2, counted=2, first="aye", of=2, values=("aye",), stands=0
    )
    assert outcome.losses == ()


def test_a_called_flow_that_fails_inside_a_vote_is_missing() -> None:
    replies: Iterator[str | CallError] = iter([BROKEN, "aye", "aye"])
    run = Run(
        voting(
            program(
                'flow f() { v = repeat 3 { s = { flow: "voter", args: {} } } reduce collect return v }',
                voter='flow voter() { b = ask "b" -> aye | nay return b }',
            )
        ),
        lambda request, number: Scripted(next(replies)),
    )
    outcome = run.go()
    assert outcome.tallies["v"] == Tally(
        "aye", (("aye", 2),), 3, 0, asked=3, counted=2, first="aye", of=3, values=("aye",), missing=1, stands=0
    )
    assert [(one.path, one.reason) for one in outcome.losses] == [("v[0].s.b", "the key is wrong")]


# From Python


async def test_a_plan_with_calls_is_run() -> None:
    whole = program('flow f(n: text) { s = { flow: "summary", args: { note: n } } return s }', summary=SUMMARY)
    options = RunOptions(opener=scripted(lambda request, _: "ok"))
    result = await run_async(whole, {"n": "x"}, options=options)
    assert result.value == {"draft": "ok", "tone": "dry"}
    assert result.summary.steps == result.summary.finished == 2


async def test_a_model_may_reach_a_flow_under_the_name_of_another(tmp_path: Path) -> None:
    """In the flow of another file `fast` is a parameter; in the main file it is a model."""
    whole = program('flow f() { s = { flow: "inner", args: {} } return s }', inner="flow inner() { return 1 }")
    ask = plan.Ask(plan.Ref("fast"), (plan.Message("user", "x"),), types.TEXT)
    inner = replace(
        whole.flows["inner"],
        params=(plan.Param("fast", types.MODEL, None, required=True),),
        steps=(plan.Step("a", (), ask, types.TEXT),),
        result=plan.Ref("a"),
    )
    call = replace(whole.steps[0], node=plan.FlowCall("inner", {"fast": plan.Ref("lib.flow:slow")}))
    models = (plan.Model("fast", "openai:fast", {}), plan.Model("lib.flow:slow", "openai:slow", {}))
    whole = replace(whole, models=models, steps=(call,), flows={"inner": inner})
    asked: list[str] = []

    def opener(model: str, around: Any) -> ScriptedProvider:
        def answer(request: Request, number: int) -> str:
            asked.append(model)
            return "ok"

        return ScriptedProvider(answer, model=model)

    assert (await run_async(whole, options=RunOptions(opener=opener))).value == "ok"
    assert asked == ["openai:slow"]


async def test_flows_of_other_files_are_run(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "x.flow").write_text(
        'model slow = "openai:slow"\nflow summary(note: text) { draft = ask slow "{{ note }}" return draft }\n'
    )
    (tmp_path / "f.flow").write_text(
        'import "lib/x.flow"\nflow f(notes: [text]) {\n'
        "  m = map note in notes { s = summary(note: note) } reduce collect with errors: skip(50%)\n  return m\n}\n"
    )
    events: list[e.Event] = []

    def opener(model: str, around: Any) -> ScriptedProvider:
        assert model == "openai:slow"
        return ScriptedProvider(
            lambda request, number: Scripted(BROKEN if request.messages[0].text == "bad" else "ok"), model=model
        )

    result = await run_async(
        tmp_path / "f.flow", {"notes": ["1", "bad"]}, options=RunOptions(opener=opener, on_event=(events.append,))
    )
    assert result.value == ["ok"]
    assert [one.path for one in result.outcome.losses] == ["m[1].s.draft"]
    result = await run_async(tmp_path / "f.flow", {"notes": ["1", "bad", "bad"]}, options=RunOptions(opener=opener))
    assert [one.reason for one in result.failures] == [
        "2 of 3 elements failed, and `skip(50%)` allows 1; the last: the key is wrong"
    ]
