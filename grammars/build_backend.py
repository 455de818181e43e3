"""The build backend: setuptools, with the parser's tables made from the grammar before anything is packed.

``pyproject.toml`` names it. It runs before the package is installed, so it makes ``flowrun.dsl`` known by itself.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

# Build tools put the folder of this module on the path.
from editable import lighten  # isort: skip
from reproducible import level  # isort: skip

HERE = Path(__file__).resolve().parent


def make() -> None:
    """Write the tables of the grammar beside it."""
    sys.modules["flowrun"] = ModuleType("flowrun")
    for name, folder in (("flowrun.dsl", HERE.parent / "dsl"), ("flowrun.grammars", HERE)):
        face = folder / "__init__.py"
        spec = spec_from_file_location(name, face, submodule_search_locations=[str(folder)])
        assert spec is not None
        # The face itself stays unread: it offers more than the parser needs.
        sys.modules[name] = module_from_spec(spec)
    tables = import_module("flowrun.dsl.parsing.tables")
    made = import_module("flowrun.dsl.parsing.make_tables").make_tables((HERE / "flow.lark").read_text("utf-8"))
    (HERE / tables.NAME).write_text(tables.dump(made), "utf-8")


def build_wheel(*args: Any, **options: Any) -> str:
    make()
    return build_meta.build_wheel(*args, **options)


def build_editable(folder: str, *args: Any, **options: Any) -> str:
    make()
    wheel = build_meta.build_editable(folder, *args, **options)
    lighten(Path(folder, wheel))
    return wheel


def build_sdist(folder: str, *args: Any, **options: Any) -> str:
    make()
    archive = build_meta.build_sdist(folder, *args, **options)
    level(Path(folder, archive))
    return archive
