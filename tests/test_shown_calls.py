"""The calls that a worker tells the live page, until there is no room for more: after that, sums of their events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowrun.runtime.account.event_fold import Fold
from flowrun.runtime.account.summary import Summary
from flowrun.runtime.live.state import LiveState
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.account import Ceiling
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.vocabulary.errors import RefusedError
from flowrun.runtime.vocabulary.image import Image
from flowrun.runtime.vocabulary.sent_call import SentCall, ValuedAnswer
from flowrun.runtime.workers import shown_calls
from flowrun.runtime.workers.event_forms import EventReader, EventWriter
from flowrun.runtime.workers.serving import EventRelay
from flowrun.runtime.workers.shown_calls import ShownCalls
from support.page_records import plan_from

LONG = "A long prompt. " * 1000


def call(name: str, text: str = "Say something.", seed: int | None = None) -> SentCall:
    return SentCall(name, name, "m", Request((Message("user", text),), seed=seed))


def drawn(dice: random.Random) -> Iterator[e.Event]:
    """The events of calls that are asked again and refused, mixed with each other. Some requests do not end."""
    going: list[list[e.Event]] = []
    for number in range(1, 80):
        name = f"xs[{dice.randrange(60)}]"
        carried = tuple(call(f"{name}.{at}") for at in range(dice.randint(1, 3)))
        count, each = len(carried), Ceiling(dice.randint(1, 90), 7)
        start = e.RequestStarted(number, name, "m", count, each, carried)
        came = tuple(Answer(f"Answer {at}") for at in range(count))
        done = e.RequestFinished(number, name, "m", count, 0.5, 9, 5, carried=carried, came=came)
        refused: list[e.Event] = [
            e.AttemptFailed(number, count, "refused", error=RefusedError("busy")),
            e.RequestRetried(number, name, "busy", 0.1, count, carried),
        ]
        ends: list[list[e.Event]] = [
            [done],
            [e.AnswerGrew(number, name, 10 * number), done],
            [*refused, start, done],
            [refused[0], e.RequestFailed(number, name, "m", count, 0.2, "busy", carried, RefusedError("busy"))],
            [e.RequestCancelled(number, name, count, carried)],
            [],
        ]
        yield start
        going.append(dice.choice(ends))
        for _ in range(dice.randint(0, 3)):
            if left := dice.choice(going):
                yield left.pop(0)
        others: list[e.Event] = [
            e.StepFinished("x", "ask"),
            e.BlockOpened("x", 2, 3),
            e.AnswerRecalled("x", "m", carried[0]),
        ]
        yield dice.choice(others)


class Listener:
    """The driver's side: a summary of all that a worker sends."""

    def __init__(self) -> None:
        self.summary, self.reader = Summary(), EventReader(1)
        self.sums = 0
        self.events: list[e.Event] = []

    def take(self, message: Any) -> None:
        message = json.loads(json.dumps(message))
        if "figures" in message:
            self.sums += 1
            self.summary.add_figures(self.reader.figures(message["figures"]))
        for row in message.get("events", ()):
            event = self.reader.event(row)
            self.events.append(event)
            self.summary(event)


@pytest.mark.parametrize("seed", range(12))
async def test_a_worker_that_goes_over_to_sums_brings_the_account_of_single_events(seed: int) -> None:
    dice = random.Random(seed)
    one, two, shown = Summary(), Listener(), ShownCalls()
    relay = EventRelay(two.take, whole=False, fold=Fold(), shown=shown)
    until = dice.randrange(150)
    for at, event in enumerate(drawn(dice)):
        if at == until:
            shown.close()
        one(event)
        relay(event)
        if dice.random() < 0.3:
            relay.flush()
    relay.flush()
    assert two.sums > 0
    assert two.summary.account == one.account
    for name in ("steps", "flying", "failed", "cancelled", "retries", "recalled"):
        assert getattr(two.summary, name) == getattr(one, name)
    assert sum(two.summary.growing.values()) == sum(one.growing.values())
    # A call of which the driver knows is told to its end.
    started = {event.number: event for event in two.events if isinstance(event, e.RequestStarted)}
    ended = [event for event in two.events if isinstance(event, e.RequestFinished)]
    assert all(event.came and event.carried for event in ended)
    assert {event.number for event in ended} <= started.keys()


