"""Flows that call flows: what is seen inside, what a failure takes with it, what is counted, and in what order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import looptime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan, plan, types
from flowrun.runtime.api import run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.budget import Price
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import BudgetError, PermanentError
from flowrun.runtime.vocabulary.tally import Tally

Json = Any
Script = Callable[[Request, int], Scripted | str]
BROKEN = PermanentError("the key is wrong")


# Plans with calls: a record `{ flow: "name", args: { … } }` of the text stands for a call of that flow


def made(text: str) -> plan.Plan:
    return make_plan(check_flow(Source(text), catalog()))


def calling(step: plan.Step) -> plan.Step:
    match step.node:
        case plan.Value(plan.RecordOf((plan.Entry("flow", plan.Constant(str(name))), plan.Entry(_, given)))):
            assert isinstance(given, plan.RecordOf)
            return replace(step, node=plan.FlowCall(name, {one.name or "": one.value for one in given.entries}))
        case plan.Chain(body) | plan.Map(body=body) | plan.Repeat(body=body) | plan.Fanout(body=body):
            inner = replace(body, steps=tuple(map(calling, body.steps)))
            return replace(step, node=replace(step.node, body=inner))
    return step


def program(text: str, **flows: str) -> plan.Plan:
    """A plan of a main flow and of those that it calls, by their names."""
    main = made(text)
    called = {name: flow_of(made(one)) for name, one in flows.items()}
    whole = replace(main, steps=tuple(map(calling, main.steps)), flows=called)
    verify(plan.from_json(plan.to_json(whole)))
    return whole


def voting(whole: plan.Plan) -> plan.Plan:
    """The plan with its first step's results voted on: what stands for a call has no type to vote on."""
    step = whole.steps[0]
    assert isinstance(step.node, plan.Repeat)
    node = replace(step.node, reduce=replace(step.node.reduce, rule="majority"))
    return replace(whole, steps=(replace(step, node=node), *whole.steps[1:]))


def flow_of(one: plan.Plan) -> plan.Flow:
    return plan.Flow(one.params, tuple(map(calling, one.steps)), one.result, one.type, one.calls_limit)


class Run:
    """A plan and a scripted provider, run in virtual time."""

    def __init__(self, whole: plan.Plan, script: Script | None = None, **inputs: Json) -> None:
        def functions(name: str, args: Any, tally: Any) -> Json:
            return FUNCTIONS[name].call(args, World(tally))

        models = {"fast": ModelValue("fast", "m", (("temperature", 0.5),))}
        # A dollar for each token of an answer; questions are free.
        price = Price(0.0, 1.0)
        context = Context(
            models, ModelValue("m", "m"), functions, whole.calls_limit, whole.money_limit, lambda _: price
        )
        self.state = State(whole, inputs, context)
        self.provider = ScriptedProvider(script or (lambda request, number: request.messages[-1].text))
        self.events: list[e.Event] = []
        self.left: set[Any] = set()

    def go(self, cancel_at: float | None = None) -> Outcome:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            return runner.run(self._go(cancel_at))

    async def _go(self, cancel_at: float | None) -> Outcome:
        endpoint = Endpoint(self.provider, Limiter(64))
        run = asyncio.ensure_future(Scheduler(self.state, {"m": endpoint}, self.events.append).run())
        try:
            if cancel_at is not None:
                await asyncio.sleep(cancel_at)
                run.cancel()
            return await run
        finally:
            await endpoint.close()
            self.left = asyncio.all_tasks() - {asyncio.current_task(), run}

    @property
    def prompts(self) -> list[str]:
        return [request.messages[0].text for request in self.provider.calls]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


SUMMARY = 'flow summary(note: text, tone: text = "dry") { draft = ask "{{ tone }} {{ note }}" return { draft, tone } }'


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
        inner='flow inner(n: text, policy: text = file("p.md")) { return text "{{ n }}{{ policy }}" }',
    )
    run = Run(whole)

    def functions(name: str, args: Any, tally: Any) -> Json:
        read.append(name)
        return "!"

    run.state = State(whole, {}, Context({}, ModelValue("m", "m"), functions))
    assert run.go().value == ["1!", "2!", "3!"]
    assert read == ["file"]


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
        "aye", (("aye", 2),), 3, 0, asked=2, counted=2, first="aye", of=2, values=("aye",)
    )
    assert outcome.losses == ()


