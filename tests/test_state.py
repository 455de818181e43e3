"""Failures, cancellation and votes: what is lost is exactly what depends on what failed, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import looptime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Call, Cancel, Decision, Finish, Launch, Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.errors import AnswerError, PermanentError, RefusedError, UsageError
from flowrun.runtime.vocabulary.tally import Tally

Json = Any
Script = Callable[[Request, int], Scripted | str]
QUICK = settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)


def state_of(text: str, inputs: dict[str, Json] | None = None) -> State:
    def functions(name: str, args: Any, tally: Any) -> Json:
        return FUNCTIONS[name].call(args, World(tally))

    flow = make_plan(check_flow(Source(text), catalog()))
    return State(flow, inputs or {}, Context({}, ModelValue("m", "m"), functions))


class Run:
    """A flow and a scripted provider, run in virtual time."""

    def __init__(
        self,
        text: str,
        script: Script | None,
        *,
        inputs: dict[str, Json] | None = None,
        limit: int = 64,
        **options: Any,
    ) -> None:
        self.state = state_of(text, inputs)
        self.provider: Any = ScriptedProvider(script or (lambda request, number: "x"), **options)
        self.limit = limit
        self.events: list[e.Event] = []
        self.publish: Callable[[e.Event], None] = self.events.append
        self.left: set[Any] = set()

    def go(self, cancel_at: float | None = None) -> Outcome:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            return runner.run(self._go(cancel_at))

    async def _go(self, cancel_at: float | None) -> Outcome:
        self.endpoint = Endpoint(self.provider, Limiter(self.limit))
        self.scheduler = Scheduler(self.state, {"m": self.endpoint}, self.publish)
        run = asyncio.ensure_future(self.scheduler.run())
        try:
            if cancel_at is not None:
                await asyncio.sleep(cancel_at)
                run.cancel()
            return await run
        finally:
            await self.endpoint.close()
            self.left = asyncio.all_tasks() - {asyncio.current_task(), run}
            self.seconds = asyncio.get_running_loop().time()

    @property
    def prompts(self) -> list[str]:
        return [request.messages[-1].text for request in self.provider.calls]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def by_prompt(replies: dict[str, str | Exception], seconds: float = 1.0) -> Script:
    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(next((value for key, value in replies.items() if key in prompt), "x"), seconds)  # type: ignore[arg-type]

    return script


BROKEN = PermanentError("the key is wrong")


# Steps that fail


def test_exactly_the_dependants_of_a_failed_step_are_skipped() -> None:
    run = Run(
        """flow f() {
          a = ask "a"
          b = ask "b {{ a }}"
          c = ask "c {{ b }}"
          d = chain { x = ask "d1" y = ask "d2 {{ x }} {{ b }}" }
          m = map e in ["1", "2"] { ask "m {{ e }} {{ b }}" } reduce collect with errors: skip
          n = repeat 3 { ask "n {{ c }}" -> aye | nay } reduce majority
          r = fanout { g = ask "g" h = ask "h" } reduce ask "r {{ g }} {{ h }} {{ b }}"
          s = ask "s" after b
          z = ask "z" when length(b) > 3
          free = ask "free {{ a }}"
          more = map e in ["1", "2"] { ask "more {{ e }} {{ free }}" } reduce collect
          return { a, b, c, d, m, n, r, s, z, free, more }
        }""",
        by_prompt({"b ": BROKEN}),
    )
    outcome = run.go()
    root = run.state._root
    assert set(root.values) == {"a", "free", "more"}
    assert set(root.failed) == {"b", "c", "d", "m", "n", "r", "s", "z"}
    assert sorted(run.prompts) == sorted(["a", "b x", "d1", "g", "h", "free x", "more 1 x", "more 2 x"])
    assert [(one.path, one.reason) for one in outcome.failures] == [("b", "the key is wrong")]
    assert not outcome.complete
    assert outcome.value is None
    assert not run.left


def test_what_a_failed_step_leaves_undecided_still_returns_where_it_is_not_needed() -> None:
    outcome = Run('flow f() { a = ask "a" b = ask "b" return b }', by_prompt({"a": BROKEN})).go()
    assert outcome.value == "x"
    assert outcome.complete
    assert [one.path for one in outcome.failures] == ["a"]


@pytest.mark.parametrize(
    "reduce", ["collect", "concat", "flatten", 'ask "r {{ results }}"', 'by 2 ask "t {{ results }}"']
)
@pytest.mark.parametrize("errors", ["fail", "skip", "none"])
def test_a_map_with_failed_elements(reduce: str, errors: str) -> None:
    answer = " -> [text]" if reduce == "flatten" else ""
    run = Run(
        f'flow f() {{ m = map e in ["1", "2", "3"] {{ ask "m {{{{ e }}}}"{answer} }} reduce {reduce} '
        f"with errors: {errors} return m }}",
        by_prompt({"m 2": BROKEN, "m": '["x"]' if answer else "x"}),
    )
    outcome = run.go()
    if errors == "fail":
        assert [(one.path, one.reason) for one in outcome.failures] == [("m[1].line 1", "the key is wrong")]
        assert not outcome.complete
        return
    assert outcome.failures == ()
    assert [one.path for one in outcome.losses] == ["m[1].line 1"]
    expected = {"collect": ["x", "x"], "concat": "x\n\nx", "flatten": ["x", "x"]}.get(reduce, "x")
    if (reduce, errors) == ("collect", "none"):
        expected = ["x", None, "x"]
    assert outcome.value == expected


@pytest.mark.parametrize("reduce", ['ask "r {{ results }}"', 'by 2 ask "t {{ results }}"'])
def test_a_map_without_any_element_left_tells_the_cause(reduce: str) -> None:
    run = Run(
        f'flow f() {{ m = map e in ["1", "2"] {{ ask "m {{{{ e }}}}" }} reduce {reduce} with errors: skip return m }}',
        by_prompt({"m": BROKEN}),
    )
    assert [one.reason for one in run.go().failures] == ["every element failed; the last: the key is wrong"]


def test_a_failed_element_takes_back_the_others() -> None:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(BROKEN, 1) if request.messages[0].text == "m 1" else Scripted("x", 100)

    run = Run(
        'flow f() { m = map e in ["1", "2", "3"] { chain { ask "m {{ e }}" } } reduce collect return m }',
        script,
        limit=2,
    )
    run.go()
    assert len(run.prompts) == 2
    assert len(run.of(e.RequestCancelled)) == 1
    assert run.seconds < 2
    assert not run.left


def test_a_block_that_has_failed_asks_for_no_merge() -> None:
    """Merges that wait for a step outside are not sent once an element has failed."""

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[0].text
        return {"3": Scripted(BROKEN, 2), "late": Scripted("x", 5)}.get(prompt, Scripted("x", 1))

    run = Run(
        'flow f() { late = ask "late" m = map e in ["1", "2", "3"] { ask "{{ e }}" } '
        'reduce by 2 ask "t {{ results }} {{ late }}" end = ask "end {{ late }}" return { m, end } }',
        script,
    )
    outcome = run.go()
    assert sorted(run.prompts) == ["1", "2", "3", "end x", "late"]
    assert [one.path for one in outcome.failures] == ["m[2].line 1"]


def test_a_merge_that_fails_fails_its_map() -> None:
    run = Run(
        'flow f() { m = map e in ["1", "2", "3", "4"] { ask "{{ e }}" } reduce by 2 ask "t {{ results }}" return m }',
        by_prompt({"t": BROKEN}),
    )
    assert [(one.path, one.reason) for one in run.go().failures] == [("m.reduce", "the key is wrong")]


def test_options_of_a_reducer_that_have_no_value_fail_the_step() -> None:
    run = Run(
        'flow f(n: int) { m = map e in ["1", "2"] { ask "{{ e }}" } '
        'reduce (ask "r {{ results }}" with temperature: 1 / n) return m }',
        None,
        inputs={"n": 0},
    )
    assert [one.reason for one in run.go().failures] == ["this divides by zero"]


def test_arguments_of_a_reducer_are_waited_for() -> None:
    run = Run(
        'flow f() { k = ask "k" -> 1..5 m = repeat 3 { ask "b" -> aye | nay } reduce majority(at_least: k) return m }',
        by_prompt({"k": "3", "b": "aye"}),
    )
    assert run.go().value == "aye"
    assert run.prompts == ["k", "b", "b", "b"]


@pytest.mark.parametrize("number", [0, -1])
def test_no_window_is_smaller_than_one(number: int) -> None:
    run = Run(
        'flow f(n: int) { m = map e in ["1"] { ask "{{ e }}" } reduce collect with concurrency: n return m }',
        None,
        inputs={"n": number},
    )
    assert [one.reason for one in run.go().failures] == [f"`concurrency` is 1 or more, and this is {number}"]


def test_nested_windows_of_one_do_not_deadlock() -> None:
    run = Run(
        """flow f() {
          m = map a in ["1", "2", "3"] {
            n = map b in ["1", "2"] {
              o = map c in ["1", "2"] { ask "{{ a }}{{ b }}{{ c }} {{ z }}" } reduce concat with concurrency: 1
            } reduce concat with concurrency: 1
          } reduce collect with concurrency: 1
          z = ask "z"
          return m
        }""",
        by_prompt({}, 1.0),
        limit=1,
    )
    assert run.go().value == ["x\n\nx\n\nx\n\nx"] * 3
    assert run.seconds == pytest.approx(13)


# Answers that are none


def test_a_malformed_answer_is_asked_again_and_counted() -> None:
    run = Run('flow f() { a = ask "a" -> 1..5 return a }', ["no idea", "9", "3"])  # type: ignore[arg-type]
    assert run.go().value == 3
    assert len(run.of(e.RequestFinished)) == 3


def test_a_malformed_answer_is_asked_again_only_so_often() -> None:
    run = Run('flow f() { a = ask "a" -> 1..5 with retries: 1 return a }', lambda request, number: "no idea")
    (failure,) = run.go().failures
    assert failure.reason.startswith('expected 1..5, and the answer is "no idea"')
    assert failure.reason.endswith("(2 times)")
    assert len(run.prompts) == 2


@pytest.mark.parametrize("body", ['ask "b" -> aye | nay', 'chain { x = "c" ask "b {{ x }}" -> aye | nay }'])
def test_a_malformed_ballot_is_discarded_and_spends_one(body: str) -> None:
    replies = iter(["what", "nay", "aye", "aye"])
    run = Run(
        f"flow f() {{ v = repeat 3 {{ {body} }} reduce majority return v }}", lambda request, number: next(replies)
    )
    outcome = run.go()
    assert outcome.value == "nay"
    assert outcome.tallies["v"] == Tally(
        "nay", (("nay", 1), ("aye", 1)), 3, 1, asked=3, counted=2, first="nay", of=2, values=("nay", "aye")
    )
    assert len(run.prompts) == 3


def test_a_vote_that_cannot_be_held_tells_its_cause() -> None:
    run = Run('flow f() { v = repeat 3 { ask "b" -> aye | nay } reduce majority return v }', by_prompt({"b": BROKEN}))
    (failure,) = run.go().failures
    assert failure.path == "v"
    assert failure.reason.startswith("the vote has 0 of 3 ballots")
    assert failure.reason.endswith("the last: the key is wrong")


def test_a_refused_request_is_sent_again_by_itself() -> None:
    replies = iter([RefusedError("busy"), RefusedError("busy"), "x"])
    run = Run('flow f() { a = ask "a" return a }', lambda request, number: Scripted(next(replies)))
    assert run.go().value == "x"
    assert len(run.of(e.RequestRetried)) == 2
    assert [event.number for event in run.of(e.RequestStarted)] == [1, 1, 1]


# Providers and listeners that go wrong


class NoStart(ScriptedProvider):
    def __init__(self, error: Exception, seconds: float = 1.0) -> None:
        super().__init__(lambda request, number: "x")
        self.error = error
        self.seconds = seconds
        self.closed = 0

    async def start(self) -> None:
        await asyncio.sleep(self.seconds)
        raise self.error

    async def close(self) -> None:
        self.closed += 1


def test_a_provider_that_does_not_start_fails_each_of_its_calls_once() -> None:
    run = Run('flow f() { a = ask "a" b = ask "b" c = ask "c {{ a }}" return { a, b, c } }', None)
    run.provider = NoStart(UsageError("there is no such model"))
    outcome = run.go()
    assert [(one.path, one.reason) for one in outcome.failures] == [
        ("a", "there is no such model"),
        ("b", "there is no such model"),
    ]
    assert run.provider.calls == []
    assert len(run.of(e.RequestStarted)) == len(run.of(e.RequestFailed)) == 0
    assert run.seconds == pytest.approx(1)


def test_a_start_that_is_still_running_ends_with_its_endpoint() -> None:
    run = Run('flow f() { a = ask "a" return a }', None)
    run.provider = NoStart(UsageError("never seen"), 100)
    with pytest.raises(asyncio.CancelledError):
        run.go(cancel_at=5)
    assert run.of(e.RequestCancelled) == []
    assert run.provider.closed == 1
    assert not run.left


class Flawed(ScriptedProvider):
    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        if len(self.calls) == 3:
            raise ZeroDivisionError("a bug")
        return await super().complete(request, samples)


def test_a_bug_in_a_provider_is_told_of_and_fails_its_calls_alone() -> None:
    run = Run(
        'flow f() { m = map e in ["1", "2", "3", "4", "5"] { ask "{{ e }}" } reduce collect with errors: skip '
        "return m }",
        None,
        limit=2,
    )
    run.provider = Flawed(lambda request, number: Scripted("x", 1 + number))
    outcome = run.go()
    assert outcome.value == ["x"] * 3
    assert len(outcome.losses) == 2
    assert all("its provider failed (ZeroDivisionError: a bug" in loss.reason for loss in outcome.losses)
    assert not run.left
    assert not run.scheduler.busy


@pytest.mark.parametrize(
    "kind", [e.RunStarted, e.StepStarted, e.RequestStarted, e.RequestFinished, e.StepFinished, e.ElementFinished]
)
@pytest.mark.parametrize("error", [KeyError("listener"), UsageError("listener")])
def test_a_listener_that_fails_ends_the_run(kind: type, error: Exception) -> None:
    run = Run(
        'flow f() { m = map e in ["1", "2", "3", "4"] { s = ask "{{ e }}" } reduce collect return m }',
        by_prompt({}),
        limit=2,
    )
    seen = 0

    def publish(event: e.Event) -> None:
        nonlocal seen
        seen += isinstance(event, kind)
        if isinstance(event, kind) and seen == (1 if kind is e.RunStarted else 2):
            raise error

    run.publish = publish
    with pytest.raises(type(error), match="listener"):
        run.go()
    assert not run.left
    assert not run.scheduler.busy


# Cancelling


@given(st.integers(0, 80), st.integers(1, 5), st.integers(1, 3))
@QUICK
def test_cancelling_leaves_nothing_running(tenths: int, limit: int, samples: int) -> None:
    run = Run(
        """flow f() {
          a = ask "a"
          m = map e in ["1", "2", "3", "4", "5"] {
            v = repeat 3..7 { ask "v {{ e }}" -> aye | nay } reduce majority
            w = ask "w {{ e }} {{ a }} {{ v }}"
          } reduce by 2 ask "t {{ results }}" with concurrency: 3
          return m
        }""",
        lambda request, number: Scripted(("aye", "nay")[number % 2] if request.choices else "x", 0.25 + number % 3 / 2),
        limit=limit,
        samples=samples,
    )
    try:
        run.go(cancel_at=tenths / 10)
    except asyncio.CancelledError:
        started = len(run.of(e.RequestStarted))
        ended = sum(len(run.of(kind)) for kind in (e.RequestFinished, e.RequestFailed, e.RequestCancelled))
        assert started == ended
        assert run.seconds == pytest.approx(tenths / 10, abs=1e-3)
    assert run.provider.open == 0
    assert run.endpoint.limiter.active == 0
    assert not run.left
    assert not run.scheduler.busy


# Votes: stopping early changes nothing

WORDS = ("aye", "nay", "none of it")
BALLOTS = st.lists(st.sampled_from([*WORDS, "no answer at all"]), min_size=1, max_size=9)


def vote(text: str, ballots: Sequence[str], rng: random.Random) -> tuple[Outcome, int, int]:
    """Runs a vote by hand: ballots by their sample, in a random order of arrival. Gives the outcome, the number of
    answers that were used, and of calls that were taken back."""
    state = state_of(text)
    flying: list[tuple[int, int]] = []
    answered = cancelled = 0

    def take(decisions: list[Decision]) -> Outcome | None:
        nonlocal cancelled
        for decision in decisions:
            match decision:
                case Launch(Call(number, path)):
                    flying.append((number, int(path.split("[")[1].split("]")[0])))
                case Cancel(number):
                    cancelled += 1
                    flying[:] = [one for one in flying if one[0] != number]
                case Finish(outcome):
                    return outcome
        return None

    outcome = take(state.begin())
    while outcome is None:
        number, index = flying.pop(rng.randrange(len(flying)))
        answered += 1
        if ballots[index] == "broken":
            outcome = take(state.failed(number, PermanentError("broken")))
        else:
            outcome = take(state.answered(number, Answer(ballots[index])))
    assert flying == []
    assert not state._calls._pending
    return outcome, answered, cancelled


def repeat(count: str, launch: str, rule: str = "majority") -> str:
    options = f" with launch: {launch}" if launch else ""
    return (
        f'flow f() {{ v = repeat {count} {{ ask "?" -> aye | nay | "none of it" }} reduce {rule}{options} return v }}'
    )


@given(BALLOTS, st.integers(0, 2**32), st.sampled_from(["", "(at_least: 2)", "(ties: error)", "(at_least: 4)"]))
@settings(QUICK, max_examples=400)
def test_stopping_early_gives_the_winner_of_all(ballots: list[str], seed: int, args: str) -> None:
    rng = random.Random(seed)
    count = str(len(ballots))
    if args.startswith("(at_least") and int(args[-2]) > len(ballots):
        args = f"(at_least: {count})"
    full, used, _ = vote(repeat(count, "together", "majority" + args), ballots, rng)
    assert used == len(ballots)
    outcomes = [vote(repeat(count, launch, "majority" + args), ballots, rng) for launch in ("cost", "cost", "latency")]
    for outcome, _, _ in outcomes:
        assert outcome.value == full.value
        assert outcome.complete == full.complete
    first, second, _ = outcomes
    # By cost no ballot is asked for that could be wasted, so nothing depends on the order of arrival.
    assert first[1:] == second[1:]
    assert first[2] == 0
    assert first[0].tallies == second[0].tallies


@given(st.lists(st.sampled_from([*WORDS, "??", "broken"]), min_size=12, max_size=12), st.integers(0, 2**32))
@QUICK
def test_an_adaptive_vote_does_not_depend_on_the_order_of_arrival(ballots: list[str], seed: int) -> None:
    rng = random.Random(seed)
    first, again = (vote(repeat("3..12", ""), ballots, rng) for _ in range(2))
    assert first[0].tallies == again[0].tallies
    assert first[0].value == again[0].value
    assert first[1:] == again[1:]
    assert first[1] >= 3


class Stingy(ScriptedProvider):
    """Gives fewer answers than it is asked for, one at least."""

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        reply = await super().complete(request, samples)
        return Reply(reply.answers[: max(1, samples - 2)], reply.usage)


@given(BALLOTS, st.integers(1, 8), st.integers(1, 4), st.booleans(), st.sampled_from(["cost", "latency", "together"]))
@QUICK
def test_batched_samples_make_the_same_vote(
    ballots: list[str], samples: int, limit: int, stingy: bool, launch: str
) -> None:
    most = len(ballots)
    run = Run(repeat(str(most), launch), None, limit=limit)
    kind = Stingy if stingy else ScriptedProvider
    run.provider = kind(lambda request, number: Scripted(ballots[number % most], 1.0), samples=samples)
    outcome = run.go()
    used = most
    if outcome.complete:
        tally = outcome.tallies["v"]
        used = tally.counted + tally.discarded
        first, second = ([count for _, count in tally.ballots] + [0])[:2]
        assert dict(tally.ballots)[outcome.value] == first
        assert used == most or (used < most and first - second > most - used)
    if not stingy:
        assert len(run.provider.calls) <= most
    if launch == "together":
        assert used == most
        assert stingy or len(run.of(e.RequestStarted)) == -(-most // samples)
    assert not run.left


def test_answers_that_nobody_needs_any_more_are_not_asked_for() -> None:
    run = Run(repeat("5", "latency").replace("return v", 'other = ask "other" return v'), None)
    run.provider = Stingy(lambda request, number: Scripted("aye", 1 if request.choices else 9), samples=5)
    assert run.go().value == "aye"
    assert sorted(event.calls for event in run.of(e.RequestStarted)) == [1, 5]


def test_a_decided_vote_gives_its_places_back() -> None:
    run = Run(
        """flow f() {
          v = repeat 3 { ask "v" -> aye | nay } reduce majority with launch: latency
          m = map e in ["1", "2", "3"] { ask "m {{ e }} {{ v }}" } reduce collect
          return m
        }""",
        lambda request, number: Scripted("aye", 1 if number else 100),
        limit=3,
    )
    assert run.go().value == ["aye"] * 3
    assert run.seconds == pytest.approx(2)
    assert len(run.of(e.RequestCancelled)) == 1


def test_a_reply_without_answers_is_no_answer() -> None:
    class Mute(ScriptedProvider):
        async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
            await super().complete(request, samples)
            return Reply(())

    run = Run('flow f() { a = ask "a" return a }', None)
    run.provider = Mute(lambda request, number: "x")
    (failure,) = run.go().failures
    assert isinstance(failure.error, AnswerError)
    assert failure.reason == "the reply holds no answer (3 times)"
    assert not run.scheduler.busy


def test_samples_differ_by_their_seed_wherever_the_ask_stands() -> None:
    run = Run(
        """flow f() {
          v = repeat 2 {
            c = chain { x = ask "x" with seed: 10 }
            w = repeat 3 { ask "w" -> aye | nay with seed: 100 } reduce collect
            m = map e in ["1"] { ask "{{ e }}" with seed: 20 } reduce (ask "r {{ results }}" with seed: 30)
          } reduce collect
          return v
        }""",
        lambda request, number: "aye",
    )
    run.go()
    assert sorted(request.seed for request in run.provider.calls if request.seed is not None) == [
        10, 11, 20, 21, 30, 31, 100, 101, 102, 103, 104, 105,
    ]  # fmt: skip


def test_a_huge_repeat_opens_only_some_of_its_bodies() -> None:
    state = state_of('flow f() { a = repeat 1000000 { ask "x" } reduce collect with launch: "together"\n return a }')
    assert sum(isinstance(one, Launch) for one in state.begin()) == 1024


@pytest.mark.parametrize("option", ["max_tokens: n", "temperature: n", "retries: n"])
def test_a_computed_option_keeps_its_bounds(option: str) -> None:
    state = state_of(f'flow f(n: int) {{ a = ask "x" with {option}\n return a }}', {"n": -3})
    (end,) = [one for one in state.begin() if isinstance(one, Finish)]
    name = option.partition(":")[0]
    assert end.outcome.failures[0].reason.startswith(f"`{name}` takes a number ")
    assert end.outcome.failures[0].reason.endswith("and this is -3")


def test_a_vote_on_an_empty_list_says_so() -> None:
    text = 'flow f(rows: [text]) { a = map row in rows { ask "{{ row }}" -> "a" | "b" } reduce majority\n return a }'
    (end,) = [one for one in state_of(text, {"rows": []}).begin() if isinstance(one, Finish)]
    assert end.outcome.failures[0].reason == "there is nothing to vote on: the list is empty"
