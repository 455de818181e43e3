"""A call in the words that everyone uses: the request, its messages, and the answers to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .usage import Rates, Usage

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