def test_a_called_flow_that_fails_inside_a_vote_is_missing() -> None:
    replies = iter([BROKEN, "aye", "aye"])
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
        "aye", (("aye", 2),), 3, 0, asked=3, counted=2, first="aye", of=3, values=("aye",), missing=1
    )
    assert [(one.path, one.reason) for one in outcome.losses] == [("v[0].s.b", "the key is wrong")]


# Failures


@pytest.mark.parametrize(("errors", "value"), [("skip", ["ok 2"]), ("none", [None, "ok 2"])])
def test_a_failure_inside_is_the_element_s(errors: str, value: Json) -> None:
    run = Run(
        program(
            f"""flow f() {{
              m = map e in ["1", "2"] {{ s = {{ flow: "inner", args: {{ e }} }} }} reduce collect with errors: {errors}
              return m
            }}""",
            inner='flow inner(e: text) { a = ask "a {{ e }}" return text "ok {{ e }}" }',
        ),
        lambda request, number: Scripted(BROKEN if request.messages[0].text == "a 1" else "x"),
    )
    outcome = run.go()
    assert outcome.value == value
    assert [(one.path, one.reason) for one in outcome.losses] == [("m[0].s.a", "the key is wrong")]
    assert outcome.complete


def test_a_failure_inside_fails_the_call_and_takes_back_what_runs_beside_it() -> None:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(BROKEN, 1.0) if request.messages[0].text == "bad" else Scripted("x", 50.0)

    run = Run(
        program(
            """flow f() {
              s = { flow: "inner", args: {} }
              t = ask "needs {{ s }}"
              free = ask "free"
              return { t, free }
            }""",
            inner='flow inner() { a = ask "slow" b = { flow: "deep", args: {} } return { a, b } }',
            deep='flow deep() { a = ask "bad" b = ask "slow too" return { a, b } }',
        ),
        script,
    )
    outcome = run.go()
    assert [(one.path, one.reason) for one in outcome.failures] == [("s.b.a", "the key is wrong")]
    assert set(run.state._root.failed) == {"s", "t"}
    assert sorted(run.prompts) == ["bad", "free", "slow", "slow too"]
    assert {event.path for event in run.of(e.RequestCancelled)} == {"s.b.b", "s.a"}
    assert not run.left


def test_a_result_without_a_value_fails_the_call_by_its_name() -> None:
    run = Run(
        program(
            'flow f() { s = { flow: "share", args: { n: 0 } } return s }',
            share="flow share(n: int) { x = n + 0 return 1 / x }",
        )
    )
    (failure,) = run.go().failures
    assert (failure.path, failure.reason) == ("s", "this divides by zero")


def test_what_failed_outside_is_no_element_s_fault() -> None:
    run = Run(
        program(
            """flow f() {
              a = ask "a"
              m = map e in ["1", "2"] { { flow: "summary", args: { note: text "{{ e }} {{ a }}" } } } reduce collect
                with errors: skip
              return m
            }""",
            summary=SUMMARY,
        ),
        lambda request, number: Scripted(BROKEN),
    )
    outcome = run.go()
    assert [one.path for one in outcome.failures] == ["a"]
    assert outcome.losses == ()
    assert run.prompts == ["a"]


@pytest.mark.parametrize("tenths", [0, 5, 15, 21, 35])
def test_cancelling_takes_back_all_that_is_inside(tenths: int) -> None:
    run = Run(
        program(
            'flow f() { m = map e in ["1", "2", "3"] { { flow: "two", args: { e } } } reduce collect return m }',
            two='flow two(e: text) { one = ask "one {{ e }}" w = repeat 3 { ask "w {{ one }}" -> aye | nay } '
            "reduce majority return w }",
        ),
        lambda request, number: Scripted("aye", 1.0 + number / 8),
    )
    try:
        run.go(cancel_at=tenths / 10)
    except asyncio.CancelledError:
        assert run.provider.open == 0
    else:
        assert tenths == 35
    assert not run.left


