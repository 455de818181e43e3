"""What a provider is: something that turns a request into answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..vocabulary.call import Reply, Request


class Provider(Protocol):
    """Serves one model over one endpoint.

    Attributes:
        model: the full name, ``provider:name``, as reports show it.
        endpoint: what a limiter is shared by; the base URL for a server.
        samples: the most answers one request may ask for; 1 where the endpoint has no such parameter.
        concurrency: requests in flight at once, unless the flow says otherwise.

    One whose server reads a prompt for less when it comes again, without being asked to, may have ``caches_from``: the
    tokens of a prompt from which on it does.
    """

    model: str
    endpoint: str
    samples: int
    concurrency: int

    async def start(self) -> None:
        """Get ready (load a model, open a session). Called once, before the first request."""

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        """Send one request, one attempt. The key is the same on every attempt of one request; "" for none.

        Raises: RefusedError, InDoubtError, PermanentError, AnswerError.
        """

    async def close(self) -> None:
        """Give back what ``start`` took. Safe to call at any time, also twice."""


Progress = Callable[[str], None]
"""Takes one line about a slow start (a download, a model that loads), to show to a person."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a provider may take from outside: environment variables, and a place to report progress."""

    environ: Mapping[str, str]
    progress: Progress = lambda line: None
