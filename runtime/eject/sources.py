"""The source texts of the helpers, and of the definitions that they copy."""

from __future__ import annotations

import ast
from functools import cache
from importlib.resources import files

from flowrun.dsl import Library

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
    """Return the module that defines a name that the language offers; "" for any other name."""
    return _offered().get(name, "") if module == "flowrun.dsl" else ""


@cache
def _offered() -> dict[str, str]:
    """Return the names that `flowrun.dsl` offers, with their modules. It imports them for type checkers."""
    tree = ast.parse(_read("flowrun.dsl.__init__"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module]
    return {one.name: f"flowrun.dsl.{node.module}" for node in imports for one in node.names}