@pytest.mark.parametrize("bound", ["MOST_CALLS", "MOST_TEXT"])
def test_a_worker_sends_no_more_calls_or_texts_than_a_page_can_show(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_calls, bound, 10 if bound == "MOST_CALLS" else 10 * len(LONG))
    shown = ShownCalls()
    writer = EventWriter(whole=False, shown=shown)
    rows = [writer.row(e.RequestStarted(n, "x", "m", 1, carried=(call(f"xs[{n}]", LONG),))) for n in range(1, 500)]
    whole = [row for row in rows if LONG in json.dumps(row)]
    assert whole == rows[:11]
    assert max(len(json.dumps(row)) for row in rows[11:]) < 200
    # The driver knows the first calls, so their further attempts and their answers go on.
    again = e.RequestStarted(900, "x", "m", 1, carried=(call("xs[3]", LONG),))
    done = e.RequestFinished(900, "x", "m", 1, 0.1, 1, 1, carried=again.carried, came=(Answer("At last."),))
    assert LONG in json.dumps(writer.row(again))
    assert "At last." in json.dumps(writer.row(done))
    late = e.RequestFinished(300, "x", "m", 1, 0.1, 1, 1, carried=(call("xs[300]"),), came=(Answer("Unread."),))
    assert "Unread." not in json.dumps(writer.row(late))


def test_samples_of_one_request_bring_its_prompt_once() -> None:
    writer, reader = EventWriter(whole=False, shown=ShownCalls()), EventReader(1)
    calls = (*(call(f"v[{n}].ask", LONG) for n in range(64)), call("v[64].ask", LONG, seed=7))
    row = json.dumps(writer.row(e.RequestStarted(1, "v", "m", 65, carried=calls)))
    assert row.count(LONG) == 2
    read = reader.event(json.loads(row))
    assert isinstance(read, e.RequestStarted)
    assert [(one.place, one.request) for one in read.carried] == [(one.place, one.request) for one in calls]


def test_images_come_without_their_bytes_unless_a_listener_reads_them() -> None:
    image = Image("sha256:1", "png", 4, 4, data="BYTES")
    carried = (SentCall("a", "a", "m", Request((Message("user", "⟨image⟩", (image,)),))),)
    event = e.RequestStarted(1, "a", "m", 1, carried=carried)
    for whole in (False, True):
        row = json.dumps(EventWriter(whole=whole, shown=ShownCalls()).row(event))
        assert ("BYTES" in row) is whole
        assert "sha256:1" in row


async def test_events_with_prompts_go_in_messages_of_a_few() -> None:
    sent: list[Any] = []
    relay = EventRelay(sent.append, whole=False, shown=ShownCalls())
    for number in range(1, 101):
        relay(e.RequestStarted(number, "x", "m", 1, carried=(call(f"xs[{number}]", LONG),)))
    relay.flush()
    assert max(len(message["events"]) for message in sent) <= 16
    assert sum(len(message["events"]) for message in sent) == 100


def test_a_call_that_another_worker_asks_again_is_open_until_it_ends() -> None:
    state = LiveState(plan_from(), "")

    def record() -> CallRecord:
        [found] = state.since(0).record.calls
        return found

    def sent(number: int, model: str) -> tuple[SentCall, ...]:
        carried = (replace(call("xs[0].ask"), model=model, labels=("thing 0",), vote="xs"),)
        state(e.RequestStarted(number, "xs[0].ask", model, 1, carried=carried, at=number / 10))
        return carried

    lost = sent(1, "m")
    state(e.RequestFailed(1, "xs[0].ask", "m", 1, 0.1, "busy", lost, RefusedError("busy"), at=0.2))
    state.ended("xs[0].ask", "failed", "busy (2 times)")
    assert (record().state, record().reason) == ("failed", "busy (2 times)")
    assert (record().labels, record().vote) == (("thing 0",), "xs")
    again = sent(2, "other")
    assert (record().state, record().model) == ("open", "other")
    answer = ValuedAnswer("7", value=7)
    state(e.RequestFinished(2, "xs[0].ask", "other", 1, 0.1, 1, 1, carried=again, came=(answer,), at=0.4))
    assert (record().state, [one.value for one in record().answers]) == ("answered", [7])
