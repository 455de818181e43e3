"""The limits of an endpoint: the number of requests in flight, and their rate. Each name is loaded when it is used.

The rules for retries and for slow requests need no event loop, and must not load one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .breaker import COOLING
    from .limiter import NO_PLACE, Limiter, LimiterMaker, Place
    from .ramp import FAR, NEAR, Pacing
    from .terms import EndpointTerms
    from .verdict import Verdict, verdict_of

_HOMES = {
    "breaker": "COOLING",
    "limiter": "NO_PLACE Limiter LimiterMaker Place",
    "ramp": "FAR NEAR Pacing",
    "terms": "EndpointTerms",
    "verdict": "Verdict verdict_of",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "COOLING",
    "FAR",
    "NEAR",
    "NO_PLACE",
    "EndpointTerms",
    "Limiter",
    "LimiterMaker",
    "Pacing",
    "Place",
    "Verdict",
    "verdict_of",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
