"""The loads of endpoints. Each endpoint has places for some requests at a time. Further calls wait for a free place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import ceil, floor, inf

from .. import plan as p
from .. import types as t
from ..records import dataclass
from .ask_bounds import candidates
from .batches import OnlyBatches, batched
from .bound import COUNTED, Bound
from .expression_sizes import SizeScope, size_of
from .model_facts import Served, World
from .sizes import Known

_UNKNOWN = "?"
"""The end of the name for unknown endpoints. They may be the same one, so the one with the fewest places counts."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one endpoint: the most ``calls``, and its ``places`` for requests at the beginning of a run.

    ``wide`` is the most answers that may come at once, even if the places grow and several calls share a request.
    """

    calls: float
    places: float
    wide: float = inf


Loads = Mapping[str, Load]
"""The loads, by the name of the endpoint."""


def greatest(loads: Iterable[Loads]) -> Loads:
    """Return the loads of steps of which one runs: for each endpoint the most calls on the fewest places."""
    found: dict[str, Load] = {}
    for one in loads:
        for endpoint, load in one.items():
            known = found.get(endpoint, load)
            found[endpoint] = Load(
                max(known.calls, load.calls), min(known.places, load.places), max(known.wide, load.wide)
            )
    return found


def together(loads: Iterable[Loads]) -> Loads:
    found: dict[str, Load] = {}
    for one in loads:
        for endpoint, load in one.items():
            known = found.get(endpoint)
            if known is None:
                found[endpoint] = load
                continue
            # The models of an endpoint share its places. If several set their number, the greatest counts.
            places = min if endpoint.endswith(_UNKNOWN) else max
            found[endpoint] = Load(
                known.calls + load.calls, places(known.places, load.places), max(known.wide, load.wide)
            )
    return found


def countable(loads: Loads) -> Loads:
    """Return the loads. If an endpoint has more calls than COUNTED, their number becomes infinite."""
    return {name: replace(load, calls=inf) if load.calls > COUNTED else load for name, load in loads.items()}


def so_often(loads: Loads, times: float | None) -> Loads:
    if not loads or times == 1:
        return loads
    most = inf if times is None else times
    return {
        endpoint: Load(load.calls * most if load.calls and most else 0, load.places, load.wide)
        for endpoint, load in loads.items()
    }


def widths_of(plan: p.Plan, models: Iterable[p.Model], scope: SizeScope, world: World) -> Mapping[str, float]:
    """Return the most requests that each endpoint may have in flight. Empty if an input may name a model."""
    if any(t.holds_model(param.type) for param in plan.params):
        return {}
    found: dict[str, float] = {}
    for model in models:
        for served in _served(model, world):
            places = _places(served, model, {}, scope, world)
            # If the flow sets no number, the places grow, except at a server that takes one request at a time.
            alone = places == 1 and served.single
            wide = places if "concurrency" in model.options or alone else inf
            endpoint = _endpoint(served) + _apart(served, model, scope, world)
            found[endpoint] = max(found.get(endpoint, 0), wide)
    return {endpoint: wide for endpoint, wide in found.items() if not endpoint.endswith(_UNKNOWN)}


def loads_of(
    ask: p.Ask, options: Mapping[str, p.Expr], models: Mapping[str, p.Model], scope: SizeScope, world: World,
    widths: Mapping[str, float], calls: Bound,
) -> Loads:  # fmt: skip
    """Return the loads of an ask with this many calls, for every endpoint that it may use."""
    if isinstance(world, OnlyBatches):
        return {}  # a batch API has a place for each call
    most = inf if calls.most is None else calls.most
    found: dict[str, Load] = {}
    for model in () if ask.person else candidates(ask.model, models, scope, world):
        each: list[Served | None] = [None] if model is None else [*_served(model, world)]
        for served in each:
            places = _places(served, model, options, scope, world)
            endpoint = _endpoint(served) + ("" if model is None else _apart(served, model, scope, world))
            narrowest = found[endpoint].places if endpoint in found else places
            found[endpoint] = Load(most, min(narrowest, places), widths.get(endpoint, inf))
    return found


def _served(model: p.Model, world: World) -> list[Served]:
    return [world.served(address) for address in (model.address, model.fallback) if address is not None]


def _endpoint(served: Served | None) -> str:
    if served is None:
        return _UNKNOWN
    return served.endpoint or served.address.partition(":")[0] + _UNKNOWN


def _apart(served: Served | None, model: p.Model, scope: SizeScope, world: World) -> str:
    """Return the end of the name of a batch API, which has places of its own. "" for a live API."""
    return " in batches" if batched(served, model.options, scope, world) else ""


def _places(
    served: Served | None, model: p.Model | None, options: Mapping[str, p.Expr], scope: SizeScope, world: World
) -> float:
    """Return the number of requests that may be in flight at the beginning. An unknown model has one place."""
    settings = {**(model.options if model is not None else {}), **options}
    if batched(served, settings, scope, world):
        return inf
    if "concurrency" in settings:
        size = size_of(settings["concurrency"], scope, world, world.count)
        return size.value if isinstance(size, Known) and isinstance(size.value, int) and size.value >= 1 else 1
    if served is None:
        return 1
    return inf if served.places is None else served.places


def queued(rounds: Bound, loads: Loads, calls: Bound) -> Bound:
    """Return the rounds of calls that also wait for places.

    In each round, either the longest path goes on, or an endpoint is full (R. L. Graham, SIAM Journal on Applied
    Mathematics 17 (2), 1969). With W calls on k places, of which R are on the longest path, at most (W − R) / k rounds
    are spent waiting.
    """
    alone = next(iter(loads.values())) if len(loads) == 1 else None
    least = rounds.least if alone is None else max(rounds.least, ceil(calls.least / alone.wide - 1e-9))
    if rounds.most is None:
        return replace(rounds, least=least)
    waits = 0
    for load in loads.values():
        most = load.calls if calls.most is None else min(load.calls, calls.most)
        if most == inf and load.places < inf:
            return Bound(least, None, calls.why)
        if load.places < inf:
            # If another endpoint serves some of the calls, the longest way may lead only through that endpoint.
            others = rounds.most if alone is not None else 1
            waits += max(0, floor((floor(most + 1e-9) - others) / load.places))
    return Bound(least, rounds.most + waits).capped(calls.most)
