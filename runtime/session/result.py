"""The result of a run."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import dataclass

from ..account.summary import Summary
from ..engine.decisions import Failure, Outcome
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from ..vocabulary.usage import Usage


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run. ``value`` is plain JSON data, None if the flow could not make a value.

    ``outcome`` has the end of the flow, ``summary`` the account of the run. ``run`` is the run's name in the journal,
    "" without a journal. ``spent`` is the cost of the whole run in dollars, as a budget in money counts it: a call
    without a known bill counts at its highest cost. If ``handed`` is True, the caller took the results one by one, and
    ``value`` is their number.
    """

    value: Json
    outcome: Outcome
    summary: Summary
    run: str = ""
    spent: float = 0.0
    handed: bool = False

    @property
    def ok(self) -> bool:
        return self.outcome.complete and not self.outcome.failures and self.outcome.stopped is None

    @property
    def status(self) -> str:
        """``done``, ``partial``, ``failed``, ``budget``, ``stopped`` or ``disk``."""
        return self.outcome.status

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The failures that ended steps."""
        return self.outcome.failures

    @property
    def losses(self) -> tuple[Failure, ...]:
        """The failures of elements and samples that the flow went on without."""
        return self.outcome.losses

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """The votes, by the path of their step."""
        return self.outcome.tallies

    @property
    def usage(self) -> Usage:
        """The tokens of the whole run that servers reported."""
        whole = self.summary.whole
        return Usage(whole.input_tokens, whole.output_tokens)

    @property
    def cost(self) -> float | None:
        """The dollars for the tokens that servers reported; None if a price is not known."""
        return self.summary.prices.of(self.summary.whole)
