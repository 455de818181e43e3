"""Whole runs with a scripted model: of a plan in virtual time, and by the door that users take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowrun.runtime.providers.scripted import Script, ScriptedProvider

Opener = Callable[[str, Any], ScriptedProvider]


def scripted(script: Script) -> Opener:
    """Make an opener of providers, one for each model, that answer from one script."""
    return lambda model, around: ScriptedProvider(script, model=model)
