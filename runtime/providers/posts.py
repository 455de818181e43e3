"""The requests of providers behind HTTP."""

from __future__ import annotations

from typing import Any

from flowrun.dsl import dataclass

from .streams import Stream
from .structured import Shape

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Post:
    """A request as it goes to the server.

    ``samples`` is the number of answers, ``form`` the shape that they must have, and ``mode`` the way in which the
    request asks for that shape. ``wrapped`` says that the server puts the value into an object.
    """

    path: str
    body: dict[str, Any]
    samples: int
    form: Shape | None = None
    mode: str = PLAIN
    stream: Stream | None = None
    wrapped: bool = False
