"""The look for the models of a flow before its inputs are known: their keys, and the engine of the local model."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import plan as p

from ..limits.retry import RetryPolicy
from ..plans.models import declared_models
from ..plans.wanted_models import default_model
from ..providers import open_provider
from ..providers.declared_endpoints import endpoints_of
from ..providers.protocol import Surroundings
from .endpoints import open_endpoints


def must_be_ready(plan: p.Plan, model: str, environ: Mapping[str, str]) -> None:
    """Check that the models which the flow certainly may ask can be opened. Nothing is sent or downloaded.

    ``model`` is for asks that name none. Raises UsageError.
    """
    declared = declared_models(plan)
    silent = Surroundings(environ, lambda line: None, endpoints=endpoints_of(plan, environ))
    opened = open_endpoints(plan, {}, declared, default_model(model, declared), silent, open_provider, RetryPolicy())
    if any(address.partition(":")[0] == "embedded" for address in opened):
        from ..providers.embedded.process import must_have_engine

        must_have_engine()
