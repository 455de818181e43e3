"""The prices of the service tiers that asks name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import plan as p
from .expression_sizes import SizeScope, size_of
from .served import Rates, Served, World
from .sizes import Known

_TIER = "service_tier"


def at_tier_price(
    served: Served | None, settings: Mapping[str, p.Expr], scope: SizeScope, world: World
) -> Served | None:
    """Return a model with the prices of the service tier that its settings name.

    A server may serve another tier as the ordinary one. A tier that only the run knows may be any.
    """
    if served is None or served.rates is None or _TIER not in settings or not served.tiers:
        return served
    size = size_of(settings[_TIER], scope, world, world.count)
    if isinstance(size, Known):
        found = [one for name, one in served.tiers.items() if name == size.value]
    else:
        found = list(served.tiers.values())
    for one in found:
        served = replace(served, rates=_either(served.rates or one, one))
    return served


def _either(one: Rates, other: Rates) -> Rates:
    """Return the rates of a call that is billed at one of two rates."""
    kept = None if one.kept is None and other.kept is None else min(_kept(one), _kept(other))
    return Rates(
        (min(one.least[0], other.least[0]), min(one.least[1], other.least[1])),
        (max(one.most[0], other.most[0]), max(one.most[1], other.most[1])),
        kept,
    )


def _kept(rates: Rates) -> float:
    return rates.least[0] if rates.kept is None else rates.kept
