"""The queue that prefers prompts that begin alike: fair, without starving, and right after failures."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.dispatch.alike_lane import MOST_PASSED
from flowrun.runtime.dispatch.alike_queue import AlikeQueue, queue_at
from flowrun.runtime.dispatch.endpoint import Endpoint, strands_of
from flowrun.runtime.dispatch.queues import FairQueue
from flowrun.runtime.engine.strands import MOST_STRANDS
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.errors import RefusedError
from support.prefix_runs import PrefixRun, results, rows
from support.prefix_servers import Machine, OnMachine, Slots


@dataclass(eq=False)
class Item:
    text: str


def queue() -> AlikeQueue[Item]:
    return AlikeQueue(lambda item: item.text)


def doc(number: int) -> str:
    return f"Document {number}. " * 100


def taken(one: AlikeQueue[Item], after: Item | None = None) -> Item:
    chosen = one.peek(after)
    assert one.pop() is chosen
    return chosen


def test_a_place_goes_on_with_what_it_has_read() -> None:
    one = queue()
    items = [Item(doc(at % 3) + str(at)) for at in range(9)]
    for item in items:
        one.put(0, item)
    first, second = taken(one), taken(one)
    assert [first, second] == items[:2]
    for place, begun in enumerate((first, second)):
        last = begun
        for further in (1, 2):
            one.left(last)
            last = taken(one, last)
            assert last is items[place + 3 * further]
    # Nobody has the third document yet.
    assert taken(one, last) is items[2]


def test_two_maps_get_every_second_place() -> None:
    one = queue()
    for at in range(50):
        one.put(1, Item(doc(0) + str(at)))
    for at in range(5):
        one.put(2, Item(doc(at + 1)))
    last: Item | None = None
    found = []
    for _ in range(10):
        last = taken(one, last)
        found.append(last.text.startswith(doc(0)))
        one.left(last)
    assert found == [True, False] * 5


@pytest.mark.parametrize("waiting", [1, 20])
def test_a_lone_prompt_among_many_alike_does_not_starve(waiting: int) -> None:
    one = queue()
    last = Item(doc(0))
    one.put(0, last)
    taken(one)
    odd = Item("Something else. " * 50)
    one.put(0, odd)
    passed = 0
    for at in range(10_000):
        while len(list(one)) < waiting + 1:
            one.put(0, Item(doc(0) + f"{at} {random.random()}"))
        one.left(last)
        last = taken(one, last)
        if last is odd:
            break
        passed += 1
    assert passed <= MOST_PASSED + 2 * (waiting + 2)
    assert passed > 0


def test_few_beginnings_are_open_at_once() -> None:
    one = queue()
    for at in range(40 * 40):
        one.put(0, Item(doc(at % 40) + str(at)))
    first = [taken(one) for _ in range(64)]
    assert len({item.text[:20] for item in first}) == MOST_STRANDS


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 2), st.integers(0, 4)), max_size=80),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_the_queue_gives_what_a_naive_one_holds(steps: list[tuple[int, int, int, int]], drawn: random.Random) -> None:
    one = queue()
    waits: list[tuple[int, Item]] = []
    out: list[Item] = []
    turns: list[int] = []
    for lane, kind, number, tail in steps:
        if kind <= 1:
            item = Item((doc(number) + "x" * tail)[: drawn.choice([0, 10, 200, 5000])])
            (one.put if kind else one.put_first)(lane, item)
            waits.append((lane, item))
            if lane not in turns:
                turns.append(lane)
        elif kind == 2 and out:
            one.left(out.pop(drawn.randrange(len(out))))
        elif kind == 3 and out:
            # A request that failed waits again.
            item = out.pop(drawn.randrange(len(out)))
            one.left(item)
            one.put(lane, item)
            waits.append((lane, item))
            if lane not in turns:
                turns.append(lane)
        elif waits:
            item = taken(one, drawn.choice([None, *out]))
            assert (turns[0], item) in waits
            waits.remove((turns[0], item))
            turn = turns.pop(0)
            if any(other == turn for other, _ in waits):
                turns.append(turn)
            out.append(item)
        assert sorted(map(id, one)) == sorted(id(item) for _, item in waits)
        assert bool(one) is bool(waits)
    for item in out:
        one.left(item)
    assert one.clear() is not None
    assert not one


def test_prompts_that_share_nothing_are_taken_as_they_came() -> None:
    one = queue()
    items = [Item(f"{at} " + doc(at)) for at in range(3000)]
    for item in items[:100]:
        one.put(0, item)
    last: Item | None = None
    found = []
    for item in items[100:]:
        last = taken(one, last)
        found.append(last)
        one.left(last)
        one.put(0, item)
    assert found == items[:2900]


def test_only_endpoints_that_keep_prompts_have_such_a_queue() -> None:
    plain, keeps = ScriptedProvider([]), ScriptedProvider([], caches_from=1024)
    ends = {"plain": Endpoint(plain, Limiter(4)), "keeps": Endpoint(keeps, Limiter(4))}
    assert type(queue_at(ends["plain"])) is FairQueue
    assert type(queue_at(ends["keeps"])) is AlikeQueue
    assert strands_of(ends) == {"keeps": 4}
    assert strands_of({"keeps": Endpoint(keeps, Limiter(400))}) == {"keeps": MOST_STRANDS}


TWO = """type Row = { doc: text, q: text }
flow f(rows: [Row], others: [text]) {
  all = map row in rows { ask "{{ row.doc }} Question: {{ row.q }}" } reduce collect
  more = map other in others { ask "{{ other }}" } reduce collect
  return { all, more }
}"""


def test_two_maps_of_a_run_share_the_places() -> None:
    others = [f"{at} other " * 60 for at in range(30)]
    run = PrefixRun(TWO, {"rows": rows(4, 50), "others": others}, Machine(Slots(2), 2, 0, 1)).go()
    assert run.outcome.complete
    kinds = [prompt in others for prompt in run.sent[:60]]
    assert all(sum(kinds[at : at + 4]) == 2 for at in range(0, 56, 4))


ROWS = """type Row = { doc: text, q: text }
flow f(rows: [Row]) {
  all = map row in rows { ask "{{ row.doc }} Question: {{ row.q }}" } reduce collect with errors: skip
  return all
}"""


def test_failures_lose_nothing() -> None:
    machine = Machine(Slots(3), 3)
    provider = OnMachine(machine)
    drawn = random.Random(4)
    provider.fails = lambda request, number: RefusedError("busy") if drawn.random() < 0.2 else None
    given_rows = rows(5, 12)
    run = PrefixRun(ROWS, {"rows": given_rows}, machine, provider=provider).go()
    assert [one[-8:] for one in results(run)] == [f"n: {row['q']}"[-8:] for row in given_rows]
    assert sorted(run.sent) == sorted(f"{row['doc']} Question: {row['q']}" for row in given_rows)
    assert provider.open == 0


def test_a_cancelled_map_leaves_nothing_behind() -> None:
    timed = ROWS.replace("with errors: skip", "with errors: skip, timeout: 5s")
    run = PrefixRun(timed, {"rows": rows(5, 20)}, Machine(Slots(2), 2, 0, 1)).go()
    assert not run.outcome.complete
    assert run.seconds == 5
    assert run.provider.open == 0
    assert not run.scheduler.busy


HEDGED = ROWS.replace('{{ row.q }}"', '{{ row.q }}" with hedge: p80')


def test_slow_requests_are_hedged_all_the_same() -> None:
    machine = Machine(Slots(8), 8, 0.0001, 0.05)
    provider = OnMachine(machine)
    slow = machine.answer

    async def answer(prompt: str) -> tuple[int, int]:
        if len(provider.calls) == 100:
            await asyncio.sleep(30)
        return await slow(prompt)

    machine.answer = answer  # type: ignore[method-assign]
    run = PrefixRun(HEDGED, {"rows": rows(5, 40)}, machine, provider=provider).go()
    assert len(results(run)) == 200
    assert len(provider.calls) > 200
    assert run.seconds < 30
    assert provider.open == 0
