"""Runs that are killed in the middle of a budget over votes, and resumed with more: nothing is bought twice."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun import Budget
from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call import Request
from support.few_cases import few
from support.journaled_runs import in_virtual_time, steady
from support.place import Place, announced, place
from support.written import read_journal

Key = tuple[str, int | None]
ASK = 'ask m "{{ q }}" -> a | b | c with seed: 1'
BODIES = {
    "ahead": f"repeat 1..9 {{ {ASK} }} reduce ahead(2, undecided: first)",
    "none": f"repeat 1..9 {{ {ASK} }} reduce ahead(3, undecided: none)",
    "fails": f"repeat 1..9 {{ {ASK} }} reduce ahead(2)",
    "majority": f"repeat 5 {{ {ASK} }} reduce majority(undecided: first)",
    "risk": f"repeat 1..9 {{ {ASK} }} reduce majority(risk: 0.2, undecided: first)",
    "window": f"repeat 1..9 {{ {ASK} }} reduce window(2, undecided: none)",
    "nested": 'map z in ["x", "y"] { repeat 1..5 { ask m "{{ q }} {{ z }}" -> a | b | c with seed: 1 } '
    "reduce ahead(2, undecided: first) } reduce collect",
    "panel": 'repeat 1..9 over z in ["x", "y"] { ask m "{{ q }} {{ z }}" -> a | b | c with seed: 1 } '
    "reduce ahead(2, undecided: first)",
    "two": f"repeat 1..5 {{ both = fanout {{ x = {ASK}  y = {ASK.replace('q }}', 'q }}!')} }} reduce collect "
    "both.x } reduce ahead(2, undecided: first)",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


def flow(body: str, places: int, options: str = "") -> str:
    return (
        f'model m = "openai:m" with concurrency: {places}\n'
        f"flow f(qs: [text]) {{ r = map q in qs {{ {BODIES[body]} }} reduce collect{options} return r }}"
    )


class Shop:
    """A model whose answer depends on the prompt and the seed alone; it takes another time in each run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.sent: list[Key] = []
        self.done: set[Key] = set()

    def run(self, text: str, size: int, path: Path | None, budget: int | None, **kill: Any) -> Result:
        plan = make_plan(check_flow(Source(text), catalog()))
        inputs = {"qs": [f"q{one}" for one in range(size)]}
        return in_virtual_time(
            self._killed(run_async(plan, inputs, options=self._options(budget, journal=path)), **kill)
        )

    def resume(self, path: Path, budget: int | None, **kill: Any) -> Result:
        return in_virtual_time(self._killed(resume_async("last", path, options=self._options(budget)), **kill))

    def _options(self, budget: int | None, **given: Any) -> RunOptions:
        limit = None if budget is None else Budget(budget, None)
        return RunOptions(opener=lambda model, around: self._provider(), budget=limit, **given)

    async def _killed(
        self, work: Coroutine[Any, Any, Result], at: float = 0, copy: tuple[Path, Path] | None = None
    ) -> Result:
        """Run, and copy the journal after so many seconds: it is then that of a run that was killed."""

        def make() -> None:
            assert copy is not None
            with closing(sqlite3.connect(copy[0])) as source, closing(sqlite3.connect(copy[1])) as target:
                source.backup(target)
            self.killed = len(self.sent), set(self.done)

        if copy is not None:
            asyncio.get_running_loop().call_later(at, make)
        return await work

    def _provider(self) -> Any:
        times = random.Random(f"{self.seed} {len(self.sent)}")

        def script(request: Request, number: int) -> Scripted:
            key = request.messages[-1].text, request.seed
            return Scripted(random.Random(f"{self.seed} {key}").choice("aaabc"), 0.5 + times.random())

        provider = ScriptedProvider(script)
        complete = provider.complete

        async def listened(request: Request, samples: int = 1, idempotency_key: str = "") -> Any:
            key = request.messages[-1].text, request.seed
            self.sent.append(key)
            reply = await complete(request, samples, idempotency_key)
            self.done.add(key)
            return reply

        provider.complete = listened  # type: ignore[method-assign]
        return provider