def test_a_decided_vote_takes_back_the_calls_that_are_left() -> None:
    run = Run(
        voting(
            program(
                'flow f() { v = repeat 3 { { flow: "voter", args: {} } } reduce collect with launch: latency '
                "return v }",
                voter='flow voter() { a = ask "a" b = ask "b {{ a }}" -> aye | nay return b }',
            )
        ),
        lambda request, number: Scripted("aye", 100.0 if number == 2 else 1.0),
    )
    outcome = run.go()
    assert outcome.value == "aye"
    assert len(run.of(e.RequestCancelled)) == 1
    assert not run.state._calls._pending
    finished, steps = len(run.of(e.StepFinished)), sum(event.elements * event.steps for event in run.of(e.BlockOpened))
    assert steps + 1 - sum(event.spared for event in run.of(e.BlockClosed)) == finished == 7


# Budgets


def test_a_budget_of_a_called_flow_holds_for_each_call_of_it() -> None:
    two = 'flow two(e: text) budget 2 calls { a = ask "a{{ e }}" b = ask "b{{ a }}" c = ask "c{{ b }}" when e == "1" '
    run = Run(
        program(
            'flow f() { m = map e in ["1", "2"] { s = { flow: "two", args: { e } } } reduce collect '
            "with errors: skip return m }",
            two=two + "return { a, b, c } }",
        )
    )
    outcome = run.go()
    assert outcome.value == [{"a": "a2", "b": "ba2", "c": None}]
    (loss,) = outcome.losses
    assert (loss.path, loss.reason) == ("m[0].s.c", "the budget of 2 calls of the flow `two` is spent")
    assert isinstance(loss.error, BudgetError)
    assert sorted(run.prompts) == ["a1", "a2", "ba1", "ba2"]


def test_a_call_counts_in_every_budget_around_it_and_so_does_one_that_is_sent_again() -> None:
    run = Run(
        program(
            'flow f() budget 9 calls { s = { flow: "outer", args: {} } return s }',
            outer='flow outer() budget 3 calls { x = { flow: "inner", args: {} } y = ask "y {{ x }}" return y }',
            inner='flow inner() budget 4 calls { a = ask "a" -> 1..5 return a }',
        ),
        ["no", "no", "5", "never"],  # type: ignore[arg-type]
    )
    (failure,) = run.go().failures
    assert (failure.path, failure.reason) == ("s.y", "the budget of 3 calls of the flow `outer` is spent")
    assert run.prompts == ["a", "a", "a"]
    run = Run(
        program(
            'flow f() { s = { flow: "inner", args: {} } return s }',
            inner='flow inner() budget 2 calls { a = ask "a" -> 1..5 return a }',
        ),
        lambda request, number: "no",
    )
    assert [one.reason for one in run.go().failures] == ["the budget of 2 calls of the flow `inner` is spent"]
    assert run.prompts == ["a", "a"]


def test_the_budget_of_the_whole_counts_what_is_called() -> None:
    run = Run(
        program(
            'flow f() budget 2 calls { s = { flow: "two", args: {} } t = ask "t {{ s }}" return t }',
            two='flow two() { a = ask "a" b = ask "b" return { a, b } }',
        )
    )
    assert [one.reason for one in run.go().failures] == ["the flow's budget of 2 calls is spent"]


def test_a_budget_in_money_holds_for_each_call_and_counts_in_the_one_around_it() -> None:
    whole = program(
        'flow f() { m = map e in ["1", "2", "3"] { s = { flow: "two", args: { e } } } reduce collect '
        "with errors: skip, concurrency: 1 return m }",
        two='flow two(e: text) { a = ask "a{{ e }}" with max_tokens: 4 b = ask "b{{ a }}" with max_tokens: 4 '
        'c = ask "c{{ b }}" with max_tokens: 4 when e == "1" return { a, b, c } }',
    )
    limited = {"two": replace(whole.flows["two"], money_limit=9.0)}
    run = Run(replace(whole, flows=limited, money_limit=20.0), lambda request, number: "four words for four")
    outcome = run.go()
    # Each call costs four dollars. The first element fails at its own limit, the last at that of all.
    assert [(one.path, isinstance(one.error, BudgetError)) for one in outcome.losses] == [
        ("m[0].s.c", True),
        ("m[2].s.b", True),
    ]
    assert "of the flow `two`" in outcome.losses[0].reason
    assert outcome.losses[1].reason.startswith("the flow's budget of $20.00")
    assert len(run.provider.calls) == 5


