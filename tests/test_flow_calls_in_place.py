"""A call of a flow does what its steps would do in its place, and calls may be deep and many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import plan, types
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from support.called_flows import BROKEN, Run, made, program

BLOCKS = (plan.Fanout, plan.Map, plan.Repeat, plan.Chain)

# A call is its body written in place


def without(step: plan.Step, outer: set[str]) -> plan.Step:
    """A step of a body as one of a flow, where the outer steps are parameters."""
    node = step.node
    if isinstance(node, BLOCKS):
        inner = replace(node.body, steps=tuple(without(one, outer) for one in node.body.steps))
        node = replace(node, body=inner)
        if not isinstance(node, plan.Chain):
            needs = tuple(need for need in node.reduce.needs if need not in outer)
            node = replace(node, reduce=replace(node.reduce, needs=needs))
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
@settings(max_examples=30, suppress_health_check=list(HealthCheck), database=None)
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
        node = step.node
        if not isinstance(node, BLOCKS) or step.name != "s":
            return step
        inner = replace(node.body, steps=tuple(map(swap, node.body.steps)))
        return replace(step, node=replace(node, body=inner))

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
    assert not run.state._machine.calls._pending


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
    assert list(run.state._prepared._flows) == ["inner"]
