"""The source texts of the helpers, and of the definitions that they copy."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from flowrun.dsl import Library, home_of

_KIT = "flowrun.runtime.eject.kit"
MODULES = (
    "failures prompts fields answers calls blocks reducers votes adaptive reading functions pieces checks fences"
).split()


@cache
def library() -> Library:
    """Return the definitions that programs copy."""
    return Library([f"{_KIT}.{name}" for name in MODULES], _read, _face)


def _read(module: str) -> str:
    package, _, name = module.rpartition(".")
    return files(package).joinpath(f"{name}.py").read_text(encoding="utf-8")


def _face(module: str, name: str) -> str:
    """Return the module that defines a name that the language offers."""
    return home_of(name) if module == "flowrun.dsl" else ""
