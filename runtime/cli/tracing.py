"""The traces and metrics of a command that runs a flow."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..telemetry.environment import is_wanted
from ..vocabulary.remarks import unheard
from .console import remark


def tracing(quiet: bool) -> AbstractContextManager[tuple[Any, ...]]:
    """Return the listeners that send traces and metrics, if the environment asks for them."""
    if not is_wanted(os.environ):
        return nullcontext(())
    from ..telemetry.export import exported

    return exported(os.environ, unheard if quiet else remark)
