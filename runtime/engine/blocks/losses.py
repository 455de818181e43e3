"""The losses of a block: elements, samples and branches that failed while the block goes on.

Also the failures of a stage of a cascade, after which the next stage runs.
"""

from __future__ import annotations

from math import floor

from ...reducers import UndecidedError
from ...values.rules import RuleValue
from ...vocabulary import errors as fault
from ...vocabulary.errors import FlowrunError, InputError
from ...vocabulary.json_value import Json
from ..decisions import Failure

_ENDS = (
    *(fault.BudgetError, fault.DiskError, fault.StoppedError, fault.PlanError, fault.UsageError),
    *(fault.EndpointError, fault.ModelError, fault.RefusedError, fault.InDoubtError),
)
"""The errors with which a cascade ends. Another stage would not help, or a resume can bring the answer."""


def leads_on(error: FlowrunError | None) -> bool:
    """Tell whether an error is the fault of what ran, so that another stage may do better.

    An undecided value is as its missing results are: if each of them is such a fault, the whole is.
    """
    if isinstance(error, UndecidedError):
        return error.leads_on
    return isinstance(error, fault.LengthError) or not isinstance(error, _ENDS)


class Losses:
    """The losses of a block. ``policy`` is its option ``errors``; with ``skip(share)``, that ``share`` may fail.

    ``share`` is None if no share is set. ``leads_on`` is False if a loss is no fault of a stage.

    Raises InputError for a share that is not from 0% to 100%.
    """

    __slots__ = ("count", "last", "leads_on", "policy", "share")

    def __init__(self, errors: Json) -> None:
        self.count = 0
        self.last: Failure | None = None
        self.leads_on = True
        self.policy = str(errors)
        self.share: float | None = None
        if isinstance(errors, RuleValue):
            share = errors.args.get("share")
            if errors.rule != "skip" or not isinstance(share, (int, float)) or not 0 <= share <= 1:
                raise InputError(f"`errors: skip(share)` takes a share from 0% to 100%, and this is {share!r}")
            self.policy, self.share = errors.rule, share

    def enter(self, failure: Failure) -> None:
        """Count a loss. Remember it as the last one, but prefer a missing answer to an answer that does not fit."""
        self.count += 1
        self.leads_on = self.leads_on and leads_on(failure.error)
        if self.last is None or self.last.abstains or not failure.abstains:
            self.last = failure

    def too_many(self, total: int) -> Failure | None:
        """Return a failure if more elements were lost than the flow allows; None otherwise.

        Its reason includes that of the last loss. Its path is empty, and the caller fills it in.
        """
        if self.share is None or self.last is None:
            return None
        # 0.29 * 100 is a little less than 29 in binary fractions.
        most = floor(total * self.share + 1e-9)
        if self.count <= most:
            return None
        reason = (
            f"{self.count} of {total} elements failed, and `skip({self.share * 100:g}%)` allows {most}; "
            f"the last: {self.last.reason}"
        )
        return Failure("", reason, self.last.error)
