"""The figures of requests: their tokens, the price of tokens, and the rate limits of the server."""

from __future__ import annotations

from dataclasses import field

from flowrun.dsl import dataclass


@dataclass(frozen=True, slots=True)
class TokenDetail:
    """The special tokens among those of a request. None if the server did not report them.

    ``cached`` tokens of the prompt were read from the provider's cache, and ``stored`` ones were written to it.
    ``reasoning`` tokens of the answer came before its text.
    """

    cached: int | None = None
    stored: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one request, for all its samples together. None if the server did not report them.

    ``input_tokens`` count the whole prompt, and ``output_tokens`` the whole answer. ``detail`` tells how many of them
    are special; these are not counted on top. ``tier`` is the service tier of the bill, "" for the usual one.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    detail: TokenDetail | None = field(default=None, compare=False)
    tier: str = field(default="", compare=False)

    @property
    def known(self) -> bool:
        """True if the server reported both numbers."""
        return self.input_tokens is not None and self.output_tokens is not None

    def parts(self, samples: int) -> list[Usage]:
        """Divide the usage among ``samples`` samples. The sum of the parts is exact to the token."""
        if samples == 1:
            return [self]
        return [
            Usage(
                _part(self.input_tokens, at, samples),
                _part(self.output_tokens, at, samples),
                None if self.detail is None else _detail(self.detail, at, samples),
                self.tier,
            )
            for at in range(samples)
        ]


def _part(tokens: int | None, at: int, of: int) -> int | None:
    if tokens is None:
        return None
    each, more = divmod(tokens, of)
    return each + (at < more)


def _detail(whole: TokenDetail, at: int, of: int) -> TokenDetail:
    return TokenDetail(_part(whole.cached, at, of), _part(whole.stored, at, of), _part(whole.reasoning, at, of))


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate limit that the headers of a server report.

    ``limit`` is the number that its window allows, ``remaining`` the number that is left, and ``reset`` the seconds
    from now until the window is full again. Each is None if the server did not report it.
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
    """The dollars for one input token and one output token of a model, at the highest rate that a request can have.

    ``usual`` is the price for short prompts, if long ones cost more per token. ``sent`` is the greatest length of an
    answer, in tokens, that the provider asks for if the flow sets no ``max_tokens``. ``window`` is the greatest length
    of prompt and answer together. Both are None if they are not known.
    """

    input: float
    output: float
    sent: int | None = None
    window: int | None = None
    usual: tuple[float, float] | None = None

    def worst(self, input_tokens: int, max_tokens: int | None) -> float | None:
        """Work out the most dollars that a call can cost. None if the greatest length of an answer is not known."""
        longest = next((most for most in (max_tokens, self.sent, self.window) if most is not None), None)
        if longest is None:
            return input_tokens * self.input if self.output == 0 else None
        return input_tokens * self.input + longest * self.output

    def bill(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """Work out the dollars for these tokens. None if a number is missing. A count below zero counts as zero."""
        if self.input == self.output == 0:
            return 0.0
        if input_tokens is None or output_tokens is None:
            return None
        return max(0, input_tokens) * self.input + max(0, output_tokens) * self.output


def charge(worst: float, bill: float | None) -> float:
    """Return the dollars that a budget counts for a finished call: its bill, but never more than its highest cost.

    A call without a bill counts at its highest cost. So does a bill above it, because no call can cost that much.
    """
    return worst if bill is None else min(bill, worst)
