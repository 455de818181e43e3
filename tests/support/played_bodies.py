"""Runs with one other place, played by hand: answers and messages come in a random order."""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import replace

from flowrun.runtime.engine.body_terms import CancelBody, LaunchBody
from flowrun.runtime.engine.decisions import BodyOver, Call, Cancel, Decision, Finish, Launch
from flowrun.runtime.engine.placed import Bodies
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.plans.placing import placeable
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import PermanentError

from .harness import functions
from .oracle import Form, Oracle
from .random_checks import Trial
from .random_runs import asked

FAILED = 0.1
"""The chance that a call fails for good."""


class Played:
    """A run whose messages to and from its other place take a while, so that ends and cancels may cross.

    ``cancelled`` are the bodies that the run has cancelled; ``ends`` counts the ends that the place has told.
    """

    def __init__(self, trial: Trial, dice: random.Random) -> None:
        flow, self.dice, self.oracle = trial.plan, dice, Oracle(trial.seed)
        context = Context(declared_models(flow), ModelValue("m", "m"), functions)
        self.state = State(flow, trial.inputs, replace(context, placing=lambda step: not placeable(flow, step)))
        self.bodies = Bodies(flow, context, first=1 << 40)
        self.calls: dict[int, tuple[State | Bodies, Call]] = {}
        self.there: deque[LaunchBody | CancelBody] = deque()
        self.back: deque[BodyOver] = deque()
        self.launched: set[int] = set()
        self.cancelled: set[int] = set()
        self.ends: Counter[int] = Counter()
        self.finished = 0

    def play(self) -> None:
        """Play the run to its end. Fail the test if a body does not end exactly once, or anything is left."""
        self._take(self.state, self.state.begin())
        while turns := self._turns():
            match self.dice.choice(turns):
                case "answer":
                    self._answer()
                case "there":
                    self._arrive(self.there.popleft())
                case _:
                    self._take(self.state, self.state.body_over(self.back.popleft()))
        assert set(self.ends) == self.launched
        assert set(self.ends.values()) <= {1}
        assert self.bodies.open_bodies == 0
        assert not self.bodies._machine.tallies
        assert not self.bodies._machine.losses
        assert self.finished == 1

    def _turns(self) -> list[str]:
        ready = {"answer": self.calls, "there": self.there, "back": self.back}
        return [name for name, waiting in ready.items() if waiting]

    def _take(self, owner: State | Bodies, decisions: Iterable[Decision]) -> None:
        for one in decisions:
            match one:
                case Launch(call):
                    assert call.number not in self.calls
                    self.calls[call.number] = owner, call
                case Cancel(number):
                    del self.calls[number]
                case LaunchBody(number):
                    self.launched.add(number)
                    self.there.append(one)
                case CancelBody(number):
                    self.cancelled.add(number)
                    self.there.append(one)
                case BodyOver(number):
                    self.ends[number] += 1
                    self.back.append(one)
                case Finish():
                    self.finished += 1

    def _arrive(self, sent: LaunchBody | CancelBody) -> None:
        if isinstance(sent, LaunchBody):
            self._take(self.bodies, self.bodies.open([sent]))
        else:
            self._take(self.bodies, self.bodies.cancel(sent.number, keep=sent.keep))

    def _answer(self) -> None:
        number = self.dice.choice(sorted(self.calls))
        owner, call = self.calls.pop(number)
        if self.dice.random() < FAILED:
            self._take(owner, owner.failed(number, PermanentError("no", status=400)))
            return
        form = Form(call.request.choices, call.request.schema)
        said = self.oracle.says(asked(call.request)[0], form)
        text = said if isinstance(said, str) and form.schema is None else json.dumps(said)
        self._take(owner, owner.answered(number, Answer(text)))
