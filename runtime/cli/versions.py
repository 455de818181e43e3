"""`flowrun --version`: the distribution that is installed, and a warning of another package of the name flowrun."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distributions
from sysconfig import get_platform

DISTRIBUTION = "flowrun-dsl"
STRANGER = "flowrun"
"""A package of somebody else on the package index. Its files would take the place of `flowrun/__init__.py`."""


def told_version() -> str:
    """Return the name and the version of the distribution, the version of Python and the platform."""
    found = _named(DISTRIBUTION)
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"{DISTRIBUTION} {found[0].version if found else 'not installed'} (Python {python}, {get_platform()})"


def strangers() -> list[str]:
    """Return a warning for each package of the name `flowrun` that is installed in this environment."""
    return [
        f"warning: the package `{STRANGER}` {found.version} is installed here, too. It belongs to somebody else, and "
        f"its files take the place of ours. To repair that: pip uninstall {STRANGER} {DISTRIBUTION}, then "
        f"pip install {DISTRIBUTION}"
        for found in _named(STRANGER)
    ]


def _named(name: str) -> list[Distribution]:
    return list(distributions(name=name))[:1]
