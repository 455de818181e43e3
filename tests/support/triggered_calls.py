"""Flows that the engine runs against answers of random length, with the answer that let each call begin."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from flowrun.dsl import plan as p
from flowrun.runtime.engine import decisions as d
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.call_record import AttemptRecord, CallRecord
from flowrun.runtime.vocabulary.run_record import RunRecord, StretchRecord

from .by_hand import reply
from .harness import functions

MODEL = "m:m"
TICK = 50
"""The least time between two answers, in milliseconds."""


@dataclass
class Triggered:
    """A run: its calls, and the index of the call whose answer let each call begin, -1 if it began with the run."""

    plan: p.Plan
    calls: list[CallRecord] = field(default_factory=list)
    triggers: list[int] = field(default_factory=list)
    indexes: dict[str, int] = field(default_factory=dict)

    @property
    def record(self) -> RunRecord:
        end = max((one.ended or 0 for call in self.calls for one in call.attempts), default=0)
        stretches = (StretchRecord(0, end),)
        return RunRecord("run", self.plan, 0.0, end / 1000, "done", tuple(self.calls), stretches=stretches)

    @property
    def chain(self) -> list[int]:
        """The calls that determined the end, found by what the engine did. Empty if no call was answered."""
        at = max(
            (index for index, call in enumerate(self.calls) if call.state == "answered"),
            key=lambda index: self.calls[index].attempts[-1].ended or 0,
            default=-1,
        )
        found = []
        while at >= 0:
            found.append(at)
            at = self.triggers[at]
        return found[::-1]

    def begin(self, call: d.Call, trigger: int) -> int:
        """Take a call that begins. A question that is asked again belongs to the call before it."""
        index = self.indexes.setdefault(call.place, len(self.calls))
        if index == len(self.calls):
            self.calls.append(CallRecord(call.path, call.place, "", MODEL, "unsent"))
            self.triggers.append(trigger)
        return index

    def end(self, index: int, end: Any, began: int, now: int) -> None:
        attempts = (*self.calls[index].attempts, AttemptRecord(f"{index}.{began}", end, began, now))
        self.calls[index] = replace(self.calls[index], state=end, attempts=attempts)


def triggered(plan: p.Plan, inputs: Mapping[str, Any], rng: random.Random) -> Triggered:
    """Run a plan without limits. No two answers come within a tick of each other, so each call has one trigger."""
    made = Triggered(plan)
    context = Context({}, ModelValue(MODEL, MODEL), functions, plan.calls_limit, plan.money_limit)
    state = State(plan, inputs, context, 10**6)
    ends: list[tuple[int, int]] = []
    taken: set[int] = set()
    under_way: dict[int, tuple[int, int, d.Call]] = {}
    now, trigger = 0, -1
    todo: deque[d.Decision] = deque(state.begin())
    while True:
        while todo:
            match todo.popleft():
                case d.Launch(call):
                    length = TICK * rng.randint(1, 500)
                    while now + length in taken:
                        length += TICK
                    taken.add(now + length)
                    heappush(ends, (now + length, call.number))
                    under_way[call.number] = made.begin(call, trigger), now, call
                case d.Cancel(number) if number in under_way:
                    index, began, _ = under_way.pop(number)
                    made.end(index, "cancelled", began, now)
                case d.LaunchExtern(number):
                    todo += state.returned(number, "x")
                case d.Finish():
                    return made
        if state.paused:
            todo += state.go_on()
            continue
        now, number = heappop(ends)
        if number in under_way:
            trigger, began, call = under_way.pop(number)
            made.end(trigger, "answered", began, now)
            todo += state.answered(number, Answer(reply(call.request)))
