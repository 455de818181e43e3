"""What a plan is said to take is what it takes: real runs of random flows lie inside their bounds."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import looptime
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flowrun.dsl import MESSAGE_TOKENS, Bound, Bounds, Source, check_flow, make_plan, plan
from flowrun.runtime.call import Answer, Reply, Request
from flowrun.runtime.catalog import catalog
from flowrun.runtime.decisions import Outcome
from flowrun.runtime.errors import InputError
from flowrun.runtime.estimate import estimate_plan
from flowrun.runtime.files import Files
from flowrun.runtime.functions import FUNCTIONS, World
from flowrun.runtime.limits import Limiter
from flowrun.runtime.metering import Usage
from flowrun.runtime.scheduler import Endpoint, Scheduler
from flowrun.runtime.scopes import Context
from flowrun.runtime.state import State
from flowrun.runtime.tokens import estimate
from flowrun.runtime.values import ModelValue
from flowrun.runtime.verify import verify

Json = Any
HERE = Files(Path(__file__).parent)
WORDS = ("aye", "nay", "abstain")
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def planned(text: str) -> plan.Plan:
    made = make_plan(check_flow(Source(text), catalog()))
    verify(made)
    return made


def bounds(text: str, model: str = "m", **inputs: Json) -> Bounds:
    return estimate_plan(planned(text), inputs, HERE, model=model, environ={})


def span(bound: Bound) -> tuple[float, float | None]:
    return bound.least, bound.most


# Flows that are valid by construction


@dataclass
class Writer:
    """Writes a flow that has what changes a bill: blocks in blocks, votes, trees, windows, conditions, called flows."""

    rng: random.Random
    count: int = 0
    left: int = 40

    def flow(self) -> str:
        inner, last = self.body(["x"], [], 2, flow_calls=False)
        called = f"flow part(x: text) {{ {inner} return {last} }}\n"
        lines, texts, lists = [], ["p"], ["items"]
        for _ in range(self.rng.randint(1, 4)):
            name, text, kind = self.line(texts, lists, 0, flow_calls=True)
            lines.append(text)
            (lists if kind == "list" else texts).append(name)
        self.rng.shuffle(lines)
        body = "\n  ".join(lines)
        return f"{called}flow f(items: [text], p: text, b: bool) {{\n  {body}\n  return [{', '.join(texts)}]\n}}\n"

    def name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def body(
        self, texts: list[str], lists: list[str], depth: int, *, flow_calls: bool, plain: bool = False
    ) -> tuple[str, str]:
        """Lines whose last is a text, or a choice where that need not be ``plain``."""
        lines, known = [], list(texts)
        for _ in range(self.rng.randint(0, 1)):
            name, text, kind = self.line(known, lists, depth + 1, flow_calls=flow_calls)
            lines.append(text)
            if kind == "text":
                known.append(name)
        name = self.name()
        lines.append(f"{name} = {self.ask(known, plain)}")
        self.rng.shuffle(lines[:-1])
        return " ".join(lines), name

    def line(self, texts: list[str], lists: list[str], depth: int, *, flow_calls: bool) -> tuple[str, str, str]:
        name = self.name()
        kinds = ["ask", "ask", "text"]
        if depth < 3 and self.left > 0:
            kinds += ["map", "map", "repeat", "vote", "fanout", "chain", *["call"] * flow_calls]
        self.left -= 1
        kind = self.rng.choice(kinds)
        node, type_ = (
            getattr(self, kind)(texts, lists, depth, flow_calls) if kind != "ask" else (self.ask(texts), "text")
        )
        if type_ == "text" and self.rng.random() < 0.25:
            held = self.rng.choice(["b", "not b", f"length({texts[-1]}) > 3"])
            held = held if depth == 0 else f"length({texts[-1]}) > 3"
            node += f' when {held} else "aye"'
        return name, f"{name} = {node}", type_

    def ask(self, texts: list[str], plain: bool = False) -> str:
        mentions = " ".join(
            f"{{{{ {one} }}}}" for one in self.rng.sample(texts, min(len(texts), self.rng.randint(0, 2)))
        )
        arrow = "" if plain else self.rng.choice(["", "", " -> " + " | ".join(WORDS)])
        options = [f"max_tokens: {self.rng.randint(4, 9)}"] if self.rng.random() < 0.8 else []
        options += [f"retries: {self.rng.randint(0, 3)}"] if self.rng.random() < 0.3 else []
        options += [f"seed: {self.rng.randint(0, 9)}"] if self.rng.random() < 0.3 else []
        return f'ask "{self.name()}: {mentions}"{arrow}' + (f" with {', '.join(options)}" if options else "")

    def text(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        loop = f"{{% for one in {lists[-1]} %}}- {{{{ one }}}}\n{{% endfor %}}" if lists else ""
        test = f"{{% if {texts[-1]} == 'aye' %}}so{{% else %}}or so{{% endif %}}"
        return f'text """\n{loop} {{{{ {texts[-1]} }}}} {test}\n"""', "text"

    def map(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        element = f"e{self.name()}"
        where = f" where length({element}) > 1" if self.rng.random() < 0.3 else ""
        reduce, kind = self.reducer(texts)
        body, _ = self.body([*texts, element], lists, depth, flow_calls=flow_calls, plain=reduce.startswith("by"))
        window = f" with concurrency: {self.rng.randint(1, 3)}" if self.rng.random() < 0.3 else ""
        source = self.rng.choice(lists or ["[]"]) if lists else '["one", "two"]'
        return f"map {element} in {source}{where} at most 60 {{ {body} }} reduce {reduce}{window}", kind

    def repeat(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        reduce, kind = self.reducer(texts)
        body, _ = self.body(texts, lists, depth, flow_calls=flow_calls, plain=reduce.startswith("by"))
        return f"repeat {self.rng.randint(1, 4)} {{ {body} }} reduce {reduce}", kind

    def vote(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        first = self.rng.randint(1, 5)
        adaptive = self.rng.random() < 0.3
        number = f"{first}..{first + self.rng.randint(1, 4)}" if adaptive else str(first)
        options = []
        if not adaptive and self.rng.random() < 0.5:
            options.append("launch: " + self.rng.choice(["cost", "latency", "together"]))
        if self.rng.random() < 0.3:
            options.append(f"concurrency: {self.rng.randint(1, 3)}")
        before = f"{self.name()} = {self.ask(texts)} " if self.rng.random() < 0.3 else ""
        ballot = f'ask "{self.name()}v {{{{ {texts[-1]} }}}}" -> ' + " | ".join(WORDS)
        ends = f" with {', '.join(options)}" if options else ""
        return f"repeat {number} {{ {before}{ballot} }} reduce majority{ends}", "text"

    def fanout(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        names = [self.name(), self.name()]
        body = " ".join(f"{name} = {self.ask(texts)}" for name in names)
        mentions = " ".join(f"{{{{ {name} }}}}" for name in names)
        return f'fanout {{ {body} }} reduce (ask "{self.name()}: {mentions}" with max_tokens: 8)', "text"

    def chain(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        return f"chain {{ {self.body(texts, lists, depth, flow_calls=flow_calls)[0]} }}", "text"

    def call(self, texts: list[str], lists: list[str], depth: int, flow_calls: bool) -> tuple[str, str]:
        return f"part({self.rng.choice(texts)})", "text"

    def reducer(self, texts: list[str]) -> tuple[str, str]:
        ask = f'ask "{self.name()}: {{{{ results }}}} {{{{ {texts[-1]} }}}}"'
        return self.rng.choice(
            [
                ("collect", "list"),
                ('concat("; ")', "text"),
                (f"by {self.rng.randint(2, 3)} {ask}", "text"),
                (ask, "text"),
            ]
        )


# One run, each call of which takes a second


class Counting:
    """Answers by chance, a call in ``bad`` without sense, and counts what a server would bill."""

    model = endpoint = "m"
    concurrency = 10**6

    def __init__(self, seed: int, samples: int, bad: float) -> None:
        self.rng = random.Random(seed)
        self.samples = samples
        self.bad = bad
        self.calls = self.tokens_in = self.tokens_out = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        self.calls += samples
        self.tokens_in += sum(estimate(message.text) + MESSAGE_TOKENS for message in request.messages)
        await asyncio.sleep(1)
        texts = [self.answer(request) for _ in range(samples)]
        self.tokens_out += sum(map(estimate, texts))
        return Reply(tuple(Answer(text) for text in texts), Usage(1, 1))

    def answer(self, request: Request) -> str:
        if request.choices:
            return "zzz" if self.rng.random() < self.bad else self.rng.choices(request.choices, [4, 2, 1])[0]
        return " ".join(self.rng.choices("abcdefg", k=self.rng.randint(1, min(4, request.max_tokens or 4))))


def run_flow(flow: plan.Plan, inputs: dict[str, Json], provider: Counting) -> tuple[Outcome, float]:
    def functions(name: str, args: Any, tally: Any) -> Json:
        return FUNCTIONS[name].call(args, World(tally))

    async def whole() -> tuple[Outcome, float]:
        state = State(flow, inputs, Context({}, ModelValue("m", "m"), functions), window=10**6)
        outcome = await Scheduler(state, {"m": Endpoint(provider, Limiter(10**6))}, lambda event: None).run()
        return outcome, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(whole())


def check(seed: int, samples: int, bad: float, given_inputs: bool) -> None:
    rng = random.Random(seed)
    text = Writer(rng).flow()
    inputs = {
        "items": rng.choices(["a", "b", "c d e", ""], k=rng.randint(0, 4)),
        "p": "some words",
        "b": rng.random() < 0.5,
    }
    note(f"{text}\n{inputs!r}")
    flow = planned(text)
    found = estimate_plan(flow, inputs if given_inputs else {}, HERE, model="m", environ={})
    note(str({name: span(getattr(found, name)) for name in ("calls", "rounds", "tokens_in", "tokens_out")}))
    provider = Counting(seed, samples, bad)
    outcome, seconds = run_flow(flow, inputs, provider)
    whole = outcome.complete and not outcome.failures and not outcome.losses
    assert bad or whole
    for name, bound, real in (
        ("calls", found.calls, provider.calls),
        ("rounds", found.rounds, round(seconds)),
        ("tokens in", found.tokens_in, provider.tokens_in),
        ("tokens out", found.tokens_out, provider.tokens_out),
    ):
        assert bound.most is None or real <= bound.most, f"{name}: {real} are more than {bound.most}"
        assert not whole or bound.least <= real, f"{name}: {real} are less than {bound.least}"
    if given_inputs:
        assert found.calls.most is not None
        assert found.rounds.most is not None


SEEDS = st.integers(0, 2**32 - 1)
SAMPLES = st.sampled_from([1, 8])


@given(SEEDS, SAMPLES, st.booleans())
@QUICK
def test_a_run_lies_inside_the_bounds(seed: int, samples: int, given_inputs: bool) -> None:
    check(seed, samples, 0, given_inputs)


@given(SEEDS, SAMPLES, st.booleans())
@QUICK
def test_answers_that_are_asked_for_again_are_inside_too(seed: int, samples: int, given_inputs: bool) -> None:
    check(seed, samples, 0.3, given_inputs)


@pytest.mark.slow
@given(SEEDS, SAMPLES, st.sampled_from([0, 0, 0.1, 0.5]), st.booleans())
@settings(QUICK, max_examples=5000)
def test_many_runs_lie_inside_the_bounds(seed: int, samples: int, bad: float, given_inputs: bool) -> None:
    check(seed, samples, bad, given_inputs)


# Single cases, worked out by hand

LONG = " ".join(["word"] * 30)


def test_a_chain_of_asks_is_as_many_rounds() -> None:
    found = bounds('flow f() { a = ask "1" b = ask "2 {{ a }}" c = ask "3 {{ b }}" return c }')
    assert span(found.calls) == span(found.rounds) == (3, 9)


def test_lines_may_stand_in_any_order() -> None:
    found = bounds('flow f() { c = ask "3 {{ b }}" b = ask "2 {{ a }}" a = ask "1" return c }')
    assert span(found.rounds) == (3, 9)


def test_an_inner_step_that_waits_for_an_outer_one_lengthens_the_way() -> None:
    text = """flow f(xs: [text]) {
      first = ask "1" with retries: 0
      out = map x in xs {
        y = ask "a {{ x }}" with retries: 0
        ask "b {{ y }} {{ first }}" with retries: 0
      } reduce collect
      return out
    }"""
    assert span(bounds(text, xs=["p", "q"]).rounds) == (2, 2)
    assert span(bounds(text.replace('"a {{ x }}"', '"a {{ x }} {{ first }}"'), xs=["p"]).rounds) == (3, 3)


@pytest.mark.parametrize(
    ("vote", "calls", "rounds"),
    [
        ("repeat 3 { A } reduce majority", (2, 3), (1, 2)),
        ("repeat 5 { A } reduce majority", (3, 5), (1, 3)),
        ("repeat 5 { A } reduce majority with launch: latency", (3, 5), (1, 1)),
        ("repeat 5 { A } reduce majority with launch: together", (5, 5), (1, 1)),
        ("repeat 3..9 { A } reduce majority", (3, 9), (1, 7)),
        ("repeat 5 { A } reduce collect", (5, 15), (1, 3)),
        ("repeat 5 { A } reduce collect with concurrency: 2", (5, 15), (3, 9)),
    ],
)
def test_votes_go_in_batches(vote: str, calls: tuple[int, int], rounds: tuple[int, int]) -> None:
    vote = vote.replace("A", 'ask "?" -> aye | nay')
    found = bounds(f"flow f() {{ v = {vote} return v }}")
    assert (span(found.calls), span(found.rounds)) == (calls, rounds)


@pytest.mark.parametrize(
    ("leaves", "merges", "deep"), [(0, 0, 0), (1, 0, 0), (2, 1, 1), (3, 1, 1), (9, 4, 2), (10, 5, 3)]
)
def test_a_tree_has_a_level_for_each_power(leaves: int, merges: int, deep: int) -> None:
    text = 'flow f(xs: [text]) { o = map x in xs { x } reduce by 3 ask "{{ results }}" return o }'
    found = bounds(text, xs=["x"] * leaves)
    assert span(found.calls) == (merges, 3 * merges)
    assert span(found.rounds) == (deep, 3 * deep)


def test_prompts_are_exact_where_the_inputs_are_given() -> None:
    text = 'flow f(xs: [text]) { o = map x in xs { ask "Sum up: {{ x }}" with retries: 0 } reduce collect return o }'
    found = bounds(text, xs=["one", LONG, "three four"])
    expected = sum(estimate(f"Sum up: {x}") + MESSAGE_TOKENS for x in ("one", LONG, "three four"))
    assert span(found.tokens_in) == (expected, expected)
    assert found.inside[0].elements == 3
    assert span(found.inside[0].inside[0].tokens_in) == (
        estimate("Sum up: one") + MESSAGE_TOKENS,
        estimate(f"Sum up: {LONG}") + MESSAGE_TOKENS,
    )


def test_an_answer_enters_the_next_prompt() -> None:
    text = 'flow f() { a = ask "1" with max_tokens: 50, retries: 0 b = ask "{{ a }}" with retries: 0 return b }'
    second = bounds(text).inside[1]
    assert second.tokens_in.least <= MESSAGE_TOKENS + 1
    assert second.tokens_in.most is not None
    assert 50 <= second.tokens_in.most <= 60
    open_ended = bounds(text.replace("max_tokens: 50, ", ""))
    assert open_ended.tokens_in.most is None
    assert open_ended.tokens_in.why == "`a` sets no `max_tokens`"


def test_a_condition_that_is_known_decides() -> None:
    text = 'flow f(b: bool) { a = ask "1" when b return a }'
    assert span(bounds(text, b=True).calls) == (1, 3)
    assert span(bounds(text, b=False).calls) == (0, 0)
    assert span(bounds(text).calls) == (0, 3)


def test_a_model_that_stands_in_is_one_more_call() -> None:
    text = 'model m = "openai:a" else "gemini:b"\nflow f() { a = ask m "?" return a }'
    assert span(bounds(text).calls) == (1, 4)


def test_what_nothing_bounds_says_why() -> None:
    found = bounds('flow f(xs: [text]) { o = map x in xs { ask "{{ x }}" } reduce collect return o }')
    assert (found.calls.most, found.calls.why) == (None, "`xs` is not given")
    found = bounds('flow f() { l = ask "?" -> [text] o = map x in l { ask "{{ x }}" } reduce collect return o }')
    assert found.calls.most is None
    found = bounds(
        'flow f() budget 7 calls { l = ask "?" -> [text] o = map x in l { ask "{{ x }}" } reduce collect return o }'
    )
    assert span(found.calls) == (1, 7)
    assert found.rounds.most == 6


def test_nothing_to_go_through_is_nothing_to_pay() -> None:
    text = 'flow f(xs: [text]) { o = map x in xs { ask "{{ x }}" } reduce ask "{{ results }}" return o }'
    found = bounds(text, xs=[])
    assert span(found.calls) == span(found.tokens_in) == span(found.rounds) == (0, 0)


DOUBLING = 'flow f0(x: text) { a = ask "{{ x }}" return a }\n' + "\n".join(
    f"flow f{n}(x: text) {{ a = f{n - 1}(A) b = f{n - 1}(B) return a }}" for n in range(1, 31)
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x", "x"),
        ('text "{{ x }}a"', 'text "{{ x }}b"'),
        ('text "{{ x }} one"', 'text "{{ x }} two words"'),
        ("x", "a"),
    ],
)
def test_a_flow_is_worked_out_once_for_the_same_arguments(a: str, b: str) -> None:
    """Thirty flows that each call the one below twice: a billion calls, which nobody may count one by one."""
    found = bounds(DOUBLING.replace("(A)", f"({a})").replace("(B)", f"({b})"), x="hi")
    assert span(found.calls) == (2**30, 3 * 2**30)
    assert len(found.flows) == 30
    assert found.rounds.least == (2**30 if b == "a" else 1)


def test_flows_that_call_flows_may_go_deep() -> None:
    text = 'flow f0(x: text) { a = ask "{{ x }}" return a }\n' + "\n".join(
        f"flow f{n}(x: text) {{ a = f{n - 1}(x) return a }}" for n in range(1, 400)
    )
    assert span(bounds(text, x="hi").calls) == (1, 3)


def test_flows_that_call_flows_are_looked_through_a_few_times_however_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr("flowrun.dsl.bounds.bounds._walk", lambda steps: looked.append(steps) or list(steps))
    text = 'flow f0(x: text) { a = ask "{{ x }}" return a }\n' + "\n".join(
        f"flow f{n}(x: text) {{ a = f{n - 1}(x) return a }}" for n in range(1, 400)
    )
    bounds(text, x="hi")
    assert 0 < len(looked) < 5 * 400


def test_a_model_may_be_an_argument() -> None:
    text = """model fast = "openai:fast" with max_tokens: 10
    model slow = "openai:slow" with max_tokens: 1000
    flow g(m: model, x: text) { a = ask m "{{ x }}" with retries: 0 return a }
    flow f(x: text) { a = g(fast, x) b = g(slow, x) return [a, b] }"""
    assert span(bounds(text, x="hi").calls) == (2, 2)
    assert bounds(text, x="hi").tokens_out.most == 1010


def test_the_budget_of_a_called_flow_bounds_each_call_of_it() -> None:
    text = """flow part(xs: [text]) budget 5 calls { o = map x in xs { ask "{{ x }}" } reduce collect return o }
    flow f(xs: [text]) { a = part(xs) b = part(xs) return [a, b] }"""
    assert span(bounds(text).calls) == (0, 10)


def test_very_many_elements_are_taken_together() -> None:
    vote = 'repeat 3 { ask "{{ x }}" -> aye | nay } reduce majority'
    text = f"flow f(xs: [text]) {{ o = map x in xs {{ v = {vote} v }} reduce collect return o }}"
    found = bounds(text, xs=[f"mail {n}" for n in range(100_000)])
    assert span(found.calls) == (200_000, 300_000)
    assert found.tokens_in.most is not None


def test_a_file_that_cannot_be_read_is_told() -> None:
    with pytest.raises(InputError, match="there is no file"):
        bounds('flow f() { a = file("nowhere.md") b = ask "{{ a }}" return b }')


def test_files_outside_the_folder_are_not_read() -> None:
    with pytest.raises(InputError, match="outside the flow's folder"):
        bounds('flow f() { a = file("/etc/hostname") b = ask "{{ a }}" return b }')
