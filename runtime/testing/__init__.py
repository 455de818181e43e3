"""Tests of flows from Python, fakes of what is around a run, and the conformance suites for extensions.

``run_scripted`` runs a flow with scripted answers. The fixture ``flow`` of pytest is the same.

    from flowrun.testing import run_scripted

    def test_triage() -> None:
        result = run_scripted("triage.flow", message="Hi", replies={"quick": ["billing"] * 3})
        assert result.value["team"] == "billing"

A conformance suite raises NonconformityError, an AssertionError, with one sentence for each broken rule. All its
random data comes from fixed seeds, so it gives the same result each time.

    from flowrun.testing import check_reducer

    def test_reducer() -> None:
        check_reducer(RULE)

docs/testing.md and docs/plugins.md describe the names. Each is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider

    from .cassette import Cassette
    from .cassette_file import load_cassette
    from .fault_server import FaultServer
    from .faults import NonconformityError
    from .poisoning import ChangedRequest, PoisonError, Poisoning, poison
    from .providers import check_provider
    from .readers import check_reader
    from .reducers import check_reducer
    from .script_text import cut, error, malformed, slow
    from .scripted_run import ScriptedCall, ScriptedResult, run_scripted
    from .scripted_setup import ScriptError
    from .splitters import check_splitter
    from .virtual_clock import VirtualLoop

_HOMES = {
    ".runtime.providers.scripted": "Scripted ScriptedProvider",
    "cassette": "Cassette",
    "cassette_file": "load_cassette",
    "fault_server": "FaultServer",
    "faults": "NonconformityError",
    "poisoning": "ChangedRequest PoisonError Poisoning poison",
    "providers": "check_provider",
    "readers": "check_reader",
    "reducers": "check_reducer",
    "script_text": "cut error malformed slow",
    "scripted_run": "ScriptedCall ScriptedResult run_scripted",
    "scripted_setup": "ScriptError",
    "splitters": "check_splitter",
    "virtual_clock": "VirtualLoop",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Cassette",
    "ChangedRequest",
    "FaultServer",
    "NonconformityError",
    "PoisonError",
    "Poisoning",
    "ScriptError",
    "Scripted",
    "ScriptedCall",
    "ScriptedProvider",
    "ScriptedResult",
    "VirtualLoop",
    "check_provider",
    "check_reader",
    "check_reducer",
    "check_splitter",
    "cut",
    "error",
    "load_cassette",
    "malformed",
    "poison",
    "run_scripted",
    "slow",
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
