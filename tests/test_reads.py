"""Reads are decisions: the engine asks for them, goes on in the same order, and forgets what nobody waits for."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping
from typing import Any, cast

import looptime
import pytest

from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine import reads
from flowrun.runtime.engine.decisions import CancelRead, Finish, Launch, Outcome, Read
from flowrun.runtime.engine.frames import Frame, FrameLayout
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import InputError, PermanentError, StoppedError
from support.state_runs import state_of

Json = Any
LONG = "".join(f"line {number} of a long text\n" for number in range(1000))
FILES: dict[str, Json] = {"a": "alpha", "b": "beta", "no": "no", "yes": "yes", "long": LONG, "l": ["a", "no", "b"]}


def read_now(function: str, args: Mapping[str, Json], tally: Any = None) -> Json:
    """Do a read from ``FILES``, and call any other function."""
    if not FUNCTIONS[function].spec.reads:
        return FUNCTIONS[function].call(args, World(tally))
    if args["path"] not in FILES:
        raise InputError(f"there is no file `{args['path']}`")
    return FILES[args["path"]]


class Reader:
    """A reader that takes ``seconds`` for each read. A read of a path in ``slow`` says that it will take long."""

    def __init__(self, seconds: float = 0, slow: str = "") -> None:
        self.seconds = seconds
        self.slow = slow
        self.read: list[str] = []
        self.cancelled: list[str] = []
        self.cancelled_at = 0.0

    async def __call__(self, function: str, args: Mapping[str, Json], slow: Callable[[], None]) -> Json:
        name = function if function == "split" else args["path"]
        self.read.append(name)
        try:
            if name in self.slow.split():
                slow()
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            self.cancelled_at = asyncio.get_running_loop().time()
            raise
        return read_now(function, args)


class Ran:
    """A run of a flow in virtual time, where each answer takes a second and repeats its question."""

    def __init__(self, text: str, reader: Reader | None = None, stop_at: float | None = None, **inputs: Json) -> None:
        self.state = state_of(text, inputs)
        self.reader = reader or Reader()
        self.events: list[e.Event] = []
        self.provider = ScriptedProvider(self.answer)
        self.seconds = 0.0
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            self.outcome: Outcome = runner.run(self.go(stop_at))

    def answer(self, request: Request, number: int) -> Scripted:
        said = request.messages[-1].text
        if request.choices:
            return Scripted(request.choices[0], 1)
        return Scripted(said, 1)

    async def go(self, stop_at: float | None) -> Outcome:
        endpoint = Endpoint(self.provider, Limiter(8))
        scheduler = Scheduler(
            self.state, {"m": endpoint}, self.events.append, call_extern=self.extern, do_read=self.reader
        )
        if stop_at is not None:
            asyncio.get_running_loop().call_later(stop_at, scheduler.stop, StoppedError(2))
        outcome = await scheduler.run()
        await endpoint.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        self.seconds = asyncio.get_running_loop().time()
        return outcome

    async def extern(self, name: str, args: Mapping[str, Json]) -> Json:
        return str(dict(args))

    @property
    def prompts(self) -> list[str]:
        return [request.messages[-1].text for request in self.provider.calls]

    def of(self, kind: type) -> list[str]:
        return [cast(Any, event).path for event in self.events if isinstance(event, kind)]


EVERYWHERE = {
    "a value": 'flow f() { x = file("a") y = ask "one" z = ask "{{ x }}" return [y, z] }',
    "two in one": 'flow f() { x = [file("a"), file("b"), file("a")] y = ask "{{ x }}" return y }',
    "a condition": 'flow f() { x = ask "{{ 1 }}" when file("yes") == "yes" else "-" return x }',
    "an else": 'flow f() { x = ask "{{ 1 }}" when file("a") == "yes" else file("b") return x }',
    "no more than needed": 'flow f() { x = file("yes") == "yes" or file("missing") == "a" return x }',
    "a list": 'flow f() { x = map n in lines("l") at most 5 { ask "{{ n }}" } reduce collect return x }',
    "a choice of elements": 'flow f() { x = map n in lines("l") where file(n) != "no" { ask "{{ n }}" } '
    "reduce collect return x }",
    "bodies": 'flow f() { x = map n in ["a", "b"] { t = file(n) ask "{{ t }}" } reduce collect return x }',
    "samples": 'flow f() { x = repeat 3 { t = file("a") ask "{{ t }}" -> yes | no } reduce majority return x }',
    "branches": 'flow f() { x = fanout { one = file("a") two = ask "two" three = file("b") } reduce collect return x }',
    "an option": 'flow f() { x = ask "one" with max_tokens: length(file("a")) return x }',
    "an option of a block": 'flow f() { x = map n in [1, 2, 3] { ask "{{ n }}" } '
    'reduce collect with concurrency: length(file("no")) return x }',
    "an argument of a rule": 'flow f() { x = map n in ["1", "2"] { ask "{{ n }}" } '
    'reduce concat(separator: file("a")) return x }',
    "a reducer's ask": 'flow f() { x = map n in ["1", "2"] { ask "{{ n }}" } '
    'reduce (ask "{{ results }}" with max_tokens: length(file("a"))) return x }',
    "a fold": 'flow f() { x = map n in ["1", "2"] { ask "{{ n }}" } '
    'reduce fold(from: file("a")) ask "{{ so_far }}{{ next }}" return x }',
    "a tree": 'flow f() { x = map n in ["1", "2", "3", "4"] { ask "{{ n }}" } '
    'reduce (by length(file("no")) ask "{{ results }}" with max_tokens: length(file("a"))) return x }',
    "an extern": 'extern g(t: text, u: text = file("b")) -> text from "m:g" flow f() { x = g(t: file("a")) return x }',
    "an extern that reduces": 'extern g(results: [text], t: text) -> text from "m:g" '
    'flow f() { x = map n in ["1"] { ask "{{ n }}" } reduce g(t: file("a")) return x }',
    "a called flow": 'flow g(t: text, u: text = file("b")) { y = ask "{{ t }}{{ u }}" return y + file("no") } '
    'flow f() { x = map n in ["a", "b"] { g(t: file(n)) } reduce collect return x }',
    "a default": 'flow f(t: text = file("a")) { x = ask "{{ t }}" return x }',
    "the result": 'flow f() { x = ask "one" return { x, y: file("a") } }',
    "behind an answer": 'flow f() { x = ask "a" y = file(x) z = ask "{{ y }}" return z }',
    "elements as they come": 'flow f() { x = map n in ["a", "no", "b", "yes"] { ask "{{ n }}" } reduce collect '
    'y = map n in x where file(n) != "no" { ask "{{ n }}!" } reduce collect return y }',
    "a long text": 'flow f() { x = split(file("long"), by: line) return length(x) }',
    "a file that is not there": 'flow f() { x = ask "one" y = file("missing") z = ask "{{ y }}" return [x, z] }',
    "a lost element": 'flow f() { x = map n in ["a", "missing", "b"] { t = file(n) ask "{{ t }}" } '
    "reduce collect with errors: skip return x }",
    "elements that fail": 'flow f() { x = map n in ["a", "missing"] { t = file(n) ask "{{ t }}" } '
    "reduce collect return x }",
    "a default that fails": 'flow f(t: text = file("missing")) { x = ask "{{ t }}" return x }',
    "a result that fails": 'flow f() { x = ask "one" return { x, y: file("missing") } }',
}


def by_words(ran: Ran) -> list[str]:
    return sorted(map(str, ran.events))


@pytest.mark.parametrize("slow", ["", " ".join((*FILES, "missing", "split"))], ids=["quick", "slow"])
@pytest.mark.parametrize("flow", EVERYWHERE.values(), ids=EVERYWHERE)
def test_a_read_changes_nothing_but_the_time(flow: str, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Ran(flow, Reader(slow=slow))
    longer = Ran(flow, Reader(seconds=0.25, slow=slow))
    assert read.reader.read
    with monkeypatch.context() as patch:
        patch.setattr(reads, "is_read", lambda function, args: False)
        patch.setattr("support.harness.World", lambda tally: World(tally, read_now))
        whole = Ran(flow)
    assert not whole.reader.read
    for one in (read, longer):
        assert (one.outcome.value, one.outcome.status) == (whole.outcome.value, whole.outcome.status)
        assert [str(failure) for failure in one.outcome.failures] == [
            str(failure) for failure in whole.outcome.failures
        ]
        assert sorted(one.prompts) == sorted(whole.prompts)
    if not slow:
        assert read.prompts == whole.prompts
        # Elements that come from a list in the making are told of behind the events of the answer that made them.
        exact = flow != EVERYWHERE["elements as they come"]
        assert (read.events if exact else by_words(read)) == (whole.events if exact else by_words(whole))


def test_a_read_that_fails_at_the_start_costs_nothing() -> None:
    for slow in ("", "missing"):
        ran = Ran('flow f() { x = ask "one" y = file("missing") return [x, y] }', Reader(3, slow))
        assert ran.prompts == []
        assert ran.outcome.status == "failed"
        assert ran.seconds == 3


def test_the_start_waits_for_its_reads() -> None:
    ran = Ran('flow f() { x = ask "one" y = file("a") z = file("b") return [x, y, z] }', Reader(3, "a b"))
    assert ran.outcome.value == ["one", "alpha", "beta"]
    assert ran.reader.read == ["a", "b"]
    assert ran.seconds == 7


LATER = 'flow f() { q = ask "a" y = file(q) z = ask "{{ q }}!" w = ask "{{ z }}!" return [y, w] }'


def test_a_slow_read_holds_nothing_but_its_step() -> None:
    ran = Ran(LATER, Reader(10, "a"))
    assert ran.outcome.value == ["alpha", "a!!"]
    assert ran.of(e.StepFinished) == ["q", "z", "w", "y"]
    assert ran.seconds == 11


def test_a_quick_read_holds_the_engine_and_keeps_the_order() -> None:
    ran = Ran(LATER, Reader(10))
    assert ran.outcome.value == ["alpha", "a!!"]
    assert ran.of(e.StepFinished) == ["q", "y", "z", "w"]
    assert ran.seconds == 13


def test_answers_that_come_while_the_engine_is_held_are_taken_afterwards() -> None:
    ran = Ran(
        'flow f() { q = ask "a" y = file(q) p = chain { s = ask "1" ask "{{ s }}2" } return [y, p] }', Reader(1.5)
    )
    assert ran.outcome.value == ["alpha", "12"]
    assert ran.of(e.StepFinished)[:2] == ["q", "y"]


@pytest.mark.parametrize(
    "flow",
    [
        'flow f() { x = fanout { one = chain { q = ask "a" file(q) } two = chain { t = ask "b" ask "{{ t }}" } } '
        "reduce first return x }",
        'flow f() { x = chain { q = ask "a" t = file(q) ask "{{ t }}" } with timeout: 5s return x }',
        'flow f() { x = fanout { one = chain { q = ask "a" file(q) } two = chain { q = ask "b" ask "fail {{ q }}" } } '
        "reduce collect return x }",
        'flow g(n: text) { return file(n) } flow f() { x = map n in ["1", "2"] { q = ask "a" g(n: q) } reduce collect '
        "with timeout: 5s return x }",
        'flow f() { x = map n in ["1"] { ask "{{ n }}" } '
        'reduce (ask "{{ results }}" with max_tokens: length(file("a"))) '
        "with timeout: 5s return x }",
    ],
    ids=["another is first", "a timeout", "another fails", "a called flow", "a reducer"],
)
def test_a_read_that_nobody_waits_for_is_cancelled(flow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(100, "a")
    usual = Ran.answer

    def answer(self: Ran, request: Request, number: int) -> Scripted:
        if request.messages[-1].text.startswith("fail"):
            return Scripted(PermanentError("the key is wrong"), 1)
        if request.messages[-1].text == "long":
            return Scripted("long", 30)
        return usual(self, request, number)

    monkeypatch.setattr(Ran, "answer", answer)
    before, _, after = flow.rpartition(" return x")
    ran = Ran(f'{before} long = ask "long" return [x, long]{after}', reader)
    assert reader.read == reader.cancelled == ["a"]
    assert reader.cancelled_at < 10
    assert ran.seconds == 30


def test_equal_reads_that_are_out_are_one() -> None:
    reader = Reader(5, "b")
    ran = Ran('flow f() { x = map n in [1, 2, 3] { q = ask "b" file(q) } reduce collect return x }', reader)
    assert ran.outcome.value == ["beta"] * 3
    assert reader.read == ["b"]


def test_one_of_those_that_wait_for_a_read_may_leave() -> None:
    reader = Reader(5, "b")
    ran = Ran(
        'flow f() { x = fanout { one = chain { q = ask "b" file(q) } two = chain { t = ask "1" ask "{{ t }}" } } '
        'reduce first y = chain { q = ask "b" file(q) } return [x, y] }',
        reader,
    )
    assert ran.outcome.value == ["1", "beta"]
    assert (reader.read, reader.cancelled) == (["b"], [])


@pytest.mark.parametrize(("stop_at", "left"), [(0.5, {}), (1.5, {"q": "a"})], ids=["at the start", "later"])
def test_a_run_is_stopped_while_a_read_is_out(stop_at: float, left: dict[str, Json]) -> None:
    start = 'file("a") ' if not left else '"" '
    ran = Ran(f'flow f() {{ s = {start} q = ask "a" after s y = file(q) return [s, y] }}', Reader(100), stop_at)
    assert ran.outcome.status == "stopped"
    assert ran.reader.cancelled == ["a"]
    assert {"q": "a"}.items() <= ran.outcome.steps.items() if left else "q" not in ran.outcome.steps
    assert ran.events[0] == e.RunStarted("f", 3)


def test_the_decisions_of_a_held_engine_are_reads_alone() -> None:
    state = state_of('flow f() { x = ask "one" y = file("a") z = ask "{{ y }}" return [x, z] }')
    (read,) = state.begin()
    assert read == Read(1, "file", {"path": "a"})
    assert state.holding
    launched = state.read(1, "alpha")
    assert [type(one) for one in launched] == [Launch, Launch]
    assert not state.holding
    # An answer that comes late changes nothing.
    assert state.read(1, "again") == []


def test_a_read_that_fails_at_the_start_takes_back_all_decisions() -> None:
    state = state_of('flow f() { x = ask "one" y = file("a") return [x, y] }')
    assert [type(one) for one in state.begin()] == [Read]
    (finish,) = state.read(1, InputError("there is no file `a`"))
    assert isinstance(finish, Finish)
    assert str(finish.outcome.failures[0].error) == "there is no file `a`"


def test_work_that_waited_goes_on_in_its_order() -> None:
    table = reads.Reads(read_now, [], [])
    owner = Frame(FrameLayout((), None), None)
    done: list[str] = []
    for name in ("a", "b", "a"):
        table.attempt(owner, lambda name=name: done.append(table.call("file", {"path": name}, lambda vote: None)))  # type: ignore[misc]
    assert [one.number for one in table.new if isinstance(one, Read)] == [1, 2]
    for number, name in ((2, "b"), (1, "a")):
        assert table.holding
        table.over(number, name)
    assert not table.holding
    while table.work:
        table.work.popleft()()
    assert done == ["a", "a", "b"]


def test_a_cancelled_read_is_told_and_its_value_is_dropped() -> None:
    state = state_of(
        'flow f() { x = fanout { one = chain { q = ask "a" file(q) } two = ask "b" } reduce first return x }'
    )
    second, first = (one.call.number for one in state.begin() if isinstance(one, Launch))
    assert state.answered(first, Answer("a")) == [Read(1, "file", {"path": "a"})]
    assert state.slow(1) == []
    cancelled, finish = state.answered(second, Answer("b"))
    assert cancelled == CancelRead(1)
    assert isinstance(finish, Finish)
    assert state.read(1, "alpha") == []


def test_the_files_of_a_condition_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # What other runs left behind does not count.
    gc.collect()
    most = 0

    def kept() -> None:
        nonlocal most
        most = max(most, sum(isinstance(one, reads._Done) for one in gc.get_objects()))

    monkeypatch.setattr(Reader, "__call__", _counting(kept, Reader.__call__))
    names = [f"n{number}" for number in range(40)]
    monkeypatch.setattr(f"{__name__}.FILES", dict.fromkeys(names, "no"))
    ran = Ran(
        'flow f(names: [text]) { x = map n in names where file(n) != "no" { n } reduce collect return x }', names=names
    )
    assert ran.outcome.value == []
    assert ran.reader.read == names
    assert most <= 2


def _counting(count: Callable[[], None], call: Any) -> Any:
    async def counted(self: Reader, *given: Any) -> Json:
        count()
        return await call(self, *given)

    return counted


def test_a_long_text_is_split_by_a_read_also_without_a_file() -> None:
    ran = Ran("flow f(t: text) { x = split(t, by: line) return length(x) }", t=LONG)
    assert ran.outcome.value == 1000
    assert ran.reader.read == ["split"]
