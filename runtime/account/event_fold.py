"""The fold of events: a process that runs bodies sums its events up where nobody wants to hear each of them."""

from __future__ import annotations

from ..vocabulary import events as e
from ..vocabulary.account import Account
from ..vocabulary.json_value import Json
from .summary import Summary
from .sums import COUNTS, use_json

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
        counts: list[Json] = [getattr(whole, name) for name in COUNTS]
        uses: list[Json] = [use_json(model, use) for model, use in whole.account.models.items()]
        found: list[Json] = [counts, whole.busy, sum(whole.growing.values()), whole.account.requests, uses]
        for name in COUNTS:
            setattr(whole, name, 0)
        whole.busy = 0.0
        whole.account = Account(price=whole.account.price)
        return found
