"""Calls that are out: from an ask to a request, from an answer to a value, and again where the answer was no answer."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from flowrun.dsl import RETRIES, types
from flowrun.dsl import plan as p

from .answers import read_answer
from .budget import Ledger, Price, reserve
from .decisions import Call, Cancel, Decision, Failure, Launch
from .errors import AnswerError, BudgetError, CallError, InputError, PermanentError, RefusedError
from .frames import Frame
from .metering import Usage
from .options import OPTIONS
from .prompts import render
from .providers.protocol import Answer, Message, Request
from .scopes import Context, Scope
from .tokens import ceiling
from .values import ModelValue, evaluate

Json = Any

_AROUND = 32
"""More tokens than a message takes beside its text, or a schema beside itself."""
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
    for around in frame.around():
        if around.run is not None and isinstance(around.run.step.node, p.Repeat):
            serial = serial or around.run.serial
            index += around.index * scale
            scale *= around.run.total
    return Sample(serial, step, index) if serial else None


@dataclass(eq=False, slots=True)
class _Pending:
    """A call that is out, or in line. ``worst`` is what is put aside for it in its ``ledgers``."""

    call: Call
    frame: Frame
    ask: p.Ask
    on_value: Callable[[Json], None]
    on_failure: Callable[[Failure], None]
    retries: int
    attempt: int = 0
    fallback: str | None = None
    ledgers: tuple[Ledger, ...] = ()
    price: Price | None = None
    worst: float = 0.0
    sent: bool = False


class Calls:
    """The calls of one run. What is to be done about them is added to ``decisions``.

    A call that a budget in money has room for only when others are settled stands in line until ``resume``.
    """

    def __init__(self, context: Context, decisions: list[Decision]) -> None:
        self.context = context
        self.decisions = decisions
        self._pending: dict[int, _Pending] = {}
        self._line: deque[_Pending] = deque()
        self._budget = Ledger("", context.calls_limit, context.money_limit)
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
        self._afford(frame)
        scope = Scope(self.context, frame)
        model = self.context.default_model if ask.model is None else evaluate(ask.model, scope)
        if isinstance(model, str):
            model = ModelValue(model, model)
        settings = {**dict(model.options), **options}
        _within_bounds(settings)
        group = (sample.run, sample.step) if sample is not None else None
        request = _request(ask, settings, scope, sample)
        call = Call(self._next(frame), path, model.address, request, group, settings.get("retries"))
        retries = 0 if ballot else int(settings.get("retries", RETRIES))
        self._submit(_Pending(call, frame, ask, on_value, on_failure, retries, fallback=model.fallback))

    def answered(self, number: int, answer: Answer, usage: Usage) -> None:
        """An answer has come, with its part of the bill. One whose call was taken back meanwhile is dropped."""
        if pending := self._take(number):
            self._settle(pending, usage)
            try:
                value = _read(pending.ask, answer)
            except AnswerError as error:
                self._again(pending, error)
            else:
                pending.on_value(value)

    def failed(self, number: int, error: CallError) -> None:
        if pending := self._take(number):
            # What was refused is not billed; of all else that failed nobody knows.
            self._settle(pending, Usage(0, 0) if isinstance(error, RefusedError | PermanentError) else Usage())
            if isinstance(error, AnswerError):
                self._again(pending, error)
            elif pending.fallback is not None:
                address, pending.fallback = pending.fallback, None
                self._resend(pending, address)
            else:
                pending.on_failure(Failure(pending.call.path, str(error), error))

    def cancel(self, numbers: set[int]) -> None:
        for number in sorted(numbers):
            # It may have been answered and billed while nobody listened.
            self._settle(self._pending.pop(number), Usage())
            self.decisions.append(Cancel(number))
        numbers.clear()

    def resume(self) -> bool:
        """Send those in line that there is room for by now; whether any was sent or refused."""
        moved = False
        while self._line:
            pending = self._line[0]
            try:
                if pending.call.number in self._pending and not self._send(pending):
                    break
            except BudgetError as error:
                self._take(pending.call.number)
                pending.on_failure(Failure(pending.call.path, str(error), error))
            self._line.popleft()
            moved = True
        return moved

    def _ledgers(self, frame: Frame) -> tuple[Ledger, ...]:
        return (*frame.ledgers(), self._budget)

    def _afford(self, frame: Frame) -> None:
        for ledger in self._ledgers(frame):
            ledger.admit()

    def _resend(self, pending: _Pending, model: str) -> None:
        """Ask the same again, as a call of its own."""
        old = pending.call
        try:
            self._afford(pending.frame)
            pending.call = Call(self._next(pending.frame), old.path, model, old.request, None, old.retries)
            self._submit(pending)
        except BudgetError as error:
            pending.on_failure(Failure(old.path, str(error), error))

    def _next(self, frame: Frame) -> int:
        """The number of a call, which counts in every budget around it."""
        for ledger in self._ledgers(frame):
            ledger.calls += 1
        self._count += 1
        return self._count

    def _take(self, number: int) -> _Pending | None:
        pending = self._pending.pop(number, None)
        if pending is not None:
            pending.frame.calls.discard(number)
        return pending

    def _submit(self, pending: _Pending) -> None:
        """Send a call, or put it in line. Raises BudgetError where there will never be room for it."""
        self._price(pending)
        if self._line or not self._send(pending):
            self._line.append(pending)
        self._pending[pending.call.number] = pending
        pending.frame.calls.add(pending.call.number)

    def _price(self, pending: _Pending) -> None:
        """Find the budgets in money that a call counts in, and what it costs. Raises BudgetError where nobody knows."""
        pending.ledgers = tuple(one for one in self._ledgers(pending.frame) if one.money_limit is not None)
        pending.price = None
        if not pending.ledgers:
            return
        model = pending.call.model
        pending.price = self.context.price(model)
        if pending.price is None:
            raise BudgetError(f"no price is known for `{model}`, so the flow's budget in money cannot be held")
        if _worst(pending.price, pending.call.request) is None:
            raise BudgetError(
                f"nobody knows how long an answer of `{model}` may be, so the flow's budget in money cannot be held: "
                "set `max_tokens`"
            )

    def _send(self, pending: _Pending) -> bool:
        """Send a call where its budgets have room for it by now. Raises BudgetError where they never will."""
        if pending.price is not None:
            worst = _worst(pending.price, pending.call.request) or 0.0
            if not reserve(pending.ledgers, worst):
                return False
            pending.worst = worst
        pending.sent = True
        self.decisions.append(Launch(pending.call))
        return True

    def _settle(self, pending: _Pending, usage: Usage) -> None:
        if pending.price is None or not pending.sent:
            return
        bill = pending.price.bill(usage.input_tokens, usage.output_tokens)
        for ledger in pending.ledgers:
            ledger.settle(pending.worst, bill)
        pending.sent = False

    def _again(self, pending: _Pending, error: AnswerError) -> None:
        if pending.attempt >= pending.retries:
            times = f" ({pending.attempt + 1} times)" if pending.attempt else ""
            pending.on_failure(Failure(pending.call.path, f"{error}{times}", error))
            return
        pending.attempt += 1
        self._resend(pending, pending.call.model)


def _within_bounds(settings: Mapping[str, Json]) -> None:
    """Raises InputError for a computed option that is out of the bounds which hold for a written one."""
    for name, value in settings.items():
        spec = OPTIONS.get(name)
        if spec is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low = -inf if spec.low is None else spec.low
        high = inf if spec.high is None else spec.high
        if not low <= value <= high:
            wanted = f"of {low:g} or more" if high == inf else f"from {low:g} to {high:g}"
            raise InputError(f"`{name}` takes a number {wanted}, and this is {value}")


def _worst(price: Price, request: Request) -> float | None:
    """The most that a request can cost: its messages, the form of the answer however it is told, and the answer."""
    texts = [message.text for message in request.messages]
    form = json.dumps(request.schema or request.choices) if request.schema or request.choices else ""
    around = _AROUND * (len(texts) + bool(form))
    return price.worst(ceiling("".join(texts)) + ceiling(form) + around, request.max_tokens)


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