# Size


def nested(depth: int, leaf: str, blocks: str = "{}") -> plan.Plan:
    """Flows that call one another in a row; ``blocks`` is what stands around each call."""
    flows = {}
    for level in range(depth):
        call = f'{{ flow: "f{level + 1}", args: {{ n }} }}'
        flows[f"f{level}"] = f"flow f{level}(n: text) {{ s = {blocks.format(call)} return s }}"
    flows[f"f{depth}"] = leaf
    return program('flow f() { s = { flow: "f0", args: { n: "x" } } return s }', **flows)


DEEP = (
    "chain {{ q = map e in [n] {{ chain {{ "
    'fanout {{ one = {0} two = ask "beside {{{{ e }}}}" }} reduce collect '
    "}} }} reduce collect }}"
)


def test_calls_nest_deep() -> None:
    run = Run(nested(300, 'flow leaf(n: text) { a = ask "a {{ n }}" return a }'))
    assert run.go().value == "a x"
    assert run.of(e.RequestStarted)[0].path == ".".join(["s"] * 301) + ".a"


def test_a_failure_in_the_depth_comes_up_through_every_block() -> None:
    blocks = DEEP
    run = Run(
        nested(60, 'flow leaf(n: text) { a = ask "bad" b = ask "slow" return { a, b } }', blocks),
        lambda request, number: Scripted(BROKEN if request.messages[0].text == "bad" else "x", 1.0 + number % 2),
    )
    (failure,) = run.go().failures
    assert failure.reason == "the key is wrong"
    assert not run.left
    assert not run.state._calls._pending


def test_taking_back_reaches_the_depth() -> None:
    run = Run(
        nested(60, 'flow leaf(n: text) { a = ask "a" return a }', DEEP),
        lambda request, number: Scripted("x", 100.0 if request.messages[0].text == "a" else 1.0),
    )
    with pytest.raises(asyncio.CancelledError):
        run.go(cancel_at=5)
    assert run.provider.open == 0


def test_a_map_of_many_calls() -> None:
    run = Run(
        program(
            'flow f(items: [text]) { m = map e in items { { flow: "inner", args: { e } } } reduce collect return m }',
            inner='flow inner(e: text) { a = ask "{{ e }}" return a }',
        ),
        items=[str(number) for number in range(3000)],
    )
    assert run.go().value == [str(number) for number in range(3000)]
    assert len(run.state._blocks._layouts) == 2


# A call is its body written in place


def body_names(steps: tuple[plan.Step, ...]) -> Iterator[str]:
    for step in steps:
        yield step.name
        if step.block is not None:
            yield from body_names(step.block.steps)


def without(step: plan.Step, outer: set[str]) -> plan.Step:
    """A step of a body as one of a flow, where the outer steps are parameters."""
    node = step.node
    if step.block is not None:
        inner = replace(step.block, steps=tuple(without(one, outer) for one in step.block.steps))
        node = replace(node, body=inner)  # type: ignore[call-arg]
        if not isinstance(node, plan.Chain):
            reduce = node.reduce  # type: ignore[union-attr]
            needs = tuple(need for need in reduce.needs if need not in outer)
            node = replace(node, reduce=replace(reduce, needs=needs))  # type: ignore[call-arg]
    return replace(step, node=node, needs=tuple(need for need in step.needs if need not in outer))


def outlined(step: plan.Step, outer: tuple[str, ...]) -> tuple[plan.Step, plan.Flow]:
    """A chain as a call of a flow of the same steps."""
    assert isinstance(step.node, plan.Chain)
    body = step.node.body
    params = tuple(plan.Param(name, types.TEXT, None, required=True) for name in outer)
    steps = tuple(without(one, set(outer)) for one in body.steps)
    flow = plan.Flow(params, steps, plan.Ref(body.result), step.type)
    return replace(step, node=plan.FlowCall("body", {name: plan.Ref(name) for name in outer})), flow


