"""The prices that a plan declares for its models."""

from __future__ import annotations

from flowrun.dsl import plan as p

from ..costs.prices import dearest_declared
from ..plans.models import declared_models
from ..vocabulary.usage import Price


def declared_prices(plan: p.Plan) -> dict[str, Price]:
    """Return the prices that a plan's models declare, by address. Of two prices at one address the higher counts."""
    return dearest_declared((model.address, dict(model.options)) for model in declared_models(plan).values())
