"""The question whether the documents of a flow remember their files, for `pages`."""

from __future__ import annotations

from contextvars import ContextVar

PAGED: ContextVar[bool] = ContextVar("paged", default=False)
"""True while the inputs of a flow that calls `pages` are read."""