def bodies(depth: int = 2) -> st.SearchStrategy[Callable[[str], str]]:
    """Steps of a body, as functions of a prefix that keeps their names apart."""
    asks = st.sampled_from(
        [
            'ask "{P} {{{{ a }}}}"',
            'ask "{P}"',
            'ask "{P} {{{{ a }}}} {{{{ b }}}}" with seed: 5',
            'ask "{P}" -> aye | nay',
            'ask "{P} bad"',
        ]
    )
    simple = asks.map(lambda text: lambda prefix: text.format(P=prefix))
    if depth == 0:
        return simple
    inner = bodies(depth - 1)

    def chain(one: Any, two: Any) -> Callable[[str], str]:
        return lambda at: f'chain {{ {at}x = {one(at + "x")} {at}y = ask "{at} {{{{ {at}x }}}} {{{{ b }}}}" }}'

    def mapped(one: Any, errors: str) -> Callable[[str], str]:
        return lambda at: (
            f'map {at}e in [a, b, "c"] {{ {at}z = {one(at + "z")} ask "{at} {{{{ {at}e }}}} {{{{ {at}z }}}}" }} '
            f'reduce ask "{at} {{{{ results }}}} {{{{ a }}}}" with errors: {errors}'
        )

    def vote(launch: str) -> Callable[[str], str]:
        return lambda at: (
            f'repeat 3 {{ ask "{at} vote {{{{ b }}}}" -> aye | nay }} reduce majority with launch: {launch}'
        )

    def fanout(one: Any, two: Any) -> Callable[[str], str]:
        return lambda at: f"fanout {{ {at}l = {one(at + 'l')} {at}r = {two(at + 'r')} }} reduce collect"

    return st.one_of(
        simple,
        st.builds(chain, inner, inner),
        st.builds(mapped, inner, st.sampled_from(["fail", "skip", "none"])),
        st.builds(vote, st.sampled_from(["cost", "latency", "together"])),
        st.builds(fanout, inner, inner),
    )


AROUND = {
    "alone": "s = {0}",
    "in a map": 's = map k in ["1", "2"] {{ o = ask "o {{{{ k }}}}" t = {0} }} reduce collect with errors: skip',
    "in a repeat": "s = repeat 3 {{ t = {0} }} reduce collect",
    "in a fanout": 's = fanout {{ t = {0} u = ask "u" }} reduce collect',
    "under a condition": 's = {0} when a != "never" else "none"',
}


@given(
    st.lists(bodies(), min_size=1, max_size=3),
    st.sampled_from(sorted(AROUND)),
    st.integers(0, 2**16),
    st.booleans(),
)
@settings(max_examples=120, suppress_health_check=list(HealthCheck), database=None)
def test_a_call_does_what_its_body_does_in_place(
    steps: list[Callable[[str], str]], around: str, seed: int, fails: bool
) -> None:
    lines = " ".join(f"p{number} = {step(f'p{number}')}" for number, step in enumerate(steps))
    mentioned = " ".join(f"{{{{ p{number} }}}}" for number in range(len(steps)))
    chain = f'chain {{ {lines} last = ask "last {mentioned}" }} after a, b'
    text = f'flow f() {{ a = ask "a" b = ask "b" {AROUND[around].format(chain)} return s }}'
    inline = made(text)
    flows: dict[str, plan.Flow] = {}

    def swap(step: plan.Step) -> plan.Step:
        if isinstance(step.node, plan.Chain) and step.name in ("s", "t"):
            step, flows["body"] = outlined(step, ("a", "b"))
            return step
        if step.block is None or step.name != "s":
            return step
        inner = replace(step.block, steps=tuple(map(swap, step.block.steps)))
        return replace(step, node=replace(step.node, body=inner))  # type: ignore[call-arg]

    outline = replace(inline, steps=tuple(map(swap, inline.steps)), flows=flows)
    assert flows
    verify(outline)

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        seconds = 1 + (crc32(f"{seed} {prompt}".encode()) % 64) / 16
        if fails and prompt.endswith("bad"):
            return Scripted(BROKEN, seconds)
        return Scripted(("aye", "nay")[number % 2] if request.choices else prompt, seconds)

    first, second = Run(inline, script), Run(outline, script)
    one, two = first.go(), second.go()
    assert two.value == one.value
    assert first.provider.calls == second.provider.calls
    assert [(failure.path, failure.reason) for failure in one.failures + one.losses] == [
        (failure.path, failure.reason) for failure in two.failures + two.losses
    ]
    assert one.tallies == two.tallies
    told = (e.StepFinished, e.StepFailed, e.RequestStarted, e.RequestFinished, e.RequestCancelled, e.ElementLost)
    account = [
        [(type(event), event.path) for event in run.events if isinstance(event, told)] for run in (first, second)
    ]
    assert account[0] == account[1]


