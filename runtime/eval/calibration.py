"""Calibration: whether votes that agree more are right more often."""

from __future__ import annotations

from collections.abc import Iterable

from flowrun.dsl import dataclass

from .proportions import Share

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""The lower ends of the groups of agreement. The last group has the unanimous votes alone."""


@dataclass(frozen=True, slots=True)
class Group:
    """The votes whose agreement is from ``low`` to below ``high``. ``agreement`` is the mean of theirs.

    Unanimous votes have ``low`` and ``high`` 1.
    """

    low: float
    high: float
    agreement: float
    share: Share

    @property
    def words(self) -> str:
        if self.low == self.high:
            return "unanimous"
        return f"{self.low:.1f} to {self.high:.1f}" if self.low else f"below {self.high:.1f}"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The groups of votes that have members, by rising agreement."""

    groups: tuple[Group, ...]

    @property
    def votes(self) -> int:
        return sum(group.share.rows for group in self.groups)

    @property
    def error(self) -> float:
        """The mean gap between agreement and accuracy, weighted by the votes of each group.

        This is the expected calibration error of Guo and others, 2017, arXiv 1706.04599.
        """
        gaps = (group.share.rows * abs(group.share.value - group.agreement) for group in self.groups)
        return sum(gaps) / self.votes if self.votes else 0.0


def calibrated(votes: Iterable[tuple[float, bool]]) -> Calibration:
    """Group votes by their agreement. Each vote is its agreement, from 0 to 1, and whether its answer is right."""
    members: dict[int, list[tuple[float, bool]]] = {}
    for agreement, right in votes:
        # An agreement such as 9/15 may lie just below the edge that it means.
        place = max(at for at, edge in enumerate(EDGES) if agreement >= edge - 1e-9)
        members.setdefault(place, []).append((agreement, right))
    groups = []
    for at, inside in sorted(members.items()):
        mean = sum(agreement for agreement, _ in inside) / len(inside)
        share = Share(sum(right for _, right in inside), len(inside))
        groups.append(Group(EDGES[at], EDGES[min(at + 1, len(EDGES) - 1)], mean, share))
    return Calibration(tuple(groups))
