"""The figures of a run as JSON. They stand in its report, in `flowrun runs --json`, and in the journal when it ends."""

from __future__ import annotations

from ..costs.prices import Prices
from ..vocabulary.account import Account
from ..vocabulary.json_value import Json


def figures_of(account: Account, prices: Prices) -> dict[str, Json]:
    """Return the figures of an account as JSON data.

    ``sent`` counts calls each time that they were sent: they were ``answered``, ``spoilt`` (paid, without a usable
    answer), ``refused`` (not paid) or ``broken_off`` (the run did not see their end: they may be paid). ``cost`` are
    the dollars for the tokens that servers reported. ``unbilled`` are the most dollars that all other calls can cost
    which may be paid. Each of the two is None if a price is not known.
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
