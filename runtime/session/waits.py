"""The waiting of a run: its causes at the moment, and its seconds with the limits that the flow sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from math import inf

from ..dispatch.endpoint import Endpoint
from ..dispatch.wait_clock import EndpointGate, WaitClock
from ..providers.addresses import host_of
from ..values.expressions import ModelValue
from ..vocabulary.waits import EndpointWaits, Waiting, Waits
from .endpoints import next_width


def waits_of(
    clock: WaitClock, endpoints: Mapping[str, Endpoint], declared: Mapping[str, ModelValue], *, kept: bool
) -> Waits:
    """Return the waiting at each endpoint that a run has used, and of its blocks. This stops the clock.

    ``kept`` says that the next run can begin where this one ends.
    """
    clock.end()
    names: set[str] = set()
    told = []
    for gate in clock.gates.values():
        models = [address for address, one in endpoints.items() if one.limiter is gate.limiter]
        # The gate of a batch API has no model of its own, and nothing waits for a place there.
        if models and (any(endpoints[one].up for one in models) or any(gate.seconds.values())):
            told.append(_endpoint_waits(gate, models, endpoints, declared, names, kept))
    return Waits(tuple(told), clock.blocks)


def waiting_now(clock: WaitClock, endpoints: Mapping[str, Endpoint], time: Callable[[], float]) -> list[Waiting]:
    """Return what calls wait for at the moment, the cause that counts for each endpoint.

    ``time`` is the event loop's. This only reads, so any thread may call it.
    """
    now, names, found = time(), set[str](), list[Waiting]()
    for gate in tuple(clock.gates.values()):
        model = next((name for name, one in endpoints.items() if one.limiter is gate.limiter), None)
        if model is None:
            continue
        name = _named(model, endpoints[model], names)
        reason = next((one for one in gate.reasons if one[1] > now), None)
        if reason is not None and gate.waiting:
            found.append(Waiting(name, reason[0], None if reason[1] == inf else reason[1] - now))
    return found


def _endpoint_waits(
    gate: EndpointGate,
    models: Sequence[str],
    endpoints: Mapping[str, Endpoint],
    declared: Mapping[str, ModelValue],
    names: set[str],
    kept: bool,
) -> EndpointWaits:
    limiter, first = gate.limiter, endpoints[models[0]]
    options = [dict(one.options) for one in declared.values() if one.address in models or one.fallback in models]
    return EndpointWaits(
        _named(models[0], first, names),
        tuple(models),
        dict(gate.seconds),
        limiter.narrowest,
        limiter.widest,
        ceiling=limiter.limit if any("concurrency" in one for one in options) else None,
        paced=any("rpm" in one or "tpm" in one for one in options),
        next=next_width(first) if kept else None,
        runs=limiter.runs,
    )


def _named(model: str, endpoint: Endpoint, names: set[str]) -> str:
    """Return a name for an endpoint that no other has: its host with its port, or else the name of its provider."""
    host = host_of(endpoint.provider.endpoint).lower() or model.partition(":")[0]
    # Endpoints of one host differ by their key or their path, and neither is told.
    name = next(one for number in count(1) if (one := host if number == 1 else f"{host} ({number})") not in names)
    names.add(name)
    return name
