"""What a provider is: something that turns a request into answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..metering import Rates, Usage

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "filtered", "unterminated", "other"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt and what the answer must look like.

    ``choices`` and ``schema`` exclude each other: with ``choices`` the answer is one of these words, bare;
    with ``schema`` it is JSON text that satisfies the JSON Schema (whatever its root type). A provider that
    needs an object at the root wraps and unwraps by itself. ``timeout`` is in seconds, for one attempt. ``stream``: the
    answer may come in pieces; ``hear`` is told how many characters of it have come. Neither changes what it is.
    """

    messages: tuple[Message, ...]
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    timeout: float = 600.0
    stream: bool = False
    hear: Callable[[int], None] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One sample: its text, and why the model stopped.

    Only ``stop`` is a good end. Of any other ``said`` tells in a sentence, with the server's own word where it has one,
    and ``final`` says that the same request can have no other end.
    """

    text: str
    finish: Finish = "stop"
    said: str = field(default="", compare=False)
    final: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one request, in the order of the samples; ``rates`` are those of its headers, if it has any."""

    answers: tuple[Answer, ...]
    usage: Usage = field(default_factory=Usage)
    rates: Rates | None = None


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
