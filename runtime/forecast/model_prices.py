"""The prices that a plan declares for its models."""

from __future__ import annotations

from flowrun.dsl import plan as p

from ..costs.budget import Price
from ..costs.prices import dearest_declared
from ..plans.models import declared_models


def declared_prices(plan: p.Plan) -> dict[str, Price]:
    """The prices that a plan's models declare, by address: of two at one address the dearer one."""
    return dearest_declared((model.address, dict(model.options)) for model in declared_models(plan).values())
