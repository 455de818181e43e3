"""The calls of a run. An ask becomes a request, its answer a value. If the answer does not fit, the call repeats."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..costs.budget import Ledger
from ..vocabulary import events as e
from ..vocabulary.call import Answer
from ..vocabulary.errors import AnswerError, BudgetError, CallError, InDoubtError, MalformedError
from ..vocabulary.json_value import Json
from ..vocabulary.usage import NO_USAGE, Usage
from .asks import PreparedAsk
from .corrections import corrected
from .decisions import Call, Cancel, Decision, Failure, Group, Known, Launch, Policy, Sample
from .frames import Frame
from .heads import expected, none_left
from .holds import Hold
from .pending import ALONE, BudgetLine, Outgoing, Pending, Service
from .scopes import Context, Scope
from .withheld_calls import Withheld

if TYPE_CHECKING:
    from .haste import Haste
    from .needs import Needs


class Calls:
    """The calls of one run. They add their decisions to ``decisions``.

    A call waits in line if the run's budget has no room for it. ``resume`` tries it again: other calls may cost less
    than is held back for them. So paid calls have their answers before the run reports an empty budget. An answer from
    the journal waits for ``resume`` too. ``count`` is the greatest number of a call. ``needs`` are those of votes.
    """

    def __init__(self, context: Context, decisions: list[Decision], events: list[e.Event]) -> None:
        self.context = context
        self.decisions = decisions
        self.events = events
        self._pending: dict[int, Pending] = {}
        self.withheld = Withheld()
        self.line, self.out = BudgetLine(self.withheld, context.now), Outgoing()
        self.needs: Needs | None = None
        self.haste: Haste | None = None
        self._reused: deque[tuple[int, Known]] = deque()
        self.budget = context.ledger or Ledger("", context.calls_limit, context.money_limit, *context.spent_within(""))
        self.count, self._left = 0, none_left if context.marked else context.left

    def launch(
        self,
        frame: Frame,
        ask: PreparedAsk,
        path: str,
        on_value: Callable[[Json], None],
        on_failure: Callable[[Failure], None],
        *,
        sample: tuple[Group | None, int] | None = None,
        ballot: bool = False,
        place: str = "",
    ) -> None:
        """Make a call of an ask. ``sample`` is its group and its number there. ``place`` tells calls of one path apart.

        A ``ballot`` that does not fit is not repeated. Raises FlowrunError if the prompt cannot be made.
        """
        scope, within = Scope(self.context, frame), frame.within
        ask = ask.within(scope)
        model = ask.model(scope)
        settings = ask.settings(model, scope)
        ledgers = () if within is None else within.around.ledgers
        group, number = (None, None) if sample is None else sample
        request = ask.request(settings, scope, number, heads := ask.heads(settings, scope))
        batch = self.context.batches.get(model.address)
        batch = bool(batch if batch is None or settings.batch is None else settings.batch)
        coming = () if heads is None else expected(heads, frame, sure=ask.sure, known=self._left())
        lane, hedge = 0 if within is None else within.around.lane, None if ballot or batch else settings.hedge
        call = Call(
            self._next(),
            path,
            model.address,
            request,
            group,
            Sample(number) if number else ALONE,
            path + place,
            Policy(settings.retries, hedge, bool(ledgers), lane, ask.question(path, request), batch, coming),
        )
        tries, hold = 0 if ballot else settings.tries, Hold(self.budget, ledgers, call, self.context)
        pending = Pending(call, call.request, frame, ask, on_value, on_failure, tries, model.fallback, hold)
        try:
            self._enter(pending)
        except (BudgetError, InDoubtError) as error:
            self.context.watcher.failed(call, Failure(path, str(error), error))
            raise

    def answered(self, number: int, answer: Answer, usage: Usage) -> None:
        """Take an answer and its part of the bill. Ignore it if the call was cancelled in the meantime."""
        if pending := self._take(number):
            if pending.hold.price is not None:
                pending.hold.settle(usage)
            pending.count_tokens(usage)
            self._read(pending, answer)

    def failed(self, number: int, error: CallError | BudgetError) -> None:
        if pending := self._take(number):
            if isinstance(error, AnswerError):
                pending.spoilt(error.usage or NO_USAGE)
                self._again(pending, error)
                return
            # A refused request is not billed. For a doubtful failure the bill is unknown.
            pending.hold.settle(NO_USAGE if error.doubtful else Usage(0, 0))
            self._lost(pending, error)

    def doubted(self, number: int, *, live: bool = False) -> bool:
        """Tell whether the budgets allow another attempt at a call, which counts as one more, after one maybe paid.

        With ``live`` that was an unpaid line of a batch API. If False, the call has failed, or waits in line for money.
        """
        pending = self._pending.get(number)
        if pending is None:
            return False
        pending.hold.settle(Usage(0, 0) if live else Usage())
        try:
            if live:
                pending.call.policy = pending.call.policy._replace(batch=False)
                pending.call.ceiling = None
            else:
                pending.hold.repeat()
                self._doubt(pending.call)
            if not self.line and pending.hold.reserve(pending.call):
                return True
            self.out.discard(number)
        except BudgetError as error:
            self._take(number)
            said = "" if live else "; flowrun does not repeat an attempt that may have been paid"
            self._fail(pending, Failure(pending.call.path, f"{error}{said}", error))
            return False
        self.line.put(pending)
        return False

    def hedged(self, number: int) -> bool:
        """Tell whether all budgets of a call have room to send its request twice."""
        pending = self._pending.get(number)
        if pending is None or pending.hold.hedged or not pending.hold.hedge(pending.call):
            return False
        call = pending.call
        self.events.append(e.CallHedged(call.path, call.model, call, at=self.context.now()))
        return True

    def cancel(self, numbers: set[int], *, keep: bool = False) -> None:
        """Cancel calls. With ``keep``, a request that is under way may finish, because its answer is paid."""
        for number in sorted(numbers):
            # The call may have been answered and billed before it was cancelled.
            pending = self._pending.pop(number)
            pending.hold.settle(Usage())
            self.line.forget(pending)
            self.out.discard(number)
            self.context.watcher.cancelled(pending.call)
            self.decisions.append(Cancel(number, keep))
        numbers.clear()

    @property
    def reuses(self) -> bool:
        """True if answers from the journal wait to be given out."""
        return bool(self._reused)

    def resume(self) -> bool:
        """Give out an answer from the journal, or else send the calls in line that fit. Return False without any."""
        if self._reused:
            number, known = self._reused.popleft()
            if pending := self._take(number):
                if isinstance(known.answer, Answer):
                    pending.count_tokens(known.usage)
                    self._read(pending, known.answer)
                elif known.answer is not None:
                    pending.count_spoilt(known.usage)
                    self._again(pending, known.answer)
            return True
        if not self.line and not (self.needs and self.needs.waiting):
            return self.haste is not None and self.haste.serve()
        service = Service(lambda pending: pending.call.number in self._pending, self._send, self._refuse, self.out)
        return self.line.serve(service) or bool(not self.line and self.needs and self.needs.serve(service))

    def _refuse(self, pending: Pending, error: BudgetError) -> None:
        self._take(pending.call.number)
        self._fail(pending, Failure(pending.call.path, str(error), error))

    def _enter(self, pending: Pending) -> None:
        """Take the answer from the journal, or send the call, or put the call in line.

        Raises BudgetError if a called flow's budget will never have room, InDoubtError if a call that may be paid must
        not be sent again.
        """
        call = pending.call
        self.context.watcher.asked(call, pending.frame, pending.ask.value)
        call.known = known = pending.recalled(self.context.known)
        if known.answer is not None:
            self._left = self.context.left if self.out else self._left  # it may have the answers of later calls, too
            self.events.append(e.AnswerRecalled(call.path, call.model, call, known.answer, at=self.context.now()))
            self._reused.append((call.number, known))
            if self.needs is not None:
                self.needs.sent(pending, recalled=True)
        elif call.question is not None:
            # A person takes nothing of any budget.
            self.decisions.append(Launch(call))
            pending.frame.make_room()
        else:
            if known.open:
                if not self.context.ask_doubtful:
                    raise InDoubtError(
                        "it was open when an earlier run ended and may have been paid: flowrun does not send it again"
                    )
                self._doubt(call)
            pending.hold.admit(call)
            held = known.unsent or (self.needs is not None and self.needs.holds(pending))
            if not held and (self.line or not self._sent_at_once(pending)):
                self.line.put(pending)
        self._pending[call.number] = pending
        pending.frame.calls.add(call.number)

    def _resend(self, pending: Pending, call: Call) -> None:
        """Repeat a call as a new call with a number of its own."""
        pending.call = replace(call, number=self._next(), group=None, tries=0, ceiling=None, withheld=0.0)
        pending.hold = Hold(self.budget, pending.hold.ledgers, pending.call, self.context)
        try:
            self._enter(pending)
        except (BudgetError, InDoubtError) as error:
            self._fail(pending, Failure(call.path, str(error), error))

    def _doubt(self, call: Call) -> None:
        self.events.append(e.CallInDoubt(call.path, call.model, call, at=self.context.now()))

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _take(self, number: int) -> Pending | None:
        pending = self._pending.pop(number, None)
        if pending is not None:
            self.out.discard(number)
            pending.frame.calls.discard(number)
        return pending

    def _send(self, pending: Pending) -> bool:
        """Send a call, and return True, if its budgets have room. Raises BudgetError if they never will have."""
        if not pending.hold.reserve(pending.call):
            return False
        pending.count_time_in_line(self.context.now)
        self.out.add(pending.call.number, pending.call.model)
        if self.needs is not None:
            self.needs.sent(pending)
        self.decisions.append(Launch(pending.call))
        return True

    def _sent_at_once(self, pending: Pending) -> bool:
        try:
            return self._send(pending)
        except BudgetError as error:
            if error.flow:
                raise
            return False

    def _read(self, pending: Pending, answer: Answer) -> None:
        try:
            value = pending.ask.value(answer, pending.call.request)
        except AnswerError as error:
            self._again(pending, error)
        else:
            self.context.watcher.heard(pending.call, value)
            pending.on_value(value)

    def _again(self, pending: Pending, error: AnswerError) -> None:
        """Repeat a call whose answer does not fit, if it may. If it was malformed, the request tells the model why."""
        call, again = pending.call, pending.call.sample.again
        self.context.watcher.heard(call, error)
        if error.final:
            self._lost(pending, error)
        elif again >= pending.tries:
            times = f" ({again + 1} times)" if again else ""
            self._fail(pending, Failure(call.path, f"{error}{times}", error))
        else:
            request = pending.request
            if isinstance(error, MalformedError) and call.question is None:
                request = corrected(request, pending.ask.answer, error)
            self._resend(pending, replace(call, request=request, sample=Sample(call.sample.number, again + 1)))

    def _lost(self, pending: Pending, error: CallError | BudgetError) -> None:
        """Give up a call at its model. A fallback model of the flow gets the call and its other tries."""
        if pending.fallback is None or isinstance(error, BudgetError):
            self._fail(pending, Failure(pending.call.path, str(error), error))
            return
        address, pending.fallback = pending.fallback, None
        policy = pending.call.policy._replace(batch=False)
        self._resend(pending, replace(pending.call, model=address, request=pending.request, policy=policy))

    def _fail(self, pending: Pending, failure: Failure) -> None:
        self.context.watcher.failed(pending.call, failure)
        pending.on_failure(failure)
