"""The part of a run's budget that the book keeps: what is spent, and what the holders of its leases have.

It is pure and needs no clock. It serves for dollars and for calls alike.

A holder has an amount before it spends it. So what is spent and what all holders have never exceed the limit together,
at any delay of the messages. A holder that waits is served in the order of asking. While one waits, the purse is
``tight``: nobody keeps anything in stock.
"""

from __future__ import annotations

from dataclasses import field
from math import inf

from flowrun.dsl import dataclass

STOCK = 16
"""The times its need that a holder gets, if there is enough: so it asks seldom."""
PART = 4
"""A stock is at most the part of what is free that each holder would get if there were so many times more of them."""


@dataclass(eq=False, slots=True)
class News:
    """The news for a holder: the amount that it gets, what all have spent, and whether the purse is tight."""

    amount: float = 0.0
    spent: float | None = None
    tight: bool | None = None


@dataclass(eq=False, slots=True)
class Purse:
    """The purse of a budget. ``limit`` is None without one. ``held`` has what each holder has and has not spent.

    ``needs`` are the amounts that holders wait for, the first to ask first. ``ahead`` are those for which nobody waits
    yet. ``doubt`` is what dead holders may have spent, counted in ``spent``. ``whole``: amounts are whole numbers, and
    a holder can use any part of what it waits for.
    """

    limit: float | None
    spent: float = 0.0
    held: dict[int, float] = field(default_factory=dict)
    needs: dict[int, float] = field(default_factory=dict)
    ahead: dict[int, float] = field(default_factory=dict)
    doubt: float = 0.0
    tight: bool = False
    whole: bool = False

    @property
    def most(self) -> float:
        # Sums of decimal fractions are off by a little.
        return inf if self.limit is None else self.limit * (1 + 1e-9)

    def join(self, holder: int) -> None:
        self.held.setdefault(holder, 0.0)

    def report(self, holder: int, cost: float, used: float, back: float) -> None:
        """Take the account of a holder: the bills, the part of its amount that they used, and what it gives back."""
        self.spent += cost
        self.held[holder] -= used + back

    def ask(self, holder: int, amount: float, *, waits: bool) -> None:
        """Take the need of a holder, in place of an earlier one; 0 if it needs nothing any more."""
        self.ahead.pop(holder, None)
        if waits and amount:
            self.needs[holder] = amount  # it keeps its place in the line
            return
        self.needs.pop(holder, None)
        if amount:
            self.ahead[holder] = amount

    def gone(self, holder: int, open_: float | None = None) -> None:
        """Count what a dead holder may have spent. ``open_`` is the most that its open calls cost, None if unknown.

        A negative amount was reported as spent, and was not.
        """
        self.needs.pop(holder, None)
        self.ahead.pop(holder, None)
        held = max(0.0, self.held.pop(holder, 0.0))
        lost = held if open_ is None else min(held, open_)
        self.spent += lost
        self.doubt += max(0.0, lost)

    def serve(self) -> dict[int, News]:
        """Serve those that wait, in their order, and tell those that can never be served what is spent."""
        out: dict[int, News] = {}
        for holder, need in list(self.needs.items()):
            if self.spent + (1 if self.whole else need) > self.most:
                del self.needs[holder]
                out.setdefault(holder, News()).spent = self.spent
        while self.needs:
            holder, need = next(iter(self.needs.items()))
            if self.whole:
                need = min(need, max(1, self._free // len(self.needs)))
            if need > self._free:
                break
            del self.needs[holder]
            stock = 0.0 if self.needs else min(max(STOCK * need, self.held[holder]), self._part)
            self._give(out, holder, max(need, stock))
        if not self.needs:
            for holder, need in list(self.ahead.items()):
                stock = min(max(STOCK * need, self.held[holder]), self._part)
                if stock >= need:
                    del self.ahead[holder]
                    self._give(out, holder, stock)
        if self.tight != bool(self.needs):
            self.tight = bool(self.needs)
            for holder in self.held:
                out.setdefault(holder, News()).tight = self.tight
        return out

    @property
    def _free(self) -> float:
        return self.most - self.spent - sum(self.held.values())

    @property
    def _part(self) -> float:
        part = self._free / (PART * max(1, len(self.held)))
        if not self.whole:
            return part
        # A small stock would tear votes apart: some samples would go at once, and the others later.
        return part // 1 if part >= STOCK else 0

    def _give(self, out: dict[int, News], holder: int, amount: float) -> None:
        self.held[holder] += amount
        out.setdefault(holder, News()).amount += amount


@dataclass(eq=False, slots=True)
class PursePortion:
    """The portion of a purse that one holder has.

    ``held`` is what it has, ``taken`` the part of it that calls in flight may cost. The rest is its stock. ``asked`` is
    the need that the purse knows, ``waits`` whether a call waits for it. ``cost``, ``used`` and ``back`` are the
    account since the last report. ``fresh`` says that the need has changed since then, ``came`` that an amount has come
    since then: the call that waits for it has a moment to take it.
    """

    held: float = 0.0
    taken: float = 0.0
    asked: float = 0.0
    waits: bool = False
    tight: bool = False
    cost: float = 0.0
    used: float = 0.0
    back: float = 0.0
    fresh: bool = False
    came: bool = False

    @property
    def stock(self) -> float:
        return self.held - self.taken

    def has(self, amount: float) -> bool:
        """Tell whether the stock covers an amount. If it does not, ask for it."""
        if self.stock >= amount * (1 - 1e-9):
            if self.waits:
                self.asked, self.waits, self.fresh = 0.0, False, True
            if not self.tight and not self.asked and self.stock < 4 * amount:
                self.asked, self.fresh = amount, True
            return True
        if self.asked != amount or not self.waits:
            self.asked, self.waits, self.fresh = amount, True, True
        return False

    def settle(self, worst: float, cost: float) -> None:
        """Count the bill of a call for which ``worst`` was taken."""
        self.taken = max(0.0, self.taken - worst)
        used = min(worst, cost)
        self.held -= used
        self.used += used
        self.cost += cost

    def give_back(self, keep: float = 0.0) -> None:
        """Give the stock back, but for the amount ``keep``."""
        if (back := self.stock - keep) > 0:
            self.back += back
            self.held -= back

    def granted(self, amount: float) -> None:
        self.held += amount
        self.asked, self.waits, self.came = 0.0, False, True
