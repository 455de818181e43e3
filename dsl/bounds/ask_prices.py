"""The price of one ask: that of its service tier or of a batch, with what its provider's cache may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import plan as p
from .batches import BATCH
from .bound import Bound
from .expression_sizes import SizeScope, size_of
from .model_facts import Served, World
from .sizes import Known


def at_terms(
    served: Served | None, settings: Mapping[str, p.Expr], scope: SizeScope, world: World, *, batch: bool, stores: bool
) -> Served | None:
    """Return a model with the prices that an ask with these settings may have.

    ``stores`` tells if its prompt may be written to the provider's cache.
    """
    if served is None or served.rates is None:
        return served
    rates = served.rates
    if batch:
        rates = rates.tier(BATCH)
    elif "service_tier" in settings:
        size = size_of(settings["service_tier"], scope, world, world.count)
        if isinstance(size, Known) and isinstance(size.value, str):
            rates |= rates.tier(size.value)  # a server may serve another tier as the ordinary one
        else:
            for name, other in rates.tiers:
                rates = rates if name == BATCH else rates | other
    if stores and not _uncached(settings, scope, world):
        rates = replace(rates, most=(max(rates.most[0], rates.stored), rates.most[1]))
    return served if rates is served.rates else replace(served, rates=rates)


def _uncached(settings: Mapping[str, p.Expr], scope: SizeScope, world: World) -> bool:
    if "cache" not in settings:
        return False
    size = size_of(settings["cache"], scope, world, world.count)
    return isinstance(size, Known) and size.value is False


def dearer(served: Served | None, terms: Served | None) -> float:
    """Return how many times the price of a call its attempts may cost, if the terms are those of a batch.

    A line of a batch that fails is asked live.
    """
    live = None if served is None else served.rates
    found = None if terms is None else terms.rates
    if live is None or found is None:
        return 1.0
    pairs = zip(live.most, found.most, strict=True)
    return max([1.0, *(one / other for one, other in pairs if other)])


def cost(served: Served | None, tokens_in: Bound, tokens_out: Bound, title: str) -> Bound:
    """Bound the dollars for tokens. ``title`` is the title of the step, in quotes."""
    if served is None:
        return Bound(0, None, f"the model of {title} is chosen when the flow runs")
    rates = served.rates
    if rates is None:
        return Bound(0, None, f"no price is known for `{served.address}`")
    least = rates.least_read(tokens_in) + tokens_out.least * rates.least[1]
    for tokens, rate in zip((tokens_in, tokens_out), rates.most, strict=True):
        # Tokens that cost nothing need no bound.
        if tokens.most is None and rate:
            return Bound(least, None, tokens.why)
    return Bound(least, (tokens_in.most or 0) * rates.most[0] + (tokens_out.most or 0) * rates.most[1])
