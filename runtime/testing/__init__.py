"""Tests of flows, and the conformance suites for extensions that other packages add to flowrun.

Call a conformance suite from a test of yours.

    from flowrun.testing import check_reducer

    def test_reducer() -> None:
        check_reducer(RULE)

A suite raises NonconformityError, an AssertionError, with one sentence for each broken rule. All random data
comes from fixed seeds, so a suite gives the same result each time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faults import NonconformityError
    from .providers import check_provider
    from .readers import check_reader
    from .reducers import check_reducer
    from .splitters import check_splitter

_HOMES = {
    "faults": "NonconformityError",
    "providers": "check_provider",
    "readers": "check_reader",
    "reducers": "check_reducer",
    "splitters": "check_splitter",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = ["NonconformityError", "check_provider", "check_reader", "check_reducer", "check_splitter"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
