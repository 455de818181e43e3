"""The votes that a cascade overruled: those in stages from which it went up."""

from __future__ import annotations

from collections.abc import Mapping

from .cascade_tally import CascadeTally
from .tally import Tally


def overruled(votes: Mapping[str, Tally], cascades: Mapping[str, CascadeTally]) -> frozenset[str]:
    """Return the paths of the votes in stages whose value is not that of their cascade. Both are by their paths."""
    left = {
        f"{path}.{stage.name}" for path, cascade in cascades.items() for stage in cascade.stages if stage.end != "value"
    }
    return frozenset(path for path in votes if not left.isdisjoint(_around(path))) if left else frozenset()


def _around(path: str) -> list[str]:
    """Return a path and the paths around it."""
    ends = [at for at, sign in enumerate(path) if sign in ".["]
    return [path, *(path[:at] for at in ends)]
