"""The version and the addresses of the project, as ``pyproject.toml`` names them."""

from __future__ import annotations

import tomllib
from typing import Any

from . import ROOT


def _project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def repository() -> str:
    """Return the address of the repository; "" if the project names none."""
    urls = {name.lower(): address for name, address in _project().get("urls", {}).items()}
    return str(urls.get("repository") or urls.get("source") or "")


def version() -> str:
    """Return the version of the project; "" if it is not written down."""
    return str(_project().get("version", ""))
