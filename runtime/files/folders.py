"""Folders: the cache for files that flowrun can make or download again, and the folders that a flow may read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the cache folder: $FLOWRUN_CACHE, or flowrun's folder in the XDG cache folder.

    If ``environ`` has none of the variables that name the folder, those of the process count.

    Raises: RuntimeError, if no home folder is known; OSError, for a relative path without a current folder.
    """
    if own := environ.get("FLOWRUN_CACHE"):
        return Path(own).expanduser().absolute()
    xdg = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):  # the XDG specification says to ignore relative paths
        return Path(xdg) / "flowrun"
    if home := environ.get("HOME"):
        return Path(home) / ".cache" / "flowrun"
    return Path.home() / ".cache" / "flowrun" if environ is os.environ else cache_folder(os.environ)


def must_be_folder(place: Path, option: str, written: str) -> None:
    """Raise UsageError if a path is not a folder, because an option that takes folders would then allow nothing.

    ``option`` names the option in the message. ``written`` is the format of the option with a path in it.
    """
    if os.path.isdir(place):
        return
    if os.path.lexists(place):
        folder = shown(written.format(str(place.parent)))
        raise UsageError(f"{option} takes a folder, and {shown(str(place))} is not a folder; its folder is {folder}")
    raise UsageError(f"{option} takes a folder, and the folder {shown(str(place))} does not exist")
