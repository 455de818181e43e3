"""The reach of the untrusted sources of a plan.

``labels_of`` reads a plan. ``marks`` describes the lattice of the analysis, ``places`` its results.
"""

from __future__ import annotations

from .. import plan as p
from ..catalog import Catalog
from .budgets import scarce, spenders
from .places import Labels
from .walk import Walk


def labels_of(plan: p.Plan, catalog: Catalog) -> Labels:
    """Return the reach of the sources of a plan. A plan without labels is not read."""
    if not plan.labels:
        return Labels()
    walk = Walk(plan, catalog)
    walk.run()
    short = scarce(plan, catalog.reducers)
    if short and walk.goes_on and (spent := spenders(walk.places.values())):
        walk = Walk(plan, catalog, short, spent)
        walk.run()
    touched = tuple(place for place in walk.places.values() if place.touched)
    fenced = {key: tuple(sorted(places)) for key, places in walk.fenced.items() if places}
    return Labels(walk.sources, touched, tuple(walk.breaches), tuple(walk.warnings), fenced, short)
