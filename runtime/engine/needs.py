"""The spending of a budget over many votes, by need.

It matters only while the budget of the run may not reach for all its votes: the most calls that all elements could
still make are more than the budget has left. Then a vote sends one sample at a time, and each sample but the first
waits for its turn.

- First samples do not wait. Those of elements that had none yet are kept back from the budget. An element that waits
  for its turn lets its maps open one more, so that it does not keep the first sample of another one waiting.
- Of the waiting votes the neediest is next: the smallest lead, then the fewest samples, then the first element. This
  is found again whenever a sample is over.
- Votes go side by side: a sample is sent while its endpoint has a free place, and while no more of these samples are
  under way than the budget could still pay after them.
- Steps share the budget by their weights: the next sample is for the step that has had the fewest for its weight.

If the budget is spent, a vote loses its next sample, and its rule says what becomes of it. A sample whose answer is in
the journal waits for nothing. So a resumed run first repeats the samples of the earlier one.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush, nlargest
from typing import TYPE_CHECKING, Protocol

from flowrun.dsl import plan as p

from ..costs.budget import Ledger
from ..plans.samples import Costs, elements_of
from ..vocabulary.errors import BudgetError
from .ceilings import worst_of
from .open_blocks import Bodies, OpenBlock, SampleAccount, Turn
from .pending import BudgetLine, Outgoing, Pending, Service

if TYPE_CHECKING:
    from .frames import Frame

MOST_WAITING = 4096
"""The most votes that may wait for a turn and let their maps open further elements."""
KEPT = "the rest of the flow's budget is for the first samples of other votes"
_MUCH = 1 << 60


class Sender(Protocol):
    """The calls of the run: their budget, those under way, and the line of those that need no turn."""

    budget: Ledger
    out: Outgoing
    line: BudgetLine


def _never() -> bool:
    return False


class Needs:
    """The spending of one run's budget over its votes. ``busy`` tells whether the run waits for more than calls."""

    def __init__(self, calls: Sender, plan: p.Plan) -> None:
        self.calls = calls
        self.costs = Costs(plan.flows)
        self.waiting = 0
        self._open: dict[object, OpenBlock] = {}
        self._tops: dict[OpenBlock, None] = {}
        self._accounts: dict[object, SampleAccount] = {}
        self.busy: Callable[[], bool] = _never
        self._behind: dict[tuple[OpenBlock, int], list[Pending]] = {}
        self._dearest = 0.0
        self._yielded = 0
        self._flying = 0
        self._serial = 0

    @property
    def ledger(self) -> Ledger:
        return self.calls.budget

    # The blocks

    def begin(self, block: Bodies, weight: float) -> None:
        """Take note of a map or a repeat that begins."""
        step, around = block.step, self._home(block.frame)
        account = self._accounts.get(step)
        if account is None:
            lowest = min((one.share for one in self._accounts.values() if one.line), default=0.0)
            account = self._accounts[step] = SampleAccount(self.costs.of(step.plan.block.steps), lowest)
        weight *= 1.0 if around is None else around[0].weight
        account.weight = weight
        self._open[block] = opened = OpenBlock(block, around, account.cost, weight, bool(block.votes and block.samples))
        if around is None:
            self._tops[opened] = None
        elif isinstance(step.plan.node, p.Map) and block.pace.whole:
            top, index = opened.top
            total, cost = block.pace.total, account.cost
            top.use(index, (elements_of(step.plan.node) - total) * cost.most, (1 - total) * cost.first)

    def body_over(self, block: Bodies, index: int) -> None:
        """Take note of the end of a body."""
        if (opened := self._open.get(block)) is not None:
            self._flying -= opened.forget(index)

    def close(self, block: Bodies) -> None:
        """Take note that a block opens no more bodies. The calls that it does not need are free for others."""
        if (opened := self._open.pop(block, None)) is None:
            return
        self._flying -= len(opened.turns)
        self._tops.pop(opened, None)
        if opened.around is not None and block.samples:
            top, index = opened.top
            top.use(index, (block.pace.total - block.pace.launched) * opened.cost.most)

    def opening(self, block: Bodies, wanted: int) -> int:
        """Return how many of the wanted bodies a vote may open. While the budget may not reach, it opens one by one."""
        return wanted if not self.short else max(0, min(wanted, 1 - len(block.bodies)))

    def _home(self, frame: Frame | None) -> tuple[OpenBlock, int] | None:
        """Return the innermost open block around a frame, and the number of the body there."""
        while frame is not None:
            block = frame.block
            if block is not None and (opened := self._open.get(block)) is not None:
                return opened, frame.index
            frame = frame.parent if block is None else block.frame
        return None

    # The budget

    @property
    def short(self) -> bool:
        """True if the budget may not reach for all that the open blocks could still ask for."""
        need = sum(top.most_to_come for top in self._tops)
        ledger = self.ledger
        if ledger.calls_limit is not None and need > ledger.calls_limit - ledger.calls:
            return True
        # Before the first call its price is not known.
        return ledger.money_limit is not None and (not self._dearest or need * self._dearest > self._dollars)

    @property
    def _dollars(self) -> float:
        ledger = self.ledger
        # Sums of decimal fractions are off by a little.
        return (ledger.money_limit or 0.0) * (1 + 1e-9) - ledger.spent - ledger.reserved

    @property
    def _left(self) -> int:
        """The calls that the budget could still pay."""
        ledger, left = self.ledger, _MUCH
        if ledger.calls_limit is not None:
            left = ledger.calls_limit - ledger.calls
        if ledger.money_limit is not None and self._dearest:
            left = min(left, int(self._dollars / self._dearest))
        return left

    # The calls

    def sent(self, pending: Pending, *, recalled: bool = False) -> None:
        """Take note of a call that is sent, or whose answer is in the journal."""
        if self.ledger.money_limit is not None and not recalled:
            first, worst = not self._dearest, worst_of(pending.call, pending.hold.price)
            self._dearest = max(self._dearest, worst)
            for opened in self._open.values() if first and worst else ():
                opened.block.more()
        if (home := self._home(pending.frame)) is not None:
            for opened, index in home[0].outward(home[1]):
                opened.started = True
                opened.begun.add(index)
                if opened.around is None:
                    opened.use(index, 1, 1)

    def holds(self, pending: Pending) -> bool:
        """Tell whether a call must wait for its turn. If so, it is in line."""
        home = self._home(pending.frame)
        if home is None or not self.short:
            return False
        for opened, index in home[0].outward(home[1]):
            # A sample that had its turn may make further calls.
            if opened.votes and opened.started and index not in opened.begun:
                if (behind := self._behind.get((opened, index))) is None:
                    self._put(pending, opened, index)
                else:
                    behind.append(pending)
                return True
        return False

    def _put(self, pending: Pending, opened: OpenBlock, index: int) -> None:
        self._behind[opened, index] = []
        self._serial += 1
        self.waiting += 1
        yields = self._yielded < MOST_WAITING
        turn = Turn(opened.need(index), self._serial, pending, opened, index, yields)
        heappush(self._accounts[opened.block.step].line, turn)
        if yields:
            self._yielded += 1
            opened.make_room(1)
        else:
            opened.hold(1)

    def _take(self, account: SampleAccount, *, sent: bool = False) -> Turn:
        turn = heappop(account.line)
        self._left_line(turn, sent=sent)
        return turn

    def _left_line(self, turn: Turn, *, sent: bool = False) -> None:
        """Take a turn out of the count. If it was ``sent``, other calls of its sample follow; else one waits on."""
        behind = self._behind.pop((turn.opened, turn.body))
        if sent:
            for pending in behind:
                self.calls.line.put(pending)
        elif behind:
            self._put(behind[0], turn.opened, turn.body)
            self._behind[turn.opened, turn.body] = behind[1:]
        self.waiting -= 1
        if turn.yields:
            self._yielded -= 1
            turn.opened.make_room(-1)
        else:
            turn.opened.hold(-1)

    def serve(self, service: Service) -> bool:
        """Send the call that has the next turn. Return True if it was sent, or failed."""
        for account in self._accounts.values():
            while account.line and not service.wanted(account.line[0].pending):
                self._take(account)
        if not self.waiting:
            return False
        lines = [one for one in self._accounts.values() if one.line]
        room = self._room if self.short else _MUCH
        if room < 1 or self._flying >= room:
            if self.calls.out or self.busy():
                return False
            # Nothing is under way, so no sample of another element can be waited for.
            unopened = sum(top.unopened for top in self._tops)
            if unopened and self._make_room():
                return True
            free = self.calls.out.free(lines[0].line[0].pending.call.model) or 1
            many = min(free, unopened, self._left, self.waiting - self._yielded)
            if many > 0:
                self._give_up(many, service)
                return True
            account = min(lines, key=lambda one: one.line[0])
        else:
            able = lines if room == _MUCH else [one for one in lines if self._has_place(one.line[0])]
            if not able and (self.calls.out or self.busy()):
                return False
            account = min(able or lines, key=lambda one: one.share)
        turn = account.line[0]
        try:
            if not service.send(turn.pending):
                return False
        except BudgetError as error:
            if self.calls.out and not error.flow:
                return False
            self._take(account)
            service.refuse(turn.pending, error)
            return True
        self._take(account, sent=True)
        account.given += 1
        if turn.opened.block in self._open and turn.body not in turn.opened.turns:
            turn.opened.turns.add(turn.body)
            self._flying += 1
        return True

    @property
    def _room(self) -> int:
        """The calls that the budget could still pay beside the first samples of all elements."""
        return self._left - sum(top.first_to_come for top in self._tops)

    def _make_room(self) -> bool:
        """Let votes that wait with their place give it to other elements, as the limit allows. True if any did."""
        before = self._yielded
        for account in self._accounts.values():
            for at, turn in enumerate(account.line):
                if self._yielded < MOST_WAITING and not turn.yields:
                    account.line[at] = turn._replace(yields=True)
                    self._yielded += 1
                    turn.opened.hold(-1)
                    turn.opened.make_room(1)
        return self._yielded > before

    def _give_up(self, many: int, service: Service) -> None:
        """End the waiting votes that need a sample least, so that elements can be opened in their place."""
        turns = nlargest(many, (turn for account in self._accounts.values() for turn in account.line))
        ended = {turn.serial for turn in turns}
        for account in self._accounts.values():
            account.line = [turn for turn in account.line if turn.serial not in ended]
            heapify(account.line)
        for turn in turns:
            self._left_line(turn)
            service.refuse(turn.pending, BudgetError(KEPT))

    def _has_place(self, turn: Turn) -> bool:
        """Tell whether the endpoint of a call has a free place, and so have the maps around it with `concurrency`."""
        free = self.calls.out.free(turn.pending.call.model)
        return free != 0 and all(one.roomy for one, _ in turn.opened.outward(turn.body) if one is not turn.opened)
