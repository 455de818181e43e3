"""The names of engines, which place the workers of a run."""

from __future__ import annotations

from ..vocabulary.errors import UsageError


def address_of(engine: str) -> str:
    """Return the address of the cluster that an engine names, "" for one of its own. Raises UsageError."""
    name, given, address = engine.partition("=")
    host, colon, port = address.rpartition(":")
    if name != "ray" or (given and not (host and colon and port.isdecimal() and 0 < int(port) < 65536)):
        raise UsageError(
            f"there is no engine {engine!r}: write `ray`, or `ray=HOST:6379` for the cluster at that address"
        )
    return address
