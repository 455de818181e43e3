"""Processes that run a flow with limits on one journal, and what their server saw of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .model_server import Served
from .patience import eventually
from .processes import PATIENT, QUICK, Command

FLOW = """
model m = "openai:x" with {limits}
flow many(items: [text]) {{
  said = map item in items {{ ask m "Say {{{{ item }}}}" }} reduce collect
  return said
}}
"""
SILENT = {"flowrun.runtime.limits.run_book.SILENT": 1.5}


class Limited:
    """A folder with a journal for several processes, and a server."""

    def __init__(self, folder: Path, served: Served, limits: str, journal: str = "") -> None:
        self.folder, self.served = folder, served
        self.journal = journal or str(folder / "journal.db")
        self.environ = {"HOME": str(folder), "OPENAI_BASE_URL": served.url, "PATH": "/usr/bin:/bin"}
        self.environ["PGPASSWORD"] = ""
        self.limits = limits
        self.first = len(served.lines())

    def start(self, name: str, count: int, *words: str, others: Mapping[str, object] = {}) -> Command:
        flow, items = self.folder / f"{name}.flow", self.folder / f"{name}.json"
        flow.write_text(FLOW.format(limits=self.limits))
        items.write_text(json.dumps([f"thing {name}.{n}" for n in range(count)]))
        given = (str(flow), "--items", str(items), "--journal", self.journal, *words)
        return Command(given, self.folder / name, self.environ, None, {**QUICK, **PATIENT, **SILENT, **others})

    def resume(self, name: str, run: str) -> Command:
        words = ("resume", run, "--journal", self.journal)
        return Command(words, self.folder / name, self.environ, None, {**QUICK, **PATIENT, **SILENT})

    def attach(self, run: str) -> Command:
        words = ("attach", run, "--journal", self.journal)
        return Command(words, self.folder / f"attached-{run}", self.environ)

    def asked(self) -> int:
        return self.served.asked(self.first)

    def open(self) -> int:
        """The requests that have no answer yet."""
        return sum({"asked": 1, "served": -1}.get(line["at"], 0) for line in self.served.lines()[self.first :])

    def wait(self, asked: int) -> None:
        """Wait until so many requests have come."""
        eventually(lambda: self.asked() >= asked, lambda: "the requests do not come")

    def levels(self) -> list[tuple[float, int]]:
        """Return the requests in flight as the server counts them, at each change."""
        level, found = 0, []
        for line in sorted(self.served.lines()[self.first :], key=lambda one: one["time"]):
            level += {"asked": 1, "served": -1}.get(line["at"], 0)
            found.append((line["time"], level))
        return found

    def peak(self) -> int:
        return max((level for _, level in self.levels()), default=0)

    def most_in(self, seconds: float) -> int:
        """Return the most requests in a window of time."""
        times: list[float] = sorted(line["time"] for line in self.served.lines()[self.first :] if line["at"] == "asked")
        return max(sum(begin <= time < begin + seconds for time in times) for begin in times)
