"""A scripted model behind a journal that several runs share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.providers.scripted import Script, ScriptedProvider


class Shop:
    """A model that keeps its requests over several runs."""

    def __init__(self, script: Script) -> None:
        self.provider = ScriptedProvider(script, model="m")

    def run(self, flow: str, path: Path, **inputs: Any) -> Any:
        options = RunOptions(model="m", opener=lambda model, around: self.provider, journal=path)
        before = len(self.provider.calls)
        made = make_plan(check_flow(Source(flow), catalog()))
        with asyncio.Runner() as runner:
            value = runner.run(run_async(made, inputs, options=options)).value
        return value, len(self.provider.calls) - before
