"""The registry of splitters. Each splitter is a file of its own.

A splitter is a module of this folder that binds a ``Splitter``, or an entry point of the group ``flowrun.splitters``.
"""

from __future__ import annotations

from ..registry.registry import Registry
from .protocol import Splitter, guarded

SPLITTERS = Registry(
    "splitter",
    __name__,
    Splitter,
    lambda one: one.name,
    lambda one: (any(param.required for param in one.params), one.name),
    guarded,
)

__all__ = ["SPLITTERS", "Splitter"]
