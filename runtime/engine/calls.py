"""The calls under way: an ask becomes a request, and its answer a value. An answer that does not fit is asked anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowrun.dsl import RETRIES
from flowrun.dsl import plan as p

from ..costs.budget import Ledger, Price, reserve
from ..plans.options import OPTIONS, quantile_of
from ..values.expressions import ModelValue, evaluate
from ..values.ranges import within_bounds
from ..vocabulary import events as e
from ..vocabulary.call import Answer, Request
from ..vocabulary.errors import AnswerError, BudgetError, CallError, InDoubtError, MalformedError
from ..vocabulary.usage import NO_USAGE, Usage
from .corrections import corrected
from .decisions import Call, Cancel, Decision, Failure, Known, Launch
from .frames import Frame
from .requests import request_of, value_of, worst_of
from .samples import Sample
from .scopes import Context, Scope

Json = Any
_FIXED = 1024
"""The most sets of options that are kept."""


@dataclass(eq=False, slots=True)
class _Pending:
    """A call that is under way or in line, with the ``request`` that it began with.

    ``worst`` are the dollars that its ``ledgers`` hold back for it.
    """

    call: Call
    request: Request
    frame: Frame
    ask: p.Ask
    on_value: Callable[[Json], None]
    on_failure: Callable[[Failure], None]
    retries: int
    fallback: str | None = None
    ledgers: tuple[Ledger, ...] = ()
    price: Price | None = None
    worst: float = 0.0
    counted: bool = False
    sent: bool = False
    hedged: bool = False


class Calls:
    """The calls of one run. They add their decisions to ``decisions``.

    A call that the run's budget has no room for waits in line until ``resume``. Other calls may cost less than was held
    back for them, and the calls that are paid for get their answers before the run says that its money is gone. An
    answer from the journal waits for ``resume`` too.
    """

    def __init__(self, context: Context, decisions: list[Decision], events: list[e.Event]) -> None:
        self.context = context
        self.decisions = decisions
        self.events = events
        self._pending: dict[int, _Pending] = {}
        self._line: deque[_Pending] = deque()
        self._out: set[int] = set()
        self._recalled: deque[tuple[int, Known]] = deque()
        self._fixed: dict[tuple[int, int], tuple[Mapping[str, Json], ModelValue, Mapping[str, p.Expr]]] = {}
        self._budget = Ledger("", context.calls_limit, context.money_limit, *context.spent_within(""))
        self._count = 0

    def launch(
        self,
        frame: Frame,
        ask: p.Ask,
        options: Mapping[str, p.Expr],
        path: str,
        on_value: Callable[[Json], None],
        on_failure: Callable[[Failure], None],
        *,
        sample: Sample | None = None,
        ballot: bool = False,
        place: str = "",
    ) -> None:
        """Make a call of an ask. ``place`` tells calls of the same path apart.

        If the answer to a ``ballot`` does not fit, the call is not repeated. Raises FlowrunError if the prompt cannot
        be made, BudgetError if the flow may make no more calls.
        """
        scope, within = Scope(self.context, frame), frame.within
        model = self.context.default_model if ask.model is None else evaluate(ask.model, scope)
        if isinstance(model, str):
            model = ModelValue(model, model)
        settings = self._settings(model, options, scope)
        request = request_of(ask, settings, scope, sample.index if sample is not None else None)
        call = Call(
            self._next(),
            path,
            model.address,
            request,
            group=(sample.run, sample.step) if sample is not None else None,
            patient=sample is not None and sample.patient,
            retries=settings.get("retries"),
            sample=sample.index if sample is not None else 0,
            place=path + place,
            hedge=None if ballot or "hedge" not in settings else quantile_of(settings["hedge"]),
            lane=0 if within is None else within.around.lane,
            budgeted=within is not None and bool(within.around.ledgers),
        )
        retries = 0 if ballot else int(settings.get("retries", RETRIES))
        self._enter(_Pending(call, call.request, frame, ask, on_value, on_failure, retries, fallback=model.fallback))

    def _settings(self, model: ModelValue, options: Mapping[str, p.Expr], scope: Scope) -> Mapping[str, Json]:
        """Work out the options of a call: the model's, then the ask's own. Options that never change are kept."""
        key = (id(model), id(options))
        if key in self._fixed:
            return self._fixed[key][0]
        settings = {**dict(model.options), **scope.options(options)}
        within_bounds(OPTIONS, settings)
        if all(isinstance(option, p.Constant) for option in options.values()) and len(self._fixed) < _FIXED:
            # Both are kept: another object might get the same identity.
            self._fixed[key] = (settings, model, options)
        return settings

    def answered(self, number: int, answer: Answer, usage: Usage) -> None:
        """Take an answer and its part of the bill. Drop it if its call was cancelled meanwhile."""
        if pending := self._take(number):
            self._settle(pending, usage)
            pending.frame.used(pending.call.model, usage)
            self._read(pending, answer)

    def failed(self, number: int, error: CallError) -> None:
        if pending := self._take(number):
            if isinstance(error, AnswerError):
                self._settle(pending, error.usage or NO_USAGE)
                self._again(pending, error)
                return
            # A refused request is not billed; for any other failure the bill is not known.
            self._settle(pending, NO_USAGE if error.doubtful else Usage(0, 0))
            self._lost(pending, error)

    def doubted(self, number: int) -> bool:
        """Tell whether the budgets allow to repeat an attempt that may have been paid. It counts as one more call.

        If they do not, the call has failed, or waits in line for money.
        """
        pending = self._pending.get(number)
        if pending is None:
            return False
        self._settle(pending, Usage())
        try:
            self._admit(self._ledgers(pending.frame))
            self.events.append(e.CallInDoubt(pending.call.path, pending.call.model))
            if not self._line and self._reserve(pending):
                return True
            self._out.discard(number)
        except BudgetError as error:
            self._take(number)
            said = f"{error}; an attempt that may have been paid is not made again"
            pending.on_failure(Failure(pending.call.path, said, error))
            return False
        self._line.append(pending)
        return False

    def hedged(self, number: int) -> bool:
        """Tell whether all budgets of a call have room to send its request a second time, side by side.

        One of the two requests will be given up and may still be paid, so it counts at its worst.
        """
        pending = self._pending.get(number)
        if pending is None or pending.hedged:
            return False
        ledgers = self._ledgers(pending.frame)
        try:
            for ledger in ledgers:
                ledger.admit()
            if pending.price is not None:
                worst = worst_of(pending.call, pending.price)
                if not reserve(pending.ledgers, worst):
                    return False
                for ledger in pending.ledgers:
                    ledger.settle(worst, None)
        except BudgetError:
            return False
        for ledger in ledgers:
            ledger.calls += 1
        pending.hedged = True
        self.events.append(e.CallHedged(pending.call.path, pending.call.model))
        return True

    def cancel(self, numbers: set[int], *, keep: bool = False) -> None:
        """Cancel calls. ``keep``: a request that is under way goes on to its end, for its answer is paid."""
        for number in sorted(numbers):
            # The call may have been answered and billed before it was cancelled.
            self._settle(self._pending.pop(number), Usage())
            self._out.discard(number)
            self.decisions.append(Cancel(number, keep))
        numbers.clear()

    def resume(self) -> bool:
        """Give the next answer from the journal, or else send the calls in line that the budgets have room for.

        Return True if an answer was given or a call left the line.
        """
        if self._recalled:
            number, known = self._recalled.popleft()
            if pending := self._take(number):
                if isinstance(known.answer, Answer):
                    pending.frame.used(pending.call.model, known.usage)
                    self._read(pending, known.answer)
                elif known.answer is not None:
                    self._again(pending, known.answer)
            return True
        moved = False
        while self._line:
            pending = self._line[0]
            try:
                if pending.call.number in self._pending and not self._send(pending):
                    break
            except BudgetError as error:
                if self._out and not error.flow:
                    break
                self._take(pending.call.number)
                pending.on_failure(Failure(pending.call.path, str(error), error))
            self._line.popleft()
            moved = True
        return moved

    def _enter(self, pending: _Pending) -> None:
        """Take the answer from the journal, or send the call, or put it in line.

        Raises BudgetError if the budget of a called flow will never have room for it, InDoubtError if it may have been
        paid before and must not be sent again.
        """
        call = pending.call
        known = self._known(pending)
        call.key, call.open = known.key, known.open
        self._price(pending)
        if known.answer is not None:
            self.events.append(e.AnswerRecalled(call.path, call.model))
            self._recalled.append((call.number, known))
        else:
            if known.open:
                if not self.context.ask_doubtful:
                    raise InDoubtError("it was under way when a run was ended and may be paid: it is not sent again")
                self.events.append(e.CallInDoubt(call.path, call.model))
            self._must_be_priced(pending)
            self._admit(pending.frame.ledgers)
            if self._line or not self._sent_at_once(pending):
                self._line.append(pending)
        self._pending[call.number] = pending
        pending.frame.calls.add(call.number)

    def _known(self, pending: _Pending) -> Known:
        """Look up a call in the journal, and if that has no answer, the same request without a correction."""
        call = pending.call
        known = self.context.known(call)
        if known.answer is None and call.request is not pending.request:
            bare = self.context.known(replace(call, request=pending.request))
            return known if bare.answer is None else bare
        return known

    def _ledgers(self, frame: Frame) -> tuple[Ledger, ...]:
        return (*frame.ledgers, self._budget)

    def _admit(self, ledgers: Sequence[Ledger]) -> None:
        """Count a call in each budget. Raises BudgetError if a budget allows no more calls."""
        for ledger in ledgers:
            ledger.admit()
        for ledger in ledgers:
            ledger.calls += 1

    def _resend(self, pending: _Pending, call: Call) -> None:
        """Repeat a call, as a call of its own with its own number."""
        path = call.path
        pending.call = replace(call, number=self._next(), group=None, tries=0)
        pending.counted = pending.hedged = False
        try:
            self._enter(pending)
        except (BudgetError, InDoubtError) as error:
            pending.on_failure(Failure(path, str(error), error))

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _take(self, number: int) -> _Pending | None:
        pending = self._pending.pop(number, None)
        if pending is not None:
            self._out.discard(number)
            pending.frame.calls.discard(number)
        return pending

    def _price(self, pending: _Pending) -> None:
        """Find the budgets in money that a call counts in, and the price of its model."""
        ledgers = pending.frame.ledgers
        if not ledgers and self._budget.money_limit is None:
            return
        pending.ledgers = tuple(one for one in (*ledgers, self._budget) if one.money_limit is not None)
        pending.price = self.context.price(pending.call.model) if pending.ledgers else None

    def _must_be_priced(self, pending: _Pending) -> None:
        """Raise BudgetError if a call counts in a budget in money, and the most that it can cost is not known."""
        if not pending.ledgers:
            return
        model = pending.call.model
        if pending.price is None:
            raise BudgetError(f"no price is known for `{model}`, so the flow's budget in money cannot be held")
        if pending.price.worst(0, pending.call.request.max_tokens) is None:
            raise BudgetError(
                f"nobody knows how long an answer of `{model}` may be, so the flow's budget in money cannot be held: "
                "set `max_tokens`"
            )

    def _send(self, pending: _Pending) -> bool:
        """Send a call if its budgets have room for it, and return True if they do.

        Raises BudgetError if they will never have room.
        """
        if not pending.counted:
            self._budget.admit()
        if not self._reserve(pending):
            return False
        if not pending.counted:
            self._budget.calls += 1
            pending.counted = True
        self._out.add(pending.call.number)
        self.decisions.append(Launch(pending.call))
        return True

    def _sent_at_once(self, pending: _Pending) -> bool:
        try:
            return self._send(pending)
        except BudgetError as error:
            if error.flow:
                raise
            return False

    def _reserve(self, pending: _Pending) -> bool:
        if pending.price is not None:
            worst = worst_of(pending.call, pending.price)
            if not reserve(pending.ledgers, worst):
                return False
            pending.worst = worst
        pending.sent = True
        return True

    def _settle(self, pending: _Pending, usage: Usage) -> None:
        if pending.price is None or not pending.sent:
            return
        bill = pending.price.bill(usage.input_tokens, usage.output_tokens)
        for ledger in pending.ledgers:
            ledger.settle(pending.worst, bill)
        pending.sent = False

    def _read(self, pending: _Pending, answer: Answer) -> None:
        try:
            value = value_of(pending.ask, answer, pending.call.request)
        except AnswerError as error:
            self._again(pending, error)
        else:
            pending.on_value(value)

    def _again(self, pending: _Pending, error: AnswerError) -> None:
        """Repeat a call whose answer does not fit, if it has tries left and another answer may be better.

        If the answer was malformed, the request tells the model its fault.
        """
        call = pending.call
        if error.final:
            self._lost(pending, error)
        elif call.again >= pending.retries:
            times = f" ({call.again + 1} times)" if call.again else ""
            pending.on_failure(Failure(call.path, f"{error}{times}", error))
        else:
            request = pending.request
            if isinstance(error, MalformedError):
                request = corrected(request, pending.ask.answer, error)
            self._resend(pending, replace(call, request=request, again=call.again + 1, ceiling=None))

    def _lost(self, pending: _Pending, error: CallError) -> None:
        """Give up a call at its model, and ask the fallback model if the flow names one.

        The fallback model also takes over the tries that are left: a plan counts one more.
        """
        if pending.fallback is None:
            pending.on_failure(Failure(pending.call.path, str(error), error))
            return
        address, pending.fallback = pending.fallback, None
        self._resend(pending, replace(pending.call, model=address, request=pending.request, ceiling=None))
