"""The permits of one holder of a lease on a rate. They come from the book (``SharedRate``)."""

from __future__ import annotations

from dataclasses import field
from math import ceil

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json

AGE = 0.25
"""The seconds after which permits go back that were not used: others may need them."""


@dataclass(eq=False, slots=True)
class Permits:
    """The permits that a holder has, in requests and tokens, and its account with the book since the last report.

    ``seen`` are the permits that came in all. ``needed`` says whether requests and tokens need permits at all.
    ``more`` are the tokens by which estimates were too low, ``mean`` is the mean estimate of the last requests, and
    ``fresh`` the time of the last grant or use.
    """

    needed: list[bool]
    left: int = 0
    tokens: float = 0.0
    seen: int = 0
    used: list[float] = field(default_factory=lambda: [0, 0.0])
    back: list[float] = field(default_factory=lambda: [0, 0.0])
    more: float = 0.0
    mean: float = 0.0
    fresh: float = 0.0
    asked: list[float] = field(default_factory=lambda: [0, 0.0, 0.0, 0])

    def lack(self, tokens: float) -> bool:
        """Tell whether a request of so many tokens has no permit."""
        return (self.needed[0] or self.needed[1]) and (
            self.left < 1 or (self.needed[1] and self.tokens < tokens - 1e-6)
        )

    def use(self, tokens: float, now: float) -> None:
        """Count a request that is sent."""
        self.mean += (tokens - self.mean) / 8 if self.mean else tokens
        if self.needed[0] or self.needed[1]:
            self.left -= 1
            self.used[0] += 1
            self.used[1] += tokens
            self.tokens = max(0.0, self.tokens - tokens)
            self.fresh = now

    def give_back(self) -> None:
        self.back[0] += self.left
        self.back[1] += self.tokens
        self.left, self.tokens = 0, 0.0

    def grant(self, requests: int, tokens: float, now: float) -> None:
        self.left += requests
        self.seen += requests
        self.tokens += tokens
        self.fresh = now

    def ask(self, waiting: int, head: float, active: int, cap: float, now: float) -> dict[str, Json]:
        """Make the account since the last report, and ask for what is needed.

        ``waiting`` requests wait, the first of them with ``head`` tokens. ``active`` are in flight, at most ``cap``.
        Permits are asked for before they are needed, because a request should not wait for a message.
        """
        short = self.needed[1] and self.tokens < head
        if not waiting or short or now > self.fresh + AGE:
            self.give_back()
        count = ceil(min(waiting, max(0, cap - active) + max(1, cap // 2)) - self.left)
        first = head if self.tokens < head or not self.left else self.mean
        ask = [max(0, count), first or self.mean, self.mean, self.seen]
        report: dict[str, Json] = {}
        if (ask[0] or self.asked[0]) and (ask != self.asked or any(self.back) or any(self.used)):
            report["ask"] = self.asked = ask
        if any(self.used):
            report["used"], self.used = self.used, [0, 0.0]
        if any(self.back):
            report["back"], self.back = self.back, [0, 0.0]
        if self.more:
            report["more"], self.more = self.more, 0.0
        return report
