"""The sums of many events, as JSON and back: the figures of a process that runs bodies of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowrun.dsl import dataclass

from ..vocabulary.account import Account, Use
from ..vocabulary.ceiling import Unbilled
from ..vocabulary.json_value import Json
from ..vocabulary.tariff import Amounts, stores_of

COUNTS = ("steps", "finished", "flying", "cancelled", "recalled", "in_doubt", "hedged")
"""The counts of ``Summary`` that can be summed up."""
_OF_USE = (
    *("sent", "answered", "spoilt", "refused", "cancelled"),
    *("uncounted", "doubtful", "input_tokens", "output_tokens", "charged"),
)
_OF_UNBILLED = ("calls", "read", "written", "endless")


@dataclass(frozen=True, slots=True)
class Figures:
    """The sums of some events of one process, to be added to those of a run. ``counts`` are those of ``Summary``.

    ``growing`` has the characters of its unfinished streamed answers, and ``source`` is a number for the process.
    """

    counts: tuple[int, ...]
    busy: float
    growing: int
    account: Account
    source: int = 0

    def named(self) -> Iterator[tuple[str, int]]:
        """Yield the counts that are not 0, with their names."""
        return ((name, count) for name, count in zip(COUNTS, self.counts, strict=True) if count)

    def count(self, name: str) -> int:
        """Return the sum with this name. ``flying`` are the calls that have begun, less those that have ended."""
        return self.counts[COUNTS.index(name)]


def figures_in(found: Any, source: int) -> Figures:
    """Return the figures that ``Fold.take`` has made into JSON. Raises TypeError or ValueError for another form."""
    counts, busy, growing, requests, uses = found
    account = Account(int(requests))
    for model, numbers, lots, unbilled, apart in uses:
        use = account.use(str(model))
        for name, number in zip(_OF_USE, numbers, strict=True):
            setattr(use, name, number + 0)
        for tier, most, tokens in lots:
            use.lots[str(tier), int(most)] = Amounts(*map(int, tokens))
        use.unbilled = _unbilled(unbilled)
        use.unbilled.apart = {(str(tier), stores_of(stores)): _unbilled(one) for tier, stores, one in apart}
    if len(counts) != len(COUNTS):
        raise ValueError("figures have other counts")
    return Figures(tuple(map(int, counts)), float(busy), int(growing), account, source)


def use_json(model: str, use: Use) -> Json:
    """Return the calls to one model as JSON."""
    unbilled = use.unbilled
    return [
        model,
        [getattr(use, name) for name in _OF_USE],
        [[tier, most, list(tokens)] for (tier, most), tokens in use.lots.items()],
        _unbilled_json(unbilled),
        [[tier, stores, _unbilled_json(one)] for (tier, stores), one in unbilled.apart.items()],
    ]


def _unbilled_json(one: Unbilled) -> Json:
    return [getattr(one, name) for name in _OF_UNBILLED]


def _unbilled(found: Any) -> Unbilled:
    calls, read, written, endless = map(int, found)
    return Unbilled(calls, read, written, endless)
