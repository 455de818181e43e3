"""The parts of the workers by themselves: the queue of bodies, the keys that a journal knows, events as JSON."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.dispatch.cache import Recall
from flowrun.runtime.engine.decisions import BodyOver, Failure
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.account import Ceiling
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError, BudgetError, InDoubtError, RefusedError
from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.receipt import Receipt
from flowrun.runtime.vocabulary.request_events import Bill
from flowrun.runtime.vocabulary.sent_call import SentCall
from flowrun.runtime.vocabulary.tally import Tally
from flowrun.runtime.vocabulary.usage import TokenDetail, Usage
from flowrun.runtime.vocabulary.waits import Cause
from flowrun.runtime.workers.body_queue import CHUNK, FIRST, BodyQueue
from flowrun.runtime.workers.budget_ends import BudgetEnds
from flowrun.runtime.workers.event_forms import STRIDE, EventReader, EventWriter
from flowrun.runtime.workers.known_keys import KnownKeys
from flowrun.runtime.workers.link import Link
from flowrun.runtime.workers.lost_rows import LostRows, body_of
from support.patience import until

CALL = SentCall(
    "xs[1].draft", "xs[1].draft", "openai:m", Request((Message("user", "Hello", heads=(3,)),), ("a", "b"), seed=4)
)
USAGE = Usage(1, 2)
EVENTS: list[e.Event] = [
    e.StepStarted("xs[1]", "ask", at=1.5),
    e.StepFailed("xs[1]", "no", InDoubtError("gone", status=504), at=2.0),
    e.ElementLost("xs[1].draft", "no", "xs[1]", RefusedError("busy"), at=2.5),
    e.BlockOpened("xs[1].votes", 3, 2, at=2.5),
    e.VoteCounted("xs[1].vote", Tally("yes", (("yes", 2), ("no", 1)), 3, values=("yes", "no")), {"m": (1, 2)}, 3),
    e.VoteCounted("xs[2].vote", Tally(None, (), 3), {"m": None}, 0),
    e.RequestStarted(5, "xs[1]", "m", 2, Ceiling(10, None, "short", "flex"), (CALL,), {Cause.RATE: 7}, 2, 3),
    e.AttemptFailed(
        5, 2, "spoilt", Usage(1, 2, TokenDetail(cached=1)), AnswerError("bad", text="x", usage=Usage(1, 2))
    ),
    e.RequestRetried(5, "xs[1]", "no", 0.5, 2, (CALL,), RefusedError("busy", retry_after=2.0)),
    e.RequestFinished(5, "xs[1]", "m", 2, 1.0, 9, None, 1, True, (CALL,), (Answer("hi", "length", "long"),), None),
    e.RequestFinished(5, "x", "m", 1, 1.0, 9, 2, bill=Bill(Usage(9, 2, None, "flex"), Receipt("m2", "id", 0.25))),
    e.RequestStarted(7, "xs[1]", "m", 1, carried=(CALL,)),
    e.RequestCancelled(7, "xs[1]", 1, (CALL,), open=True),
    e.AnswerRecalled("xs[1]", "m", CALL, AnswerError("bad", text="x")),
    e.AnswerRecalled("xs[1]", "m", CALL, Answer("yes")),
    e.Notice("a line", urgent=True),
]


def through(writer: EventWriter, reader: EventReader, event: e.Event) -> Any:
    return reader.event(json.loads(json.dumps(writer.row(event))))


def facts(event: e.Event) -> Any:
    """All facts of an event, with those that comparisons leave out."""
    return repr(event), repr(getattr(event, "error", "")), repr(getattr(event, "came", "")), event.at


def test_events_come_back_as_they_were_but_for_their_numbers() -> None:
    writer, reader = EventWriter(whole=True), EventReader(2)
    for event in EVENTS:
        found = through(writer, reader, event)
        if hasattr(event, "number"):
            assert found.number == event.number + 2 * STRIDE
            object.__setattr__(found, "number", event.number)
        if getattr(event, "beside", 0):
            object.__setattr__(found, "beside", found.beside - 2 * STRIDE)
        assert facts(found) == facts(event)
        carried = getattr(found, "carried", ())
        assert [(one.place, one.request) for one in carried] == [
            (one.place, one.request) for one in getattr(event, "carried", ())
        ]


def test_every_class_of_events_has_a_form() -> None:
    told = {type(one) for one in EVENTS}
    plain = {kind for kind in get_args(e.Event) if kind not in told}
    # These are plain, or of the driver alone.
    assert {kind.__name__ for kind in plain} == {
        "RunStarted", "PricesDeclared", "PastCounted", "StepFinished", "BlockGrew", "BlockClosed", "ElementFinished",
        "AnswerGrew", "CallInDoubt", "CallHedged", "RequestFailed", "ModelReady", "SubmissionMoved", "LimitsSet",
        "RunFinished",
    }  # fmt: skip


def test_prompts_and_answers_stay_with_the_worker_if_nobody_reads_them() -> None:
    rows = json.dumps([EventWriter(whole=False).row(event) for event in EVENTS])
    assert "Hello" not in rows
    reader = EventReader(1)
    assert reader.event(json.loads(rows)[6]).carried == ()  # type: ignore[union-attr]


def test_requests_of_a_dead_worker_end_as_doubtful() -> None:
    writer, reader = EventWriter(whole=False), EventReader(1)
    through(writer, reader, e.RequestStarted(1, "a", "m", 2))
    through(writer, reader, e.RequestStarted(2, "b", "m", 1))
    through(writer, reader, e.RequestFinished(1, "a", "m", 2, 0.1, 1, 1))
    assert reader.broken_off(3.0) == [e.RequestCancelled(STRIDE + 2, "b", 1, open=True)]
    assert reader.open == {}


@given(st.lists(st.binary(min_size=16, max_size=16)), st.binary(min_size=16, max_size=16))
def test_known_keys_know_all_keys_and_hardly_any_other(keys: list[bytes], other: bytes) -> None:
    known = KnownKeys()
    known.add(keys)
    read = KnownKeys.read(known.text())
    assert all(key in read for key in keys)
    assert (other in read) == any(key[:8] == other[:8] for key in keys)
    assert other not in KnownKeys()


def test_the_body_of_a_call_is_its_place_up_to_the_first_bracket() -> None:
    assert body_of("xs[17].votes[3].draft#2") == "xs[17]"
    assert body_of("inner.xs[17]") == "inner.xs[17]"


@given(st.integers(1, 6), st.integers(1, 300), st.integers(1, 90), st.integers(0, 2**32))
def test_every_body_runs_once_whatever_dies_and_whoever_is_slow(workers: int, count: int, room: int, seed: int) -> None:
    dice = random.Random(seed)
    queue = BodyQueue(room)
    for worker in range(workers):
        queue.join(worker)
    for number in range(count):
        queue.enter(number)
    done: list[int] = []
    names = workers
    for _ in range(100_000):
        for worker, chunk in queue.deal():
            assert 0 < len(chunk) <= CHUNK
            assert len(queue.hands[worker].bodies) <= room + 1
        if (stolen := queue.steal()) is not None:
            worker, most = stolen
            back = list(queue.hands[worker].bodies)[-dice.randint(0, most) :] if dice.random() < 0.9 else []
            queue.given_back(worker, back)
        if len(done) == count:
            break
        worker = dice.choice(list(queue.hands))
        if dice.random() < 0.02:
            for number in queue.leave(worker):
                queue.enter(number, suspect=dice.random() < 0.5)
            queue.join(names)
            names += 1
        elif queue.hands[worker].bodies:
            number = dice.choice(list(queue.hands[worker].bodies))
            assert queue.over(number) == worker
            done.append(number)
    assert sorted(done) == list(range(count))


def test_a_worker_without_bodies_gets_a_few_first() -> None:
    queue = BodyQueue(100)
    for worker in (1, 2):
        queue.join(worker)
    for number in range(300):
        queue.enter(number)
    dealt = [(worker, len(chunk)) for worker, chunk in queue.deal()]
    assert dealt[:2] == [(1, FIRST), (2, FIRST)]
    assert dealt[2:4] == [(1, CHUNK), (2, CHUNK)]
    assert sum(count for _, count in dealt) == 200


def test_few_bodies_are_shared_evenly_and_suspects_are_kept_apart() -> None:
    queue = BodyQueue(100)
    for worker in (1, 2, 3):
        queue.join(worker)
    for number in range(10):
        queue.enter(number)
    queue.deal()
    assert sorted(len(hands.bodies) for hands in queue.hands.values()) == [3, 3, 4]
    for number in (20, 21, 22, 23):
        queue.enter(number, suspect=True)
    queue.deal()
    assert [sum(one >= 20 for one in hands.bodies) for hands in queue.hands.values()] == [1, 1, 1]
    queue.over(20)
    queue.deal()
    assert [sum(one >= 20 for one in hands.bodies) for hands in queue.hands.values()] == [1, 1, 1]


def test_an_idle_worker_gets_half_of_what_the_busiest_has_not_begun() -> None:
    queue = BodyQueue(100)
    queue.join(1)
    for number in range(40):
        queue.enter(number)
    queue.deal()
    queue.join(2)
    assert queue.steal() == (1, 20)
    assert queue.steal() is None
    assert queue.given_back(1, [39, 38, 77]) == [39, 38]
    assert queue.deal() == [(2, [39]), (2, [38])]


def test_a_worker_that_has_begun_all_of_its_bodies_is_not_asked_for_them_again() -> None:
    queue = BodyQueue(100)
    queue.join(1)
    for number in range(40):
        queue.enter(number)
    queue.deal()
    queue.join(2)
    assert queue.steal() == (1, 20)
    queue.given_back(1, [])
    assert queue.steal() is None
    # Others that it gets may wait there again.
    queue.hands[2].bodies = dict.fromkeys(range(100, 150))
    queue.enter(40)
    assert queue.deal() == [(1, [40])]
    queue.hands[2].bodies.clear()
    assert queue.steal() == (1, 20)


def test_a_worker_that_got_bodies_while_it_was_asked_is_asked_again() -> None:
    queue = BodyQueue(100)
    queue.join(1)
    queue.enter(0)
    queue.enter(1)
    queue.deal()
    queue.join(2)
    assert queue.steal() == (1, 1)
    queue.hands[2].bodies = dict.fromkeys(range(100, 150))
    queue.enter(2)
    assert queue.deal() == [(1, [2])]
    queue.given_back(1, [])
    queue.hands[2].bodies.clear()
    assert queue.steal() == (1, 1)


def test_samples_that_share_requests_go_to_one_worker_and_stay_there() -> None:
    queue = BodyQueue(100)
    queue.join(1)
    queue.join(2)
    for number in range(5):
        queue.enter(number, group=7)
    for number in range(5, 8):
        queue.enter(number, group=8)
    assert [chunk for _, chunk in queue.deal()] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    for number in range(5, 8):
        queue.over(number)
    assert queue.steal() is None
    for number in range(8, 14):
        queue.hands[1].bodies[number] = None
    assert queue.steal() == (1, 3)


async def test_an_end_by_the_budget_waits_for_paid_requests() -> None:
    told: list[int] = []
    busy = open_ = True
    ends = BudgetEnds(lambda over: told.append(over.number), lambda: busy, lambda: open_)
    failed = Failure("xs[1]", "empty", BudgetError("empty"))
    assert ends.holds(BodyOver(1, failure=failed))
    assert ends.holds(BodyOver(2, failure=failed))
    assert not ends.holds(BodyOver(3, failure=Failure("x", "empty", BudgetError("empty", flow="inner"))))
    assert not ends.holds(BodyOver(4, "value"))
    assert ends.holds(BodyOver(5, failure=Failure("x", "no ballots"), losses=(failed,)))
    assert ends.drop(5)
    assert ends.drop(2)
    assert not ends.drop(2)
    await asyncio.sleep(0.3)
    assert told == []
    busy = False
    await asyncio.sleep(0.4)
    assert told == [], "a worker has a body that may be about to send a request"
    open_ = False
    await asyncio.sleep(0.4)
    assert told == [1]


async def test_messages_keep_their_order_and_a_cut_stream_is_told_once() -> None:
    ends = socket.socketpair()
    heard: list[Json] = []
    whole = asyncio.Event()

    def hear(message: Json) -> None:
        heard.append(message)
        if len(heard) == 1000:
            whole.set()

    lost: list[int] = []
    one = await Link.over(ends[0], hear, lambda: lost.append(1))
    two = await Link.over(ends[1], hear, lambda: lost.append(2))
    for number in range(1000):
        one.send({"n": number, "text": "x" * number})
    await whole.wait()
    assert [message["n"] for message in heard] == list(range(1000))
    one.close()
    one.send({"n": 0})
    await until(lambda: bool(lost))
    assert lost == [2]
    two.close()


async def test_a_stream_with_other_bytes_is_cut() -> None:
    ends = socket.socketpair()
    lost: list[int] = []
    await Link.over(ends[0], lambda message: None, lambda: lost.append(1))
    ends[1].sendall(b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: bool(lost))
    assert lost == [1]
    ends[1].close()


@pytest.mark.parametrize("found", ["3", True, -1, 2.0, 1000])
def test_the_number_of_workers_is_checked(found: Any) -> None:
    from flowrun import RunOptions
    from flowrun.runtime.vocabulary.errors import UsageError

    with pytest.raises(UsageError, match="`workers` must be a whole number from 0 to 256"):
        RunOptions(workers=found)


async def test_messages_too_long_for_one_frame_go_in_several_and_one_too_long_alone_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flowrun.runtime.journal import wire

    monkeypatch.setattr(wire, "MOST_BYTES", 1000)
    ends = socket.socketpair()
    heard: list[Json] = []
    whole = asyncio.Event()

    def hear(message: Json) -> None:
        heard.append(message["n"])
        if message["n"] == 19:
            whole.set()

    one = await Link.over(ends[0], lambda message: None, lambda: None)
    two = await Link.over(ends[1], hear, lambda: None)
    long: list[Exception] = []
    one.too_long = long.append
    for number in range(20):
        one.send({"n": number, "text": "x" * (2000 if number == 7 else 100)})
    await whole.wait()
    assert heard == [number for number in range(20) if number != 7]
    assert len(long) == 1
    one.close()
    two.close()


def test_rows_are_kept_for_bodies_that_run_and_for_no_others() -> None:
    lost = LostRows(1, lambda number: None)
    key = b"k" * 16
    lost.begin("xs[1]")
    lost.wrote(5, [LogRecord(1, Kind.INTENT, None, key, "xs[1].a"), LogRecord(1, Kind.INTENT, None, key, "xs[2].a")])
    recall = Recall(lost, 1, {})
    keys, doubts = lost.lose(["xs[1]", "xs[2]"], recall)
    assert keys == {key}
    assert [(one.number, one.place) for one in doubts] == [(5, "xs[1].a")]
    lost.over("xs[1]")
    lost.over("xs[2]")
    lost.wrote(7, [LogRecord(1, Kind.CANCELLED, None, key, "xs[1].a")])
    assert lost._rows == {}
