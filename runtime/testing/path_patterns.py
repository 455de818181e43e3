"""Patterns of paths, as ``flows/**/*.flow``. The plugin for pytest needs them early, so this module loads little."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase


def path_fits(path: str, pattern: str) -> bool:
    """Tell whether a path fits a pattern, part by part. ``**`` stands for any number of folders."""
    return _parts_fit(path.split(os.sep), pattern.split(os.sep))


def _parts_fit(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_parts_fit(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _parts_fit(parts[1:], wanted[1:])
