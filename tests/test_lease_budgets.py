"""A budget that several processes share is kept to the cent, whatever the order of their messages."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.costs.budget import Ledger, reserve
from flowrun.runtime.costs.lease_book import BudgetBook
from flowrun.runtime.costs.leased_ledger import LeasedLedger
from flowrun.runtime.vocabulary.errors import BudgetError

SOME = settings(max_examples=80, database=None, deadline=None)


class Payer:
    """A process that makes calls of the given worst costs, in their order."""

    def __init__(self, office: Office, number: int) -> None:
        self.office, self.number = office, number
        limits = office.book.calls.limit, office.book.money.limit
        self.ledger = LeasedLedger(None if limits[0] is None else int(limits[0]), limits[1], self.changed)
        self.line: deque[float] = deque()
        if number % 2:
            self.ledger.line = lambda: len(self.line)
        self.out: list[float] = []
        self.up: deque[dict[str, Any]] = deque()
        self.down: deque[dict[str, Any]] = deque()
        self.refused: list[tuple[float, float, int]] = []
        self.dirty = False

    def changed(self, urgent: bool) -> None:
        self.dirty = True

    def resume(self) -> None:
        while self.line:
            worst = self.line[0]
            try:
                self.ledger.admit()
                if not self.ledger.ready:
                    return
                paying = () if self.ledger.money_limit is None else (self.ledger,)
                if not reserve(paying, worst):
                    return
                self.ledger.calls += 1
            except BudgetError:
                if self.out:
                    return
                self.refused.append((worst, self.office.spent, self.office.made))
                self.line.popleft()
                continue
            self.line.popleft()
            self.out.append(worst)
            self.office.made += 1
            self.office.check()

    def over(self, dice: random.Random) -> None:
        worst = self.out.pop(dice.randrange(len(self.out)))
        cost = dice.choice([worst, 0.0, dice.uniform(0, worst)])
        self.office.spent += cost
        if self.ledger.money_limit is not None:
            self.ledger.settle(worst, cost)
        self.resume()

    def report(self) -> None:
        self.dirty = False
        if report := self.ledger.report():
            self.up.append(report)


class Office:
    """A book and its payers. ``spent`` and ``made`` are counted here, by what really happened."""

    def __init__(self, holders: int, calls: int | None, money: float | None) -> None:
        self.book = BudgetBook(calls, money)
        self.spent, self.made = 0.0, 0
        self.payers = [Payer(self, number) for number in range(holders)]
        for one in self.payers:
            self.book.join(one.number)

    def check(self) -> None:
        calls, money = self.book.calls.limit, self.book.money.limit
        assert calls is None or self.made <= calls
        out = sum(sum(one.out) for one in self.payers)
        assert money is None or self.spent + out <= money * (1 + 1e-6)

    def deal(self, messages: dict[int, dict[str, Any]]) -> None:
        for number, message in messages.items():
            self.payers[number].down.append(message)

    def step(self, dice: random.Random) -> bool:
        """Let one thing happen, drawn from all that may. Return False if nothing may."""
        ways = [(one, way) for one in self.payers for way in ("dirty", "up", "down", "out") if getattr(one, way)]
        if not ways:
            return False
        one, way = dice.choice(ways)
        if way == "dirty":
            one.report()
        elif way == "up":
            self.deal(self.book.report(one.number, one.up.popleft()))
        elif way == "down":
            one.ledger.take(one.down.popleft())
            one.resume()
        else:
            one.over(dice)
        return True


@SOME
@given(
    seed=st.integers(0, 10**9),
    holders=st.integers(1, 6),
    calls=st.one_of(st.none(), st.integers(1, 120)),
    money=st.one_of(st.none(), st.floats(0.01, 20)),
)
def test_no_budget_is_exceeded_and_no_call_is_refused_too_early(
    seed: int, holders: int, calls: int | None, money: float | None
) -> None:
    dice = random.Random(seed)
    office = Office(holders, calls, money)
    for _ in range(100):
        payer = dice.choice(office.payers)
        payer.line.extend(dice.choice([0.01, 0.1, 1.0, 3.0]) for _ in range(dice.randint(0, 3)))
        payer.resume()
        for _ in range(dice.randint(0, 20)):
            office.step(dice)
    steps = 0
    while office.step(dice):
        steps += 1
        assert steps < 100_000, "messages without an end"
    assert not any(one.line for one in office.payers), "a call waits for ever"
    for payer in office.payers:
        for worst, spent, made in payer.refused:
            assert (money is not None and spent + worst > money * (1 - 1e-6)) or (calls is not None and made >= calls)
    for payer in office.payers:
        payer.ledger.close()
    while office.step(dice):
        pass
    assert office.book.money.spent == pytest.approx(office.spent if money is not None else 0)
    assert calls is None or office.book.calls.spent == office.made
    assert all(abs(held) < 1e-6 for held in (*office.book.money.held.values(), *office.book.calls.held.values()))


def test_a_refusal_reads_as_it_does_in_one_process() -> None:
    said = r"the flow's budget of \$1.00 has \$0.50 left, and this call could cost \$0.80; set a lower"
    for ledger in (Ledger("", None, 1.0, 0, 0.5), LeasedLedger(None, 1.0)):
        if isinstance(ledger, LeasedLedger):
            ledger.take({"money": {"spent": 0.5}})
        with pytest.raises(BudgetError, match=said):
            ledger.fits(0.8)
    for ledger in (Ledger("", 3, None, 3), LeasedLedger(3)):
        if isinstance(ledger, LeasedLedger):
            ledger.take({"calls": {"spent": 3}})
        with pytest.raises(BudgetError, match="the flow's budget of 3 calls is spent"):
            ledger.admit()


@pytest.mark.parametrize("open_", [None, 0.25])
def test_a_dead_holder_costs_what_its_calls_in_flight_may_cost(open_: float | None) -> None:
    book = BudgetBook(None, 10.0)
    for holder in (0, 1):
        book.join(holder)
    given_ = book.report(1, {"money": {"ask": [0.25, True]}})[1]["money"]["amount"]
    assert given_ >= 0.25
    book.gone(1, None if open_ is None else (0, open_))
    assert book.money.spent == book.money.doubt == (given_ if open_ is None else 0.25)
    assert book.report(1, {"money": {"account": [1.0, 1.0, 0.0]}}) == {}
    assert book.money.spent == (given_ if open_ is None else 0.25)


def test_a_bill_above_the_worst_case_leaves_the_reserves_of_other_calls() -> None:
    book = BudgetBook(None, 2.0)
    book.join(0)
    ledger = LeasedLedger(None, 2.0)
    ledger.take({"money": {"amount": 1.0}})
    book.money.held[0] = 1.0
    assert reserve([ledger], 0.5)
    assert reserve([ledger], 0.5)
    ledger.settle(0.5, 0.9)
    book.report(0, ledger.report())
    assert book.money.spent == pytest.approx(0.9)
    assert book.money.held[0] == pytest.approx(0.5)
    ledger.settle(0.5, 0.1)
    ledger.close()
    book.report(0, ledger.report())
    assert book.money.held[0] == pytest.approx(0)


def test_few_messages_carry_a_large_budget() -> None:
    office = Office(2, 100_000, 1_000.0)
    dice = random.Random(5)
    sent = 0
    for payer in office.payers:
        payer.line.extend([0.01] * 5_000)
        payer.resume()
    while any(one.line for one in office.payers):
        for payer in office.payers:
            if payer.dirty:
                payer.report()
            while payer.up:
                sent += 1
                office.deal(office.book.report(payer.number, payer.up.popleft()))
            while payer.down:
                payer.ledger.take(payer.down.popleft())
                payer.resume()
            for _ in range(min(100, len(payer.out))):
                payer.over(dice)
    assert sent < 1_000, sent


def test_a_call_that_waits_for_money_keeps_its_place_in_a_budget_of_calls() -> None:
    ledger = LeasedLedger(10, 1.0)
    ledger.take({"calls": {"amount": 3, "tight": True}, "money": {"tight": True}})
    assert ledger.ready
    assert not ledger.fits(0.5)
    ledger.report()
    assert ledger.report()["calls"]["account"] == [0.0, 0.0, 2]
    assert ledger.ready
