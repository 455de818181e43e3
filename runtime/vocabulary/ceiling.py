"""The most tokens of calls, and the calls without a known bill."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from flowrun.dsl import dataclass

from .tariff import Stores
from .usage import Price


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most tokens of a call: ``read`` for its prompt, ``written`` for its answer. None if no limit is set.

    ``stores`` tells if the call may write its prompt to the provider's cache, and ``tier`` is the service tier that it
    asks for: "batch" for a batch, "" for the ordinary one.
    """

    read: int
    written: int | None = None
    stores: Stores = ""
    tier: str = ""

    def cost(self, price: Price | None) -> float | None:
        """Work out the most dollars that the call can cost. None if that is not known."""
        return None if price is None else price.worst(self.read, self.written, tier=self.tier, stores=self.stores)


@dataclass(slots=True)
class Unbilled:
    """The calls without a known bill, and the sums of their ceilings. ``endless`` counts calls without a limit.

    ``apart`` has those with prices of their own, by the service tier and the cache writes of their ceilings; the other
    sums are without them.
    """

    calls: int = 0
    read: int = 0
    written: int = 0
    endless: int = 0
    apart: dict[tuple[str, Stores], Unbilled] = field(default_factory=dict)

    def add(self, calls: int, each: Ceiling) -> None:
        """Add calls, or remove calls if ``calls`` is below zero."""
        if each.tier or each.stores:
            self._apart(each.tier, each.stores).add(calls, Ceiling(each.read, each.written))
            return
        self.calls += calls
        self.read += calls * each.read
        if each.written is None:
            self.endless += calls
        else:
            self.written += calls * each.written

    def join(self, other: Unbilled) -> None:
        """Add all calls of another sum."""
        for name in ("calls", "read", "written", "endless"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for kind, one in other.apart.items():
            self._apart(*kind).join(one)

    def _apart(self, tier: str, stores: Stores) -> Unbilled:
        if (tier, stores) not in self.apart:
            self.apart[tier, stores] = Unbilled()
        return self.apart[tier, stores]

    @property
    def any(self) -> bool:
        """True if there is such a call."""
        return self.calls != 0 or any(one.calls for one in self.apart.values())

    def cost(self, price: Price | None) -> float | None:
        """Work out the most dollars that these calls can cost together; None if that is not known."""
        return sum_known([self._cost(price), *(one._cost(price, *kind) for kind, one in self.apart.items())])

    def _cost(self, price: Price | None, tier: str = "", stores: Stores = "") -> float | None:
        if not self.calls:
            return 0.0
        if price is None:
            return None
        endless = price.worst(0, None, tier=tier, stores=stores) if self.endless else 0.0
        if endless is None:
            return None
        read, written = price.dearest(tier, stores)
        return self.read * read + self.written * written + self.endless * endless


def sum_known(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of amounts; None if one is not known."""
    known = 0.0
    for amount in amounts:
        if amount is None:
            return None
        known += amount
    return known
