"""What servers say of a request beside its answer: the tokens that are billed, and how much more they will take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, all its samples together; None where the server did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    def share(self, samples: int) -> Usage:
        """The part of each of so many samples, rounded up."""
        both = (self.input_tokens, self.output_tokens)
        return Usage(*(None if tokens is None else -(-tokens // samples) for tokens in both))


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate limit as a server's headers tell of it.

    ``limit`` is how many its window takes, ``remaining`` how many of them are left, and ``reset`` the seconds from
    now until the window is whole again. Each is None where the server did not say.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """The rate limits of an endpoint, in requests and in tokens."""

    requests: Rate = Rate()
    tokens: Rate = Rate()
