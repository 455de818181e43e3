"""The prices of a model as bounds need them: the least and the most dollars for a token."""

from __future__ import annotations

from flowrun.dsl import Rates

from ..vocabulary.tariff import Stores
from ..vocabulary.usage import Price


def rates_of(price: Price, *, tier: str = "", stores: Stores = "") -> Rates:
    """Return the dollars for a token of a model.

    ``tier`` is the service tier that the calls ask for, "batch" for batches. ``stores`` tells if they may write their
    prompts to the provider's cache. A server may serve a cheaper tier as an ordinary one, but never a batch.
    """
    usual = price.tariff(tier)
    return Rates((usual.read, usual.written), price.dearest(tier, stores), usual.cached)
