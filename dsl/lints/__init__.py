"""The lints. Each reports code that is allowed but is probably a mistake.

Each lint is a file of its own that binds a ``Lint``. They run in the order of their codes.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from .lint import Find, Lint


def _found() -> dict[str, tuple[Lint, ModuleType]]:
    found: dict[str, tuple[Lint, ModuleType]] = {}
    for info in iter_modules(__path__):
        module = import_module(f".{info.name}", __name__)
        for lint in vars(module).values():
            if isinstance(lint, Lint) and found.setdefault(lint.code, (lint, module))[1] is not module:
                raise TypeError(f"two lints report {lint.code}: {found[lint.code][1].__name__} and {module.__name__}")
    return dict(sorted(found.items()))


_FOUND = _found()

LINTS: tuple[Find, ...] = tuple(lint.find for lint, _ in _FOUND.values())

NEAR: tuple[Find, ...] = tuple(lint.find for lint, _ in _FOUND.values() if lint.near)
"""Lints that still hold when the file has an error elsewhere."""

PAGES: dict[str, str] = {code: module.__doc__ or "" for code, (_, module) in _FOUND.items()}
"""The page of each lint without its title, by code."""
