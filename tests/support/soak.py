"""How much of the longest tests runs: a share with `pytest -m slow`, all of it with `make soak`."""

from __future__ import annotations

import os

SHARE = 40


def share(whole: int, least: int = 1) -> int:
    """The cases of a slow test that has so many in the whole. The first ones are the same every time."""
    return whole if os.environ.get("FLOWRUN_SOAK") else max(least, whole // SHARE)
