"""The budget of a whole server. A run takes its own budget out of it when it begins, and gives back what it left."""

from __future__ import annotations

from collections.abc import Iterable

from flowrun.dsl import dataclass

from ..costs.written_budget import Budget
from ..vocabulary.amounts import count_text, limit_text
from ..vocabulary.errors import FlowrunError, UsageError


class SpentError(FlowrunError):
    """The budget of the server is spent, or the runs that go on hold all that is left.

    ``held`` is True if some of it may come back when they end.
    """

    def __init__(self, message: str, *, held: bool) -> None:
        super().__init__(message)
        self.held = held


@dataclass(eq=False, slots=True)
class ServedAmount:
    """The account of the calls or of the dollars of a budget. ``held`` is the most that open runs may spend."""

    limit: float | None
    spent: float = 0.0
    held: float = 0.0

    @property
    def left(self) -> float:
        assert self.limit is not None
        return max(0.0, self.limit - self.spent - self.held)


class ServerBudget:
    """The budget of a server, for all its runs. Without a limit it only counts what is spent."""

    def __init__(self, total: Budget | None) -> None:
        self.calls = ServedAmount(None if total is None else total.calls)
        self.money = ServedAmount(None if total is None else total.money)

    @property
    def bounded(self) -> bool:
        return self.calls.limit is not None or self.money.limit is not None

    def must_bound(self, budgets: Iterable[tuple[str, Budget | None]]) -> None:
        """Raise UsageError if a flow has no budget of its own, so that one run could take all that is left."""
        for flow, own in budgets:
            for side, mine, what in (
                (self.calls, None if own is None else own.calls, "calls"),
                (self.money, None if own is None else own.money, "dollars"),
            ):
                if side.limit is not None and mine is None:
                    raise UsageError(
                        f"--total-budget is a number of {what}, and the flow `{flow}` has no budget in {what}: one "
                        "call of it could take all that is left. Give each call a budget with --budget"
                    )

    def take(self, own: Budget | None) -> Budget | None:
        """Take the budget of a run, or what is left of it. Raises SpentError if nothing is left."""
        if own is None or not self.bounded:
            return own
        calls = _taken(self.calls, None if own.calls is None else float(own.calls), "calls")
        money = _taken(self.money, own.money, "dollars")
        for side, mine in ((self.calls, calls), (self.money, money)):
            if side.limit is not None and mine is not None:
                side.held += mine
        return Budget(None if calls is None else int(calls), money, rest=True)

    def settle(self, took: Budget | None, calls: int, money: float) -> None:
        """Give back what a run has taken, and count what it has spent."""
        for side, mine, used in (
            (self.calls, None if took is None else took.calls, float(calls)),
            (self.money, None if took is None else took.money, money),
        ):
            side.spent += used
            if side.limit is not None and mine is not None:
                side.held = max(0.0, side.held - mine)


def _taken(side: ServedAmount, own: float | None, what: str) -> float | None:
    if side.limit is None or own is None:
        return own
    limit = limit_text(side.limit) if what == "dollars" else count_text(round(side.limit), "call")
    if side.left >= own:
        return own
    if side.held > 0:
        raise SpentError(
            f"the total budget of {limit} is held by runs that go on: try again when they have ended", held=True
        )
    if side.left <= 0:
        raise SpentError(f"the total budget of {limit} is spent: nothing was sent", held=False)
    return side.left
