"""What is counted of requests: tokens and their price, and how many more a server will take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, all its samples together; None where the server did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def known(self) -> bool:
        """Whether the server said all of it."""
        return self.input_tokens is not None and self.output_tokens is not None

    def parts(self, samples: int) -> list[Usage]:
        """The part of each of so many samples: all of them together are this, to the token."""
        if samples == 1:
            return [self]
        return [
            Usage(_part(self.input_tokens, at, samples), _part(self.output_tokens, at, samples))
            for at in range(samples)
        ]


def _part(tokens: int | None, at: int, of: int) -> int | None:
    if tokens is None:
        return None
    each, more = divmod(tokens, of)
    return each + (at < more)


NO_USAGE = Usage()


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


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one token in and out, at the dearest that a request of this model can be.

    ``usual`` is the same for short prompts, where long ones cost more a token. ``sent`` is the greatest length of an
    answer that its provider asks for, where the flow sets no ``max_tokens``; ``window`` is the greatest length of
    prompt and answer together. Both are None where nobody knows them.
    """

    input: float
    output: float
    sent: int | None = None
    window: int | None = None
    usual: tuple[float, float] | None = None

    def worst(self, input_tokens: int, max_tokens: int | None) -> float | None:
        """The most that a call can cost; None where an answer has no known greatest length."""
        longest = next((most for most in (max_tokens, self.sent, self.window) if most is not None), None)
        if longest is None:
            return input_tokens * self.input if self.output == 0 else None
        return input_tokens * self.input + longest * self.output

    def bill(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """What so many tokens cost; None where a number is missing. What a server counts below zero is zero."""
        if self.input == self.output == 0:
            return 0.0
        if input_tokens is None or output_tokens is None:
            return None
        return max(0, input_tokens) * self.input + max(0, output_tokens) * self.output


def charge(worst: float, bill: float | None) -> float:
    """The dollars that a budget counts for a call that is over.

    Without a bill it counts at its worst; so does a bill beyond that, which no call can have.
    """
    return worst if bill is None else min(bill, worst)
