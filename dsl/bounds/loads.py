"""The calls that endpoints serve, of which only so many may be in flight: what does not fit waits for a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import floor, inf

from .. import plan as p
from .asking import candidates
from .expression_sizes import Scope, size_of
from .served import Served, World
from .sizes import Bound, Known

_UNKNOWN = "?"
"""Ends the name of endpoints of which nobody knows whether they are one: the narrowest of them stands for all."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many ``calls`` at the most of one endpoint, of which so many ``places`` may be in flight."""

    calls: float
    places: float


Loads = Mapping[str, Load]
"""By the endpoint; one that takes any number of calls is not among them."""


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
            found[endpoint] = Load(known.calls + load.calls, places(known.places, load.places))
    return found


def so_often(loads: Loads, times: float | None) -> Loads:
    if not loads or times == 1:
        return loads
    most = inf if times is None else times
    return {
        endpoint: Load(load.calls * most if load.calls and most else 0, load.places) for endpoint, load in loads.items()
    }


def loads_of(
    ask: p.Ask, options: Mapping[str, p.Expr], models: Mapping[str, p.Model], scope: Scope, world: World, calls: Bound
) -> Loads:
    """The load of an ask that makes so many calls, on whichever endpoints it may turn to."""
    most = inf if calls.most is None else calls.most
    found: dict[str, Load] = {}
    for model in candidates(ask.model, models, scope, world):
        addresses = [] if model is None else [one for one in (model.address, model.fallback) if one is not None]
        each: list[Served | None] = [world.served(address) for address in addresses]
        for served in each or [None]:
            places = _places(served, model, options, scope, world)
            if places is not None:
                endpoint = _endpoint(served)
                narrowest = found[endpoint].places if endpoint in found else places
                found[endpoint] = Load(most, min(narrowest, places))
    return found


def _endpoint(served: Served | None) -> str:
    if served is None:
        return _UNKNOWN
    return served.endpoint or served.address.partition(":")[0] + _UNKNOWN


def _places(
    served: Served | None, model: p.Model | None, options: Mapping[str, p.Expr], scope: Scope, world: World
) -> float | None:
    """The requests that may be in flight from the beginning; None for any number. One that is not known has a place."""
    settings = {**(model.options if model is not None else {}), **options}
    if "concurrency" in settings:
        size = size_of(settings["concurrency"], scope, world, world.count)
        return size.value if isinstance(size, Known) and isinstance(size.value, int) and size.value >= 1 else 1
    return 1 if served is None else served.places


def queued(rounds: Bound, loads: Loads, calls: Bound) -> Bound:
    """The same rounds where calls also wait for places.

    Each round either carries the longest way on, or an endpoint is full in it (R. L. Graham, SIAM Journal on Applied
    Mathematics 17 (2), 1969): of W calls on k places, R of them on that way, (W − R) / k rounds are spent so.
    """
    if rounds.most is None or not loads:
        return rounds
    waits = 0
    for load in loads.values():
        if load.calls == inf:
            return Bound(rounds.least, None, calls.why)
        whole = floor(load.calls + 1e-9)
        # Where another endpoint serves some of the calls, the way may lead through that one alone.
        others = rounds.most if calls.most is not None and whole >= floor(calls.most + 1e-9) else 1
        waits += max(0, floor((whole - others) / load.places))
    return Bound(rounds.least, rounds.most + waits).capped(calls.most)