@pytest.mark.parametrize("body", few(list(BODIES), "ahead", "nested"))
@given(
    size=st.integers(1, 6),
    budget=st.integers(4, 30),
    more=st.integers(0, 30),
    places=st.sampled_from([1, 3, 64]),
    options=st.sampled_from(["", " with concurrency: 2"]),
    seed=st.integers(0, 999),
    part=st.floats(0.02, 0.98),
)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_run_that_is_killed_and_gets_more_money_buys_nothing_twice(
    body: str, size: int, budget: int, more: int, places: int, options: str, seed: int, part: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("run")
    text, path, copy = flow(body, places, options), folder / "journal.db", folder / "killed.db"
    # The time of the whole run tells when it can be killed.
    seconds = Shop(seed).run(text, size, folder / "timed.db", budget).summary.seconds
    shop = Shop(seed)
    shop.run(text, size, path, budget, at=part * seconds, copy=(path, copy))
    sent, answered = shop.killed
    first = shop.sent[:sent]
    doubts = Counter(first) - Counter(answered)
    shop.sent, shop.done = [], set()

    larger = budget + more
    resumed = shop.resume(copy, larger)
    assert sent + len(shop.sent) <= larger
    assert not answered & set(shop.sent)
    assert max(Counter(shop.sent).values(), default=0) <= 1
    assert all(count <= 1 + (key in doubts) for key, count in Counter(first + shop.sent).items())

    at_once = Shop(seed).run(text, size, folder / "once.db", larger)
    for name, tally in resumed.tallies.items():
        other = at_once.tallies.get(name)
        if other is not None and tally.settled and other.settled:
            assert (tally.winner, tally.ballots, tally.counted) == (other.winner, other.ballots, other.counted)

    free = Shop(seed)
    whole = free.run(text, size, folder / "free.db", None)
    last = shop.resume(copy, 1000)
    assert last.status == "done"
    assert last.value == whole.value
    assert last.tallies == whole.tallies
    assert set(first + shop.sent) == set(free.sent)
    assert max(Counter(shop.sent).values(), default=0) <= 1


SHORT = """
model m = "openai:x" with concurrency: 4, temperature: 0.5
flow short(items: [text]) {
  kinds = map item in items {
    repeat 1..9 { ask m "Which kind is {{ item }}?" -> A | B with seed: 1 } reduce ahead(2, undecided: first)
  } reduce collect
  return kinds
}
"""


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("short"), SHORT, 12, seconds=0.05)


@pytest.mark.parametrize("name", few(["a", "b"], "a"))
def test_a_process_that_is_killed_while_votes_share_a_budget(short: Place, name: str) -> None:
    dice, kills = random.Random(3), 0
    before, first, told = short.served.answers(), len(short.served.lines()), 0
    limits = iter((15, 15, 20, 26, 500))
    budget = next(limits)
    command = short.start(name, options=("--budget", f"{budget} calls"))
    while True:
        code = command.wait(dice.uniform(0.2, 0.6) * short.seconds) if budget < 500 else command.end()
        if code is None:
            command.kill()
            code, kills = command.wait(), kills + 1
        told += announced(command.err)
        assert code in (-9, 0, 4), command.err
        paid = short.served.answers() - before
        assert paid <= budget
        if budget == 500:
            break
        budget = next(limits)
        more = "--budget", f"{budget} calls"
        begun = any(run.given for run in read_journal(short.folder / name / "journal.db").runs.values())
        command = short.resume(name, *more) if begun else short.start(name, options=more)
    assert (code, command.out) == (0, short.expected), command.err
    assert short.needed <= paid <= short.needed + told
    assert sum(count - 1 for count in short.served.billed_keys(first).values()) <= told
    assert kills
