"""The modules of a package. They are found by their file names and their text; none is imported."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any


def module_names(package: str) -> list[str]:
    """Return the names of a package's modules in alphabetical order, without those that begin with `_`."""
    found = {module.name for module in pkgutil.iter_modules(import_module(package).__path__)}
    return sorted(name for name in found if not name.startswith("_"))


def binding(package: str, name: str) -> list[str]:
    """Return the names of the modules that define a name at their top level. No module is imported for this."""
    return [module for module in module_names(package) if binds(package, module, name)]


@cache
def binds(package: str, module: str, name: str) -> bool:
    """Tell whether a package has this module, and the module defines this name at its top level."""
    pattern = rf"^(?:(?:async )?def|class) {name}\b|^{name}\b[^=\n]*=(?!=)"
    return re.search(pattern, text_of(package, module), re.MULTILINE) is not None


@cache
def text_of(package: str, module: str) -> str:
    """Return the source text of a module. "" if the module does not exist or has no source."""
    if not module.isidentifier():
        return ""
    finders: Iterable[Any] = pkgutil.iter_importers(f"{package}.{module}")
    for finder in finders:
        spec = finder.find_spec(f"{package}.{module}")
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            return str(spec.loader.get_data(spec.origin).decode())
    return ""
