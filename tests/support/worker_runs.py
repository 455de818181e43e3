"""Runs with worker processes at a server of a test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowrun import Result, RunOptions, load, run_async
from flowrun.dsl import Source

from .model_server import Served

MODEL = "openai:test"


def environ(server: Served, folder: Path) -> dict[str, str]:
    """Return the variables of a run in a folder, whose home is inside of it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test"}


async def ran(server: Served, folder: Path, text: str, inputs: Mapping[str, Any], **options: Any) -> Result:
    """Run a flow, and return its result."""
    given = RunOptions(model=MODEL, environ=environ(server, folder), **options)
    return await run_async(load(Source(text, str(folder / "x.flow"))), inputs, options=given)
