"""The workers of a run that Ray places on the nodes of a cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from dataclasses import replace
from pathlib import Path

from flowrun.dsl import plan as p

from ..files.files import Files
from ..files.project import project_file
from ..files.settings import settings_file
from ..providers.addresses import printable
from ..providers.declared_endpoints import source_of
from ..providers.environment_keys import is_key_name
from ..vocabulary.json_value import Json
from ..workers.cluster import Cluster
from ..workers.far_files import FileDesk
from ..workers.far_process import FarProcess
from ..workers.file_answers import answer_files
from ..workers.process import Started
from .engines import address_of
from .models import Models
from .option_readers import MOST_WORKERS
from .parts import Parts
from .run_rows import RunSettings
from .workers import Workers

_OF_LIBRARIES = ("AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_")
"""The beginnings of variables that libraries of providers read by themselves, beside those that flowrun reads."""
_OWN = ("HOME", "PATH", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "FLOWRUN_LEARN")
"""The variables that each machine has for itself."""


class Noting(Mapping[str, str]):
    """Environment variables that remember which of them were looked up."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.seen.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)

    def items(self) -> ItemsView[str, str]:
        # A library that reads all variables looks for none of them.
        return self._environ.items()

    def values(self) -> ValuesView[str]:
        return self._environ.values()

    def used(self) -> dict[str, str]:
        """Return the variables of endpoints: those that were looked up, and those that a library reads with them."""
        kinds = tuple(kind for kind in _OF_LIBRARIES if any(name.startswith(kind) for name in self.seen))
        return {
            name: value
            for name, value in self._environ.items()
            if name not in _OWN and (name in self.seen or (kinds and name.startswith(kinds)))
        }


class RayWorkers(Workers):
    """The workers of one run in a Ray cluster, and the cluster. ``opened`` opens it before the run begins."""

    def __init__(self, plan: p.Plan, settings: RunSettings, parts: Parts, *, resumed: bool) -> None:
        super().__init__(plan, settings, parts, resumed=resumed)
        self._cluster = Cluster(address_of(parts.engine), parts.environ)
        self._noting = Noting(parts.environ)
        self._files: FileDesk | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def opened(self) -> RayWorkers:
        """Open the cluster, if there is anything to do for workers, and start them. Raises UsageError."""
        count = self._parts.workers
        try:
            if self.wanted:
                found = await self._cluster.open(count)
                count = count or max(1, min(found.cpus, MOST_WORKERS))
            self.begin(count)
        except BaseException:
            self._cluster.close()
            raise
        return self

    def parts(self, given: Parts) -> Parts:
        return replace(given, environ=self._noting)

    @property
    def _early(self) -> bool:
        """False: the nodes are checked for keys and files before anything is sent."""
        return False

    def starter(self) -> Callable[[], Started]:
        return self._start

    def _start(self) -> FarProcess:
        process = self._cluster.start()
        if self._cluster.address:
            serving = asyncio.get_running_loop().create_task(self._serve_files(process))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)
        return process

    async def _serve_files(self, process: FarProcess) -> None:
        await process.here()
        if self._files is None:
            folder = self._settings.folder or Path(self._plan.source).parent
            self._files = FileDesk(Files(folder, self._settings.allow_read))
        await answer_files(process.files, self._files.answer)

    def told(self, models: Models) -> dict[str, Json]:
        ships = bool(self._cluster.address)
        if not ships:
            # The worker is a process of this machine: it has what a child would inherit.
            return {"ships": False, "sent": dict(self._parts.environ), "places": {}}
        used = self._noting.used()
        keys = {name for name in used if is_key_name(name) or name in models.variables}
        sent = used if self._parts.send_keys else {name: value for name, value in used.items() if name not in keys}
        return {
            "ships": True,
            "sent": dict(sent),
            "keys": sorted(keys & self._noting.seen),
            "places": {address: printable(one.provider.endpoint) for address, one in models.endpoints.items()},
            "config": str(settings_file(self._noting).parent.parent),
            "shipped": self._shipped(),
        }

    def _shipped(self) -> list[Json]:
        """Return the files that each worker needs from the beginning, with their texts."""
        shipped: list[Json] = [[str(path), path.read_text(encoding="utf-8")] for path in self._texts()]
        source = source_of(self._plan, self._settings.folder)
        # The flow itself is not read there. Its place tells which project it belongs to.
        return [*shipped, [os.path.abspath(source), ""]] if source else shipped

    def _texts(self) -> list[Path]:
        """Return the files of settings of the user and of the flow's project."""
        files = [settings_file(self._noting), project_file(source_of(self._plan, self._settings.folder))]
        return [one.absolute() for one in files if one is not None and one.is_file()]

    def close(self) -> None:
        super().close()
        for one in self._serving:
            one.cancel()
        self._cluster.close()
