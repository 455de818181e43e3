"""The bounds of a plan in dollars, for a caller that has no inputs. Nothing is worked out if no model has a price."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Bounds
from flowrun.dsl import plan as p

from ..providers import DEFAULT_MODEL, MODEL_VARIABLE


def priced_bounds(plan: p.Plan, environ: Mapping[str, str]) -> Bounds | None:
    """Return the bounds of a plan whatever its inputs are. Reads no file.

    None if no model of the plan costs anything, as far as the prices are known.
    """
    if not plan.models and not environ.get(MODEL_VARIABLE, "").strip():
        # The default model runs on this machine and costs nothing.
        return None
    from ..costs.prices import Prices
    from ..providers.declared_endpoints import endpoints_of
    from .declared_prices import declared_prices

    default = environ.get(MODEL_VARIABLE, "").strip() or DEFAULT_MODEL
    addresses = {default}.union(*({one.address, one.fallback or one.address} for one in plan.models))
    prices = Prices(environ, declared_prices(plan), endpoints_of(plan, environ))
    known = [found for found in map(prices, sorted(addresses)) if found is not None]
    if not any(one.input or one.output or one.usual for one in known):
        return None
    from .estimate import bounds_without_inputs  # the free models need none of this

    return bounds_without_inputs(plan, default, environ)
