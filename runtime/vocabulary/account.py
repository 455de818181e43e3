"""The account of a run. It counts the calls by their ends, with their tokens and costs.

It is built from events during a run, and from the rows of the journal afterwards. Both give the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field

from flowrun.dsl import dataclass

from .ceiling import Ceiling, Unbilled, sum_known
from .question import PERSON
from .tariff import Amounts, length_class
from .usage import Price, Usage

__all__ = ["SHORT", "Account", "Ceiling", "Lot", "PriceOf", "Unbilled", "Use"]

PriceOf = Callable[[str], Price | None]


Lot = tuple[str, int]
"""A service tier, and the greatest length of prompts: tokens of one lot and class have one price."""
SHORT: Lot = ("", length_class(0))
"""The lot of ordinary requests with short prompts."""


@dataclass(slots=True)
class Use:
    """The calls to one model. Each counts as often as it was sent.

    ``answered`` and ``spoilt`` calls are paid: they brought an answer, or a reply without a usable answer. ``refused``
    calls are not paid. All others were broken off or are under way, and may be paid. Of these, ``cancelled`` calls were
    given up because nothing needed them any more, and the rest is in doubt. ``uncounted`` counts paid calls whose
    server reported no tokens, and ``doubtful`` those whose reported tokens cannot be true. ``lots`` has the tokens by
    class. ``unbilled`` has all calls without a known bill. ``charged`` is the cost in dollars that a budget counts for
    the other calls.
    """

    sent: int = 0
    answered: int = 0
    spoilt: int = 0
    refused: int = 0
    cancelled: int = 0
    uncounted: int = 0
    doubtful: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    lots: dict[Lot, Amounts] = field(default_factory=dict)
    charged: float = 0.0
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
        read, written = usage.input_tokens, usage.output_tokens
        self.input_tokens += read or 0
        self.output_tokens += written or 0
        self.take((usage.tier, length_class(usage.prompt)), usage.amounts)
        if read is None or written is None or usage.doubt:
            # The call stays among those without a bill.
            self.uncounted += not usage.known
            self.doubtful += usage.known
            return
        self.unbilled.add(-1, each)
        if price is not None:
            worst = each.cost(price)
            bill = price.bill(usage) if worst is None else price.charge(worst, usage, each.read, each.written)
            self.charged += bill or 0.0

    def take(self, lot: Lot, tokens: Amounts) -> None:
        """Count tokens by class."""
        before = self.lots.get(lot)
        self.lots[lot] = tokens if before is None else before.plus(tokens)

    @property
    def amounts(self) -> Amounts:
        """The tokens of all lots by class."""
        return Amounts(*map(sum, zip(*self.lots.values(), strict=True))) if self.lots else Amounts()

    def cost(self, price: Price) -> float:
        """Work out the dollars for the reported tokens."""
        return sum(price.tariff(tier, most).cost(tokens) for (tier, most), tokens in self.lots.items())

    def uncached_cost(self, price: Price) -> float:
        """Work out the dollars that the reported tokens would cost without a cache."""
        return sum(price.tariff(tier, most).cost(tokens.uncached) for (tier, most), tokens in self.lots.items())

    def add(self, other: Use) -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for lot, tokens in other.lots.items():
            self.take(lot, tokens)
        self.unbilled.join(other.unbilled)


_COUNTS = (
    *("sent", "answered", "spoilt", "refused", "cancelled"),
    *("uncounted", "doubtful", "input_tokens", "output_tokens", "charged"),
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
    def doubtful(self) -> int:
        return sum(use.doubtful for use in self._asked)

    @property
    def amounts(self) -> Amounts:
        """The tokens of all calls to models, by class."""
        return Amounts(*map(sum, zip(Amounts(), *(use.amounts for use in self._asked), strict=True)))

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
        return sum_known(use.unbilled.cost(price(model)) for model, use in self.models.items() if use.unbilled.any)

    def charged(self, price: PriceOf) -> float | None:
        """Work out the dollars that a budget counts: the known bills, and the highest cost of all other calls."""
        least = sum(use.charged for use in self._asked)
        most = self.unbilled(price)
        return None if most is None else least + most
