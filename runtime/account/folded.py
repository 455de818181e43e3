"""The figures of many events: a process that runs bodies sums its events up where nobody wants to hear each of them."""

from __future__ import annotations

from typing import Any

from flowrun.dsl import dataclass

from ..vocabulary import events as e
from ..vocabulary.account import Account
from ..vocabulary.ceiling import Unbilled
from ..vocabulary.json_value import Json
from ..vocabulary.tariff import Amounts, stores_of
from .summary import Summary

FOLDED = frozenset(
    {
        e.StepFinished,
        e.RequestStarted,
        e.RequestFinished,
        e.RequestCancelled,
        e.AttemptFailed,
        e.AnswerGrew,
        e.BlockOpened,
        e.BlockGrew,
        e.BlockClosed,
        e.AnswerRecalled,
        e.CallInDoubt,
        e.CallHedged,
    }
)
"""The classes of events that can be summed up. All others are rare, or say more than a number."""
_COUNTS = ("steps", "finished", "flying", "cancelled", "recalled", "in_doubt", "hedged")
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

    def count(self, name: str) -> int:
        """Return the sum with this name. ``flying`` are the calls that have begun, less those that have ended."""
        return self.counts[_COUNTS.index(name)]

    def add_to(self, summary: Summary) -> None:
        """Add these figures to those of a run."""
        for name, count in zip(_COUNTS, self.counts, strict=True):
            if count:
                setattr(summary, name, getattr(summary, name) + count)
        summary.busy += self.busy
        if self.growing:
            summary.growing[self.source] = self.growing
        else:
            summary.growing.pop(self.source, None)
        summary.account.requests += self.account.requests
        for model, use in self.account.models.items():
            summary.account.use(model).add(use)


class Fold:
    """The sums of the events of this process since they were last taken. ``summary`` counts them."""

    def __init__(self) -> None:
        self.summary = Summary()
        self._changed = False

    def __call__(self, event: e.Event) -> bool:
        """Count an event. Return False if it is none of those that can be summed up."""
        if type(event) in FOLDED:
            self._changed = True
            self.summary(event)
            return True
        if isinstance(event, e.RequestRetried | e.RequestFailed):
            self._changed = self.summary.growing.pop(event.number, None) is not None or self._changed
        return False

    def take(self) -> Json:
        """Return the sums as JSON, and begin again. None if nothing has happened."""
        if not self._changed:
            return None
        self._changed = False
        whole = self.summary
        counts: list[Json] = [getattr(whole, name) for name in _COUNTS]
        uses: list[Json] = [_use_json(model, use) for model, use in whole.account.models.items()]
        found: list[Json] = [counts, whole.busy, sum(whole.growing.values()), whole.account.requests, uses]
        for name in _COUNTS:
            setattr(whole, name, 0)
        whole.busy = 0.0
        whole.account = Account(price=whole.account.price)
        return found


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
    if len(counts) != len(_COUNTS):
        raise ValueError("figures have other counts")
    return Figures(tuple(map(int, counts)), float(busy), int(growing), account, source)


def _use_json(model: str, use: Any) -> Json:
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
