"""The account of a run. It counts the calls by their ends, with their tokens and costs.

It is built from events during a run, and from the rows of the journal afterwards. Both give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field

from flowrun.dsl import dataclass

from .batch_price import BATCH_TIER, share_of
from .question import PERSON
from .usage import Price, Usage, charge

PriceOf = Callable[[str], Price | None]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most tokens of a call: ``read`` for its prompt, ``written`` for its answer. None if no limit is set."""

    read: int
    written: int | None = None

    def cost(self, price: Price | None) -> float | None:
        """Work out the most dollars that the call can cost. None if that is not known."""
        return None if price is None else price.worst(self.read, self.written)


@dataclass(slots=True)
class Unbilled:
    """The calls without a known bill, and the sums of their ceilings. ``endless`` counts calls without a limit."""

    calls: int = 0
    read: int = 0
    written: int = 0
    endless: int = 0

    def add(self, calls: int, each: Ceiling) -> None:
        """Add calls, or remove calls if ``calls`` is below zero."""
        self.calls += calls
        self.read += calls * each.read
        if each.written is None:
            self.endless += calls
        else:
            self.written += calls * each.written

    def cost(self, price: Price | None) -> float | None:
        """Work out the most dollars that these calls can cost together; None if that is not known."""
        if not self.calls:
            return 0.0
        endless = 0.0 if price is None or not self.endless else price.worst(0, None)
        if price is None or endless is None:
            return None
        return self.read * price.input + self.written * price.output + self.endless * endless


@dataclass(slots=True)
class Use:
    """The calls to one model. Each counts as often as it was sent.

    ``answered`` and ``spoilt`` calls are paid: they brought an answer, or a reply without a usable answer. ``refused``
    calls are not paid. All others were broken off or are under way, and may be paid. Of these, ``cancelled`` calls were
    given up because nothing needed them any more, and the rest is in doubt. ``uncounted`` counts paid calls whose
    server reported no tokens. ``unbilled`` has all calls without a known bill. ``charged`` is the cost in dollars that
    a budget counts for the other calls. ``batch_input`` and ``batch_output`` are the tokens on bills of batch APIs.
    """

    sent: int = 0
    answered: int = 0
    spoilt: int = 0
    refused: int = 0
    cancelled: int = 0
    uncounted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    charged: float = 0.0
    batch_input: int = 0
    batch_output: int = 0
    unbilled: Unbilled = field(default_factory=Unbilled)

    @property
    def broken_off(self) -> int:
        return self.sent - self.answered - self.spoilt - self.refused

    def launch(self, calls: int, each: Ceiling) -> None:
        self.sent += calls
        self.unbilled.add(calls, each)

    def retract(self, calls: int, each: Ceiling) -> None:
        """Remove calls that were not sent after all.

        Also remove calls that got no answer in a shared reply and are sent again.
        """
        self.sent -= calls
        self.unbilled.add(-calls, each)

    def refuse(self, calls: int, each: Ceiling) -> None:
        self.refused += calls
        self.unbilled.add(-calls, each)

    def pay(self, usage: Usage, each: Ceiling, price: Price | None) -> None:
        """Count the bill of a call. If its price is given, also count the dollars that a budget counts for it."""
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        if usage.tier == BATCH_TIER:
            self.batch_input += usage.input_tokens or 0
            self.batch_output += usage.output_tokens or 0
        if not usage.known:
            # The call stays among those without a bill.
            self.uncounted += 1
            return
        self.unbilled.add(-1, each)
        worst = each.cost(price)
        if price is not None:
            bill = price.bill(usage.input_tokens, usage.output_tokens)
            bill = None if bill is None else bill * share_of(usage)
            self.charged += bill or 0.0 if worst is None else charge(worst, bill)

    def add(self, other: Use) -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("calls", "read", "written", "endless"):
            setattr(self.unbilled, name, getattr(self.unbilled, name) + getattr(other.unbilled, name))


_COUNTS = (
    *("sent", "answered", "spoilt", "refused", "cancelled"),
    *("uncounted", "input_tokens", "output_tokens", "charged", "batch_input", "batch_output"),
)


@dataclass(slots=True)
class Account:
    """The figures of a run, or of a part of it. ``models`` has the calls to each model by its address.

    ``price`` is given if the run has a budget in money. Then ``charged`` has the dollars that this budget counts.
    """

    requests: int = 0
    models: dict[str, Use] = field(default_factory=dict)
    price: PriceOf | None = None

    def use(self, model: str) -> Use:
        found = self.models.get(model)
        if found is None:
            found = self.models[model] = Use()
        return found

    def pay(self, model: str, parts: Iterable[Usage], each: Ceiling) -> None:
        """Count the bills of calls that one reply answered."""
        use = self.use(model)
        price = None if self.price is None else self.price(model)
        for part in parts:
            use.pay(part, each, price)

    @property
    def _asked(self) -> Iterable[Use]:
        """The calls to models. Questions to people are no calls."""
        return (use for model, use in self.models.items() if model != PERSON)

    @property
    def people(self) -> int:
        """The answers of people."""
        use = self.models.get(PERSON)
        return 0 if use is None else use.answered

    def __add__(self, other: Account) -> Account:
        both = Account(self.requests + other.requests, price=self.price or other.price)
        for one in (self, other):
            for model, use in one.models.items():
                both.use(model).add(use)
        return both

    @property
    def sent(self) -> int:
        return sum(use.sent for use in self._asked)

    @property
    def answered(self) -> int:
        return sum(use.answered for use in self._asked)

    @property
    def spoilt(self) -> int:
        return sum(use.spoilt for use in self._asked)

    @property
    def refused(self) -> int:
        return sum(use.refused for use in self._asked)

    @property
    def broken_off(self) -> int:
        return sum(use.broken_off for use in self._asked)

    @property
    def in_doubt(self) -> int:
        """The calls that were sent, have no known end and may be paid; in a run that goes on, also those under way."""
        return self.broken_off - self.cancelled

    @property
    def cancelled(self) -> int:
        return sum(use.cancelled for use in self._asked)

    @property
    def uncounted(self) -> int:
        return sum(use.uncounted for use in self._asked)

    @property
    def input_tokens(self) -> int:
        return sum(use.input_tokens for use in self._asked)

    @property
    def output_tokens(self) -> int:
        return sum(use.output_tokens for use in self._asked)

    @property
    def calls(self) -> int:
        """The calls that a budget counts: all calls that were sent and not refused."""
        return self.sent - self.refused

    def unbilled(self, price: PriceOf) -> float | None:
        """Work out the highest cost, in dollars, of all calls without a known bill. None if that is not known."""
        # Prices are looked up only for models that need one, for a look-up may take time.
        return _sum(use.unbilled.cost(price(model)) for model, use in self.models.items() if use.unbilled.calls)

    def charged(self, price: PriceOf) -> float | None:
        """Work out the dollars that a budget counts: the known bills, and the highest cost of all other calls."""
        least = sum(use.charged for use in self._asked)
        most = self.unbilled(price)
        return None if most is None else least + most


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = 0.0
    for amount in amounts:
        if amount is None:
            return None
        known += amount
    return known
