"""The dollars for a part of a run's tokens, when only the classes and the tiers of all its tokens are known."""

from __future__ import annotations

from collections.abc import Callable

from ..costs.prices import Prices
from ..vocabulary.account import Account
from ..vocabulary.usage import Usage

Cost = Callable[[str, Usage], float | None]
"""A function that returns the dollars for the tokens of a model, None if a price is not known."""


def usual_cost(prices: Prices, *accounts: Account) -> Cost:
    """Return a function that takes each token to cost as much as those of its model in these accounts.

    So it counts what caches, batches, tiers and long prompts did to the price.
    """

    def cost(model: str, usage: Usage) -> float | None:
        price = prices(model)
        if price is None or not usage.known or price.input == price.output == 0:
            return prices.cost_of(model, usage)
        # The tokens are those of many requests, so they are no long prompt.
        flat = price.tariff().cost(usage.amounts)
        uses = [one.models[model] for one in accounts if model in one.models]
        whole = Usage(sum(use.input_tokens for use in uses), sum(use.output_tokens for use in uses))
        like = price.tariff().cost(whole.amounts)
        return flat * sum(use.cost(price) for use in uses) / like if like else flat

    return cost
