"""The figures of requests: their tokens by class, the prices of tokens, and the rate limits of the server."""

from __future__ import annotations

from dataclasses import field

from flowrun.dsl import dataclass

from .tariff import BATCH_TIER, Amounts, Stores, Tariff


@dataclass(frozen=True, slots=True)
class TokenDetail:
    """The special tokens among those of a request. None if the server did not report them.

    ``cached`` tokens of the prompt were read from the provider's cache, and ``stored`` ones were written to it.
    ``long_stored`` are those of the stored ones that are kept for an hour. ``images`` are tokens of the prompt, too.
    ``reasoning`` tokens of the answer came before its text.
    """

    cached: int | None = None
    stored: int | None = None
    reasoning: int | None = None
    images: int | None = None
    long_stored: int | None = None


DETAILS = ("cached", "stored", "reasoning", "images", "long_stored")
"""The names of the counts of a ``TokenDetail``, in their order."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one request, for all its samples together. None if the server did not report them.

    ``input_tokens`` count the whole prompt, and ``output_tokens`` the whole answer. ``detail`` tells how many of them
    are special; these are not counted on top. ``tier`` is the service tier that the server names, "batch" for a batch.
    ``doubt`` tells why the usage cannot be true, "" if it can. ``whole`` is the length of the whole prompt if
    ``input_tokens`` are only the part of one sample; it decides the price of a long prompt.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    detail: TokenDetail | None = field(default=None, compare=False)
    tier: str = field(default="", compare=False)
    doubt: str = field(default="", compare=False)
    whole: int | None = field(default=None, compare=False)

    @property
    def known(self) -> bool:
        """True if the server reported both numbers."""
        return self.input_tokens is not None and self.output_tokens is not None

    @property
    def prompt(self) -> int:
        """The length of the whole prompt in tokens; 0 if it is not known."""
        return (self.input_tokens if self.whole is None else self.whole) or 0

    @property
    def amounts(self) -> Amounts:
        """The tokens by class. Special tokens beyond the whole are left out, and so are counts that are not known."""
        read, written = max(0, self.input_tokens or 0), max(0, self.output_tokens or 0)
        detail = self.detail
        if detail is None:
            return Amounts(read, 0, 0, 0, 0, written, 0)
        cached = _within(detail.cached, read)
        stored = _within(detail.stored, read - cached)
        kept = _within(detail.long_stored, stored)
        images = _within(detail.images, read - cached - stored)
        thought = _within(detail.reasoning, written)
        plain = read - cached - stored - images
        return Amounts(plain, cached, stored - kept, kept, images, written - thought, thought)

    def parts(self, samples: int) -> list[Usage]:
        """Divide the usage among ``samples`` samples. The sum of the parts is exact to the token."""
        if samples == 1:
            return [self]
        whole = self.input_tokens if self.whole is None else self.whole
        return [
            Usage(
                _part(self.input_tokens, at, samples),
                _part(self.output_tokens, at, samples),
                None if self.detail is None else _detail(self.detail, at, samples),
                self.tier,
                self.doubt,
                whole,
            )
            for at in range(samples)
        ]


def _within(tokens: int | None, most: int) -> int:
    return min(max(0, tokens or 0), most)


def _part(tokens: int | None, at: int, of: int, first: int = 0) -> int | None:
    """Return a part of tokens that are dealt out evenly. ``first`` gets the first token of those that are left over."""
    if tokens is None:
        return None
    each, more = divmod(tokens, of)
    return each + ((at - first) % of < more)


def _detail(whole: TokenDetail, at: int, of: int) -> TokenDetail:
    """Deal out the classes one after another, so that no part has more special tokens than it has tokens."""
    cached, stored, long_stored = whole.cached or 0, whole.stored or 0, whole.long_stored or 0
    short = _part(stored - long_stored, at, of, cached) or 0
    long = _part(long_stored, at, of, cached + stored - long_stored) or 0
    return TokenDetail(
        _part(whole.cached, at, of),
        None if whole.stored is None else short + long,
        _part(whole.reasoning, at, of),
        _part(whole.images, at, of, cached + stored),
        None if whole.long_stored is None else long,
    )


def detail_of(tokens: Amounts) -> TokenDetail | None:
    """Return the special tokens among tokens by class; None if there are none."""
    if tokens == Amounts(read=tokens.read, written=tokens.written):
        return None
    stored = tokens.stored + tokens.long_stored
    return TokenDetail(tokens.cached, stored, tokens.reasoning, tokens.images, tokens.long_stored)


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
    """The prices of a model, in dollars for one token.

    ``input`` and ``output`` are the highest rates that an ordinary request can have, and ``usual`` those of a short
    prompt, if long ones cost more per token. ``read_cached`` is the price of a token that is read from the provider's
    cache, and ``write_cached`` that of one written to it; None if they cost as much as others. ``sent`` is the greatest
    length of an answer, in tokens, that the provider asks for if the flow sets no ``max_tokens``. ``window`` is the
    greatest length of prompt and answer together. Both are None if they are not known. ``tariffs`` has the prices by
    class for each service tier, "" for the ordinary one, the short prompts first. ``stores`` says that the provider
    writes to its cache unasked.
    """

    input: float
    output: float
    sent: int | None = None
    window: int | None = None
    usual: tuple[float, float] | None = None
    read_cached: float | None = None
    write_cached: float | None = None
    tariffs: tuple[tuple[str, tuple[Tariff, ...]], ...] = ()
    stores: Stores = ""

    def tariff(self, tier: str = "", prompt: int = 0) -> Tariff:
        """Return the prices of a service tier for a prompt of this many tokens.

        A tier that is not known costs as much as the ordinary one, and a batch half as much.
        """
        found = self._tariffs(tier)[0]
        for one in self._tariffs(tier):
            if prompt > one.above:
                found = one
        return found

    def _tariffs(self, tier: str) -> tuple[Tariff, ...]:
        ordinary = None
        for name, tariffs in self.tariffs:
            if name == tier:
                return tariffs
            if not name:
                ordinary = tariffs
        if ordinary is None:
            ordinary = (Tariff(self.input, self.output, self.read_cached, self.write_cached),)
        return tuple(one.half for one in ordinary) if tier == BATCH_TIER else ordinary

    def worst(self, input_tokens: int, max_tokens: int | None, *, tier: str = "", stores: Stores = "") -> float | None:
        """Work out the most dollars that a call can cost. None if the greatest length of an answer is not known.

        ``tier`` is the service tier that the call asks for, and ``stores`` tells if it may write to a cache.
        """
        longest = next((most for most in (max_tokens, self.sent, self.window) if most is not None), None)
        read, written = self.dearest(tier, stores)
        if longest is None:
            return input_tokens * read if written == 0 else None
        return input_tokens * read + longest * written

    def dearest(self, tier: str = "", stores: Stores = "") -> tuple[float, float]:
        """Return the highest dollars for a token that is read and for one that is written, whatever its class.

        Only a batch is sure to cost less than an ordinary request: a server may serve other tiers as ordinary ones. The
        tier `priority` costs more everywhere, so its price is at most ``_PREMIUM`` times the ordinary one if unknown.
        """
        tiers = (tier,) if tier in ("", BATCH_TIER) else ("", tier)
        stores = max(stores, self.stores, key=_KEPT.index)
        rates = [one.dearest(stores) for name in tiers for one in self._tariffs(name)]
        read, written = max(one[0] for one in rates), max(one[1] for one in rates)
        if self._untold(tier):
            read, written = _PREMIUM * max(read, self.input), _PREMIUM * max(written, self.output)
        return (read, written) if tier == BATCH_TIER else (max(read, self.input), max(written, self.output))

    def _untold(self, tier: str) -> bool:
        """Tell whether a tier costs more than the ordinary one, and its price is not known."""
        return tier == _DEARER and all(name != tier for name, _ in self.tariffs)

    def bill(self, usage: Usage) -> float | None:
        """Work out the dollars for the tokens of a usage by class. None if a number is missing.

        A count below zero counts as zero.
        """
        if self.input == self.output == 0:
            return 0.0
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        return self.tariff(usage.tier, usage.prompt).cost(usage.amounts)

    def expected(
        self, read: float, written: float, *, cached: float = 0.0, stored: float = 0.0, tier: str = ""
    ) -> float:
        """Estimate the dollars for tokens. ``cached`` and ``stored`` are the shares of those read that are special."""
        each = self.tariff(tier, round(read))
        plain = max(0.0, 1 - cached - stored) * each.read
        kept = cached * (each.read if each.cached is None else each.cached)
        put = stored * (each.read if each.stored is None else each.stored)
        return read * (plain + kept + put) + written * each.written

    def charge(self, worst: float, usage: Usage, read: int, max_tokens: int | None) -> float:
        """Return the dollars that a budget counts for a finished call that had ``worst`` dollars reserved.

        A call whose bill is unknown or cannot be true counts at its highest cost. A bill above that counts only as far
        as the tier and the cache writes that the server names allow it, because no call can cost more.
        """
        bill = None if usage.doubt else self.bill(usage)
        if bill is not None and self._untold(usage.tier):
            bill *= _PREMIUM
        if bill is None or bill <= worst:
            return worst if bill is None else bill
        kept = usage.amounts
        stores: Stores = "long" if kept.long_stored else "short" if kept.stored else ""
        most = self.worst(read, max_tokens, tier=usage.tier, stores=stores)
        return bill if most is None else min(bill, max(worst, most))


_KEPT: tuple[Stores, ...] = ("", "short", "long")
_DEARER = "priority"
_PREMIUM = 2.5
"""OpenAI takes 1.7 to 2.5 times the ordinary price for it, Google 1.8 and Amazon 1.75 (their pages of prices)."""
