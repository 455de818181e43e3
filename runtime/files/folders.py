"""Where flowrun keeps on this machine what it can make or fetch again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder for what can be had again: $FLOWRUN_CACHE, or flowrun's under the XDG cache folder.

    Raises RuntimeError where no home is known, OSError where a relative path has nothing to stand on.
    """
    if own := environ.get("FLOWRUN_CACHE"):
        return Path(own).expanduser().absolute()
    xdg = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):  # the XDG specification has relative paths ignored
        return Path(xdg) / "flowrun"
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".cache" / "flowrun"
