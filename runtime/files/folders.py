"""The folder on this machine for files that flowrun can make or fetch again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the cache folder: $FLOWRUN_CACHE, or flowrun's folder in the XDG cache folder.

    Raises: RuntimeError, where no home folder is known; OSError, for a relative path without a current folder.
    """
    if own := environ.get("FLOWRUN_CACHE"):
        return Path(own).expanduser().absolute()
    xdg = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):  # the XDG specification says to ignore relative paths
        return Path(xdg) / "flowrun"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "flowrun"
