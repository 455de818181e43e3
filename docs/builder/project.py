"""The addresses of the project, as far as ``pyproject.toml`` names them."""

from __future__ import annotations

import tomllib

from . import ROOT


def repository() -> str:
    """Return the address of the repository; "" if the project names none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    urls = {name.lower(): address for name, address in project.get("urls", {}).items()}
    return str(urls.get("repository") or urls.get("source") or "")
