"""The endpoints that a plan declares, as providers open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrun.dsl import plan as p

from ..vocabulary.errors import PlanError
from . import is_own

if TYPE_CHECKING:
    from .named_endpoints import NamedEndpoint


def flow_endpoints(plan: p.Plan) -> dict[str, NamedEndpoint]:
    """Return the endpoints of a plan, by name.

    Raises: PlanError, for an edited plan with the name of a provider or with one name twice.
    """
    found: dict[str, NamedEndpoint] = {}
    for one in plan.endpoints:
        if is_own(one.name):
            raise PlanError(f"the endpoint `{one.name}` of this plan has the name of a provider of flowrun")
        if one.name in found:
            raise PlanError(f"two endpoints of this plan have the name `{one.name}`")
        lacks = frozenset(one.lacks)
        from .named_endpoints import NamedEndpoint

        found[one.name] = NamedEndpoint(
            one.name, one.addresses[0], one.key, one.kind, lacks=lacks, others=one.addresses[1:], origin="flow"
        )
    return found
