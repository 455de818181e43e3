"""The calls that endpoints serve, of which only so many may be in flight: what does not fit waits for a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, inf

from .. import plan as p
from .. import types as t
from .asking import candidates
from .expression_sizes import Scope, size_of
from .served import Served, World
from .sizes import COUNTED, Bound, Known

_UNKNOWN = "?"
"""Ends the name of endpoints of which nobody knows whether they are one: the narrowest of them stands for all."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many ``calls`` at the most of one endpoint, of which so many ``places`` may be in flight to begin with.

    ``wide`` is how many answers may come at once there, whatever grows and whatever is asked for in one request.
    """

    calls: float
    places: float
    wide: float = inf


Loads = Mapping[str, Load]
"""By the endpoint."""


def together(loads: Iterable[Loads]) -> Loads:
    found: dict[str, Load] = {}
    for one in loads:
        for endpoint, load in one.items():
            known = found.get(endpoint)
            if known is None:
                found[endpoint] = load
                continue
            # The models of an endpoint share its places: the most that one of them asks for.
            places = min if endpoint.endswith(_UNKNOWN) else max
            found[endpoint] = Load(
                known.calls + load.calls, places(known.places, load.places), max(known.wide, load.wide)
            )
    return found


def countable(loads: Loads) -> Loads:
    """The same as far as bounds count."""
    return {name: replace(load, calls=inf) if load.calls > COUNTED else load for name, load in loads.items()}


def so_often(loads: Loads, times: float | None) -> Loads:
    if not loads or times == 1:
        return loads
    most = inf if times is None else times
    return {
        endpoint: Load(load.calls * most if load.calls and most else 0, load.places, load.wide)
        for endpoint, load in loads.items()
    }


def widths_of(plan: p.Plan, models: Iterable[p.Model], scope: Scope, world: World) -> Mapping[str, float]:
    """How many requests each endpoint may ever have in flight. None is known where an input may name a model."""
    if any(t.holds_model(param.type) for param in plan.params):
        return {}
    found: dict[str, float] = {}
    for model in models:
        for served in _served(model, world):
            places = _places(served, model, {}, scope, world)
            # The places grow where the flow names no number of them, but for a server that takes one at a time.
            wide = places if "concurrency" in model.options or places == 1 else inf
            endpoint = _endpoint(served)
            found[endpoint] = max(found.get(endpoint, 0), wide)
    return {endpoint: wide for endpoint, wide in found.items() if not endpoint.endswith(_UNKNOWN)}


def loads_of(
    ask: p.Ask, options: Mapping[str, p.Expr], models: Mapping[str, p.Model], scope: Scope, world: World,
    widths: Mapping[str, float], calls: Bound,
) -> Loads:  # fmt: skip
    """The load of an ask that makes so many calls, on whichever endpoints it may turn to."""
    most = inf if calls.most is None else calls.most
    found: dict[str, Load] = {}
    for model in candidates(ask.model, models, scope, world):
        each: list[Served | None] = [None] if model is None else [*_served(model, world)]
        for served in each:
            places = _places(served, model, options, scope, world)
            endpoint = _endpoint(served)
            narrowest = found[endpoint].places if endpoint in found else places
            found[endpoint] = Load(most, min(narrowest, places), widths.get(endpoint, inf))
    return found


def _served(model: p.Model, world: World) -> list[Served]:
    return [world.served(address) for address in (model.address, model.fallback) if address is not None]


def _endpoint(served: Served | None) -> str:
    if served is None:
        return _UNKNOWN
    return served.endpoint or served.address.partition(":")[0] + _UNKNOWN


def _places(
    served: Served | None, model: p.Model | None, options: Mapping[str, p.Expr], scope: Scope, world: World
) -> float:
    """The requests that may be in flight from the beginning. A model that is not known has one place."""
    settings = {**(model.options if model is not None else {}), **options}
    if "concurrency" in settings:
        size = size_of(settings["concurrency"], scope, world, world.count)
        return size.value if isinstance(size, Known) and isinstance(size.value, int) and size.value >= 1 else 1
    if served is None:
        return 1
    return inf if served.places is None else served.places


def queued(rounds: Bound, loads: Loads, calls: Bound) -> Bound:
    """The same rounds where calls also wait for places.

    Each round either carries the longest way on, or an endpoint is full in it (R. L. Graham, SIAM Journal on Applied
    Mathematics 17 (2), 1969): of W calls on k places, R of them on that way, (W − R) / k rounds are spent so.
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
            # Where another endpoint serves some of the calls, the way may lead through that one alone.
            others = rounds.most if alone is not None else 1
            waits += max(0, floor((floor(most + 1e-9) - others) / load.places))
    return Bound(least, rounds.most + waits).capped(calls.most)
