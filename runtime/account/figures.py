"""The figures of a run as JSON, for its report, for `flowrun runs --json`, and for the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vocabulary.json_value import Json

if TYPE_CHECKING:
    from ..costs.prices import Prices
    from ..vocabulary.account import Account


def figures_of(account: Account, prices: Prices) -> dict[str, Json]:
    """Return the figures of an account as JSON data.

    ``sent`` counts a call each time that it is sent. Each of these is ``answered``, ``spoilt`` (paid, without a usable
    answer), ``refused`` (not paid) or ``broken_off`` (it may be paid). An answer that does not fit its type is
    ``answered``. Of the broken off, ``cancelled`` were given up because nothing needed them any more; all others are in
    doubt. ``cost`` is in dollars, for the tokens that servers reported. ``unbilled`` is the highest possible cost, in
    dollars, of all other calls that may be paid. Each of the two is None if a price is not known.
    ``people`` counts the answers of people, if there are any. ``tokens`` has the classes of which there are any, and
    ``doubtful``, the calls whose reported tokens cannot be true. ``cache_saved`` are the dollars that the providers'
    caches saved; below zero if writing to them cost more.
    """
    return {
        "requests": account.requests,
        "sent": account.sent,
        "answered": account.answered,
        "spoilt": account.spoilt,
        "refused": account.refused,
        "broken_off": account.broken_off,
        "cancelled": account.cancelled,
        "tokens": {
            "input": account.input_tokens,
            "output": account.output_tokens,
            "uncounted": account.uncounted,
            **{name: count for name, count in _classes(account).items() if count},
        },
        "cost": prices.of(account),
        **({"cache_saved": saved} if (saved := prices.cache_saving(account)) else {}),
        "unbilled": account.unbilled(prices),
        **({"people": account.people} if account.people else {}),
        "models": {model: use.answered for model, use in account.models.items() if use.answered},
    }


def _classes(account: Account) -> dict[str, int]:
    """Return the special tokens of an account. They are among its input and output tokens."""
    found = account.amounts
    return {
        "cached": found.cached,
        "stored": found.stored + found.long_stored,
        "long_stored": found.long_stored,
        "images": found.images,
        "reasoning": found.reasoning,
        "doubtful": account.doubtful,
    }