# Shares of elements that may fail


def skipping(share: float | str, total: int, bad: int, reduce: str = "collect") -> tuple[Outcome, Run]:
    whole = program(
        f'flow f(items: [text]) {{ m = map e in items {{ a = ask "{{{{ e }}}}" }} reduce {reduce} '
        "with errors: skip, concurrency: 4 return m }"
    )
    step = whole.steps[0]
    rule = plan.RuleOf("skip", {"share": plan.Constant(share)})
    whole = replace(whole, steps=(replace(step, options={**step.options, "errors": rule}),))
    verify(whole)
    items = [("bad" if number < bad else "ok") + str(number) for number in range(total)]
    script: Script = lambda request, number: Scripted(BROKEN if "bad" in request.messages[0].text else "x")  # noqa: E731
    run = Run(whole, script, items=items)
    return run.go(), run


@pytest.mark.parametrize(
    ("share", "total", "allowed"),
    [(0.05, 40, 2), (0.05, 10, 0), (0.05, 20, 1), (0.29, 100, 29), (0.0, 5, 0), (1.0, 3, 3), (1, 3, 3), (0.07, 100, 7)],
)
@pytest.mark.parametrize("reduce", ["collect", 'by 2 ask "t {{ results }}"'])
def test_a_share_of_the_elements_may_fail(share: float, total: int, allowed: int, reduce: str) -> None:
    outcome, _ = skipping(share, total, allowed, reduce)
    if reduce == "collect" or allowed < total:
        assert outcome.complete
    assert len(outcome.losses) == allowed
    if allowed < total:
        outcome, run = skipping(share, total, allowed + 1, reduce)
        assert not outcome.complete
        (failure,) = outcome.failures
        assert failure.path == "m"
        assert failure.reason == (
            f"{allowed + 1} of {total} elements failed, and `skip({share * 100:g}%)` allows {allowed}; "
            "the last: the key is wrong"
        )
        assert len(run.prompts) <= allowed + 1 + 4 or reduce != "collect"


def test_of_no_elements_none_fails() -> None:
    assert skipping(0.05, 0, 0)[0].value == []


@pytest.mark.parametrize("share", [1.5, -0.1, "5%"])
def test_a_share_is_from_none_to_all(share: float | str) -> None:
    (failure,) = skipping(share, 1, 0)[0].failures
    assert failure.reason == f"`errors: skip(share)` takes a share from 0% to 100%, and this is {share!r}"


# From Python


async def test_a_plan_with_calls_is_run() -> None:
    whole = program('flow f(n: text) { s = { flow: "summary", args: { note: n } } return s }', summary=SUMMARY)
    result = await run_async(
        whole, {"n": "x"}, opener=lambda model, around: ScriptedProvider(lambda request, _: "ok", model=model)
    )
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
        return ScriptedProvider(lambda request, number: asked.append(model) or "ok", model=model)

    assert (await run_async(whole, opener=opener)).value == "ok"
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

    result = await run_async(tmp_path / "f.flow", {"notes": ["1", "bad"]}, opener=opener, on_event=(events.append,))
    assert result.value == ["ok"]
    assert [one.path for one in result.outcome.losses] == ["m[1].s.draft"]
    result = await run_async(tmp_path / "f.flow", {"notes": ["1", "bad", "bad"]}, opener=opener)
    assert [one.reason for one in result.failures] == [
        "2 of 3 elements failed, and `skip(50%)` allows 1; the last: the key is wrong"
    ]
