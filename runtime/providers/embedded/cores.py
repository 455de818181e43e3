"""The cores of this machine, and whether they are enough for several requests at once at the local model."""

from __future__ import annotations

import os
from collections.abc import Mapping

LEAST_CORES = 4
"""With fewer cores, one request at a time is right."""
_OFF = frozenset({"0", "off", "no", "false"})


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measures(environ: Mapping[str, str]) -> bool:
    """Tell whether a run may measure how many requests at once pay, or has done so."""
    return usable_cores() >= LEAST_CORES and environ.get("FLOWRUN_LEARN", "").strip().lower() not in _OFF
