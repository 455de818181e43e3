"""Tokens by the class that sets their price, and the dollars for a token of each class."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from operator import add
from typing import Literal, NamedTuple

from flowrun.dsl import dataclass

BATCH_TIER = "batch"
"""The service tier of a call to a batch API."""
Stores = Literal["", "short", "long"]
"""The time for which a server keeps what a request writes to its cache: none, minutes, or an hour."""
TIERS = frozenset({"flex", "priority", "fast", "batch"})
"""The service tiers with prices of their own. All others cost as much as the ordinary one."""
LENGTHS = (32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288)
"""The lengths of prompts, in tokens, above which a model may cost more a token. A test compares genai-prices."""
_ENDLESS = 1 << 40


class Amounts(NamedTuple):
    """Tokens by the class that sets their price. Each token is in one class, so the sum is the whole."""

    read: int = 0
    cached: int = 0
    stored: int = 0
    long_stored: int = 0
    images: int = 0
    written: int = 0
    reasoning: int = 0

    def plus(self, other: Amounts) -> Amounts:
        """Return the sums class by class."""
        return Amounts._make(map(add, self, other))

    @property
    def uncached(self) -> Amounts:
        """The same tokens, if no cache had held any of them."""
        read = self.read + self.cached + self.stored + self.long_stored
        return self._replace(read=read, cached=0, stored=0, long_stored=0)


def length_class(prompt: int) -> int:
    """Return the greatest length that costs the same a token as this length of a prompt."""
    at = bisect_left(LENGTHS, prompt)
    return LENGTHS[at] if at < len(LENGTHS) else _ENDLESS


def stores_of(found: object) -> Stores:
    """Return the word of ``Stores`` that a row of a journal has; "" if it has none."""
    return "short" if found == "short" else "long" if found == "long" else ""


@dataclass(frozen=True, slots=True)
class Tariff:
    """The dollars for one token of each class, for prompts longer than ``above`` tokens.

    ``cached``, ``stored`` and ``images`` cost as much as ``read`` if they are None, ``long_stored`` as much as
    ``stored``, and ``reasoning`` as much as ``written``.
    """

    read: float
    written: float
    cached: float | None = None
    stored: float | None = None
    long_stored: float | None = None
    images: float | None = None
    reasoning: float | None = None
    above: int = 0

    def cost(self, tokens: Amounts) -> float:
        """Work out the dollars for tokens by class."""
        read, written = self.read, self.written
        total = tokens.read * read + tokens.written * written
        total += tokens.cached * (read if self.cached is None else self.cached)
        if tokens.stored or tokens.long_stored:
            stored = read if self.stored is None else self.stored
            total += tokens.stored * stored
            total += tokens.long_stored * (stored if self.long_stored is None else self.long_stored)
        if tokens.images:
            total += tokens.images * (read if self.images is None else self.images)
        if tokens.reasoning:
            total += tokens.reasoning * (written if self.reasoning is None else self.reasoning)
        return total

    def dearest(self, stores: Stores) -> tuple[float, float]:
        """Return the highest dollars for a token that is read, and for one that is written."""
        read = [self.read, self.cached, self.images]
        if stores:
            read.append(self.stored)
        if stores == "long":
            read.append(self.long_stored)
        return max(one for one in read if one is not None), max(self.written, self.reasoning or 0.0)

    @property
    def half(self) -> Tariff:
        """The prices of a batch, for all services that tell no other."""
        classes = {name: one / 2 for name in Amounts._fields if (one := getattr(self, name)) is not None}
        return replace(self, **classes)
