"""Calls that are out: from an ask to a request, from an answer to a value, and again where the answer was no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowrun.dsl import RETRIES, types
from flowrun.dsl import plan as p

from .answers import read_answer
from .decisions import Call, Cancel, Decision, Failure, Launch
from .errors import AnswerError, BudgetError, CallError
from .frames import Frame
from .prompts import render
from .providers.protocol import Answer, Message, Request
from .scopes import Context, Scope
from .values import ModelValue, evaluate

Json = Any

TIMEOUT = 600.0
"""Seconds for one attempt, where the flow does not say."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A call that is one of several that ask the same: the block's run, the step, and which sample it is.

    Where repeats stand inside each other, every sample of all of them has its own ``index``.
    """

    run: int
    step: str
    index: int


def sample_of(frame: Frame, step: str) -> Sample | None:
    """Which sample a call of this step is, or None outside of every repeat."""
    serial, index, scale = 0, 0, 1
    for around in frame.outward():
        if around.run is not None and isinstance(around.run.step.node, p.Repeat):
            serial = serial or around.run.serial
            index += around.index * scale
            scale *= around.run.total
    return Sample(serial, step, index) if serial else None


@dataclass(eq=False, slots=True)
class _Pending:
    call: Call
    frame: Frame
    ask: p.Ask
    on_value: Callable[[Json], None]
    on_failure: Callable[[Failure], None]
    retries: int
    attempt: int = 0
    fallback: str | None = None


class Calls:
    """The calls of one run. What is to be done about them is added to ``decisions``."""

    def __init__(self, context: Context, decisions: list[Decision]) -> None:
        self.context = context
        self.decisions = decisions
        self._pending: dict[int, _Pending] = {}
        self._count = 0

    def launch(
        self,
        frame: Frame,
        ask: p.Ask,
        options: Mapping[str, Json],
        path: str,
        on_value: Callable[[Json], None],
        on_failure: Callable[[Failure], None],
        *,
        sample: Sample | None = None,
        ballot: bool = False,
    ) -> None:
        """Ask. A ``ballot`` that is no answer is not asked for again.

        Raises FlowrunError where the prompt cannot be made, BudgetError where the flow may ask no more.
        """
        self._afford()
        scope = Scope(self.context, frame)
        model = self.context.default_model if ask.model is None else evaluate(ask.model, scope)
        if isinstance(model, str):
            model = ModelValue(model, model)
        settings = {**dict(model.options), **options}
        group = (sample.run, sample.step) if sample is not None else None
        request = _request(ask, settings, scope, sample)
        call = Call(self._next(), path, model.address, request, group, settings.get("retries"))
        retries = 0 if ballot else int(settings.get("retries", RETRIES))
        self._send(_Pending(call, frame, ask, on_value, on_failure, retries, fallback=model.fallback))

    def answered(self, number: int, answer: Answer) -> None:
        """An answer has come. One whose call was taken back meanwhile is dropped."""
        if pending := self._take(number):
            try:
                value = _read(pending.ask, answer)
            except AnswerError as error:
                self._again(pending, error)
            else:
                pending.on_value(value)

    def failed(self, number: int, error: CallError) -> None:
        if pending := self._take(number):
            if isinstance(error, AnswerError):
                self._again(pending, error)
            elif pending.fallback is not None:
                address, pending.fallback = pending.fallback, None
                self._resend(pending, address)
            else:
                pending.on_failure(Failure(pending.call.path, str(error), error))

    def cancel(self, numbers: set[int]) -> None:
        for number in sorted(numbers):
            del self._pending[number]
            self.decisions.append(Cancel(number))
        numbers.clear()

    def _afford(self) -> None:
        limit = self.context.calls_limit
        if limit is not None and self._count >= limit:
            raise BudgetError(f"the flow's budget of {limit} calls is spent")

    def _resend(self, pending: _Pending, model: str) -> None:
        """Ask the same again, as a call of its own."""
        old = pending.call
        try:
            self._afford()
        except BudgetError as error:
            pending.on_failure(Failure(old.path, str(error), error))
            return
        pending.call = Call(self._next(), old.path, model, old.request, None, old.retries)
        self._send(pending)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _take(self, number: int) -> _Pending | None:
        pending = self._pending.pop(number, None)
        if pending is not None:
            pending.frame.calls.discard(number)
        return pending

    def _send(self, pending: _Pending) -> None:
        self._pending[pending.call.number] = pending
        pending.frame.calls.add(pending.call.number)
        self.decisions.append(Launch(pending.call))

    def _again(self, pending: _Pending, error: AnswerError) -> None:
        if pending.attempt >= pending.retries:
            times = f" ({pending.attempt + 1} times)" if pending.attempt else ""
            pending.on_failure(Failure(pending.call.path, f"{error}{times}", error))
            return
        pending.attempt += 1
        self._resend(pending, pending.call.model)


def _request(ask: p.Ask, settings: Mapping[str, Json], scope: Scope, sample: Sample | None) -> Request:
    answer = ask.answer
    seed = settings.get("seed")
    if seed is not None and sample is not None:
        # One seed for all would make every sample the same answer.
        seed += sample.index
    return Request(
        tuple(Message(message.role, render(message.template, scope.value)) for message in ask.messages),
        choices=answer.options if isinstance(answer, types.Choice) else (),
        schema=None if answer == types.TEXT or isinstance(answer, types.Choice) else types.json_schema(answer),
        temperature=settings.get("temperature"),
        max_tokens=settings.get("max_tokens"),
        seed=seed,
        timeout=float(settings.get("timeout", TIMEOUT)),
    )


def _read(ask: p.Ask, answer: Answer) -> Json:
    if answer.finish == "filtered":
        raise AnswerError("the provider's filter held the answer back", text=answer.text)
    if answer.finish == "length":
        raise AnswerError(
            "the answer was cut off at its greatest length: allow more with `max_tokens`", text=answer.text
        )
    return read_answer(answer.text, ask.answer)
