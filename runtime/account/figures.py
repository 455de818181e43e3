"""The account of a run as JSON has it: in its report, in `flowrun runs --json`, and in the journal when it ends."""

from __future__ import annotations

from typing import Any

from ..costs.prices import Prices
from ..vocabulary.account import Account

Json = Any


def figures_of(account: Account, prices: Prices) -> dict[str, Json]:
    """The figures of an account.

    ``sent`` are calls, counted each time that they were sent: ``answered``, ``spoilt`` (paid, and no answer),
    ``refused`` (not paid) or ``broken_off`` (the run did not see their end: they may be paid). ``cost`` are dollars for
    the tokens that servers reported, ``unbilled`` the most that all other calls which may be paid can cost; each is
    None where a price is not known.
    """
    return {
        "requests": account.requests,
        "sent": account.sent,
        "answered": account.answered,
        "spoilt": account.spoilt,
        "refused": account.refused,
        "broken_off": account.broken_off,
        "tokens": {"input": account.input_tokens, "output": account.output_tokens, "uncounted": account.uncounted},
        "cost": prices.of(account),
        "unbilled": account.unbilled(prices),
        "models": {model: use.answered for model, use in account.models.items() if use.answered},
    }
