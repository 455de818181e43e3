"""The losses of a block: elements, samples and branches that failed while the block goes on."""

from __future__ import annotations

from math import floor

from ...values.rules import RuleValue
from ...vocabulary.errors import InputError
from ...vocabulary.json_value import Json
from ..decisions import Failure


class Losses:
    """The losses of a block. ``policy`` is its option ``errors``; with ``skip(share)``, that ``share`` may fail.

    ``share`` is None if no share is set. Raises InputError for a share that is not from 0% to 100%.
    """

    __slots__ = ("count", "last", "policy", "share")

    def __init__(self, errors: Json) -> None:
        self.count = 0
        self.last: Failure | None = None
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
