"""The time of an event, which all events of a run have."""

from __future__ import annotations

from dataclasses import field

from flowrun.dsl import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a run. ``at`` is in seconds since the run first began, also in a resumed run.

    Events that differ only in their time are equal.
    """

    at: float = field(default=0.0, kw_only=True, compare=False)
