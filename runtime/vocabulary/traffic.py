"""The traffic of a provider with its server, as the limiter of the endpoint reads it."""

from __future__ import annotations

from flowrun.dsl import dataclass


@dataclass(eq=False, slots=True)
class Traffic:
    """The requests of a provider that have a connection, and the time of a message to its server and back.

    ``round_trip`` is in seconds; None if it is not known. The provider writes both.
    """

    on_wire: int = 0
    round_trip: float | None = None
