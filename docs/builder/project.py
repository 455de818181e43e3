"""The version of the project. Its addresses are those of ``flowrun.dsl.project``."""

from __future__ import annotations

import tomllib

from . import ROOT


def version() -> str:
    """Return the version of the project; "" if it is not written down."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(found["project"].get("version", ""))
