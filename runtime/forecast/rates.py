"""The prices of a model as bounds need them: the least and the most dollars for a token."""

from __future__ import annotations

from flowrun.dsl import Rates

from ..vocabulary.tariff import BATCH_TIER, Stores
from ..vocabulary.usage import Price

CACHED_FROM = 1024
"""The greatest length in tokens of the shortest prompt that a provider keeps, as far as estimates of tokens tell."""


def rates_of(price: Price, *, tier: str = "", stores: Stores = "", keeps: int | None = None) -> Rates:
    """Return the dollars for a token of a model, and those of its service tiers and of batches.

    ``tier`` is the service tier that the calls ask for, "batch" for batches. ``stores`` tells if they may write their
    prompts to the provider's cache. A server may serve a cheaper tier as an ordinary one, but never a batch. ``keeps``
    is the fewest tokens of a prompt that the provider keeps, None if that is not known.
    """
    # The highest price of `priority` counts also where its own price is not known.
    names = sorted({BATCH_TIER, "priority", *(name for name, _ in price.tariffs if name)})
    tiers = tuple((name, _rates(price, name, stores, keeps, ())) for name in names)
    return _rates(price, tier, stores, keeps, tiers)


def _rates(price: Price, tier: str, stores: Stores, keeps: int | None, tiers: tuple[tuple[str, Rates], ...]) -> Rates:
    usual = price.tariff(tier)
    read = min(one for one in (usual.read, usual.stored, usual.images) if one is not None)
    written = usual.written if usual.reasoning is None else min(usual.written, usual.reasoning)
    # A server whose prices a flow declares may keep prompts of any length.
    least = 0 if keeps is None or not price.tariffs else min(keeps, CACHED_FROM)
    stored = price.dearest(tier, max(stores, "short", key=("", "short", "long").index))[0]
    return Rates((read, written), price.dearest(tier, stores), usual.cached, least, stored, tiers)
