"""A flow, its items and a server, for runs that must reach the same end however often they are stopped."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .model_server import Served, model_server
from .patience import eventually
from .processes import Command, DiskAt

MAP = """
model m = "openai:x" with concurrency: 8, temperature: 0.5
flow long(items: [text]) {
  notes = map item in items { ask m "Say {{ item }}" } reduce by 8 ask m "Merge {{ results }}"
  return notes
}
"""
NONE: Mapping[str, object] = MappingProxyType({})
DOUBT = re.compile(r"(\d+) calls? (?:was|were) open when the run \S+ ended, and may have been paid")


@dataclass
class Place:
    """A folder with a flow and its items, and a server. The first run shows the answer that all others must give."""

    folder: Path
    served: Served
    items: Path
    expected: str = ""
    needed: int = 0
    seconds: float = 0.0

    def start(
        self, name: str, disk: DiskAt | None = None, journal: str = "journal.db", options: Sequence[str] = ()
    ) -> Command:
        arguments = (str(self.folder / "a.flow"), "--items", str(self.items), "--journal", journal, *options)
        return Command(arguments, self.folder / name, self.environ, disk)

    def resume(
        self, name: str, *options: str, journal: str = "journal.db", others: Mapping[str, object] = NONE
    ) -> Command:
        arguments = ("resume", "last", "--journal", journal, *options)
        return Command(arguments, self.folder / name, self.environ, others=others)

    def listed(self, name: str) -> str:
        """Return the runs of a journal, as JSON."""
        command = Command(("runs", "--json", "--journal", "journal.db"), self.folder / name, self.environ)
        assert command.end() == 0, command.err
        return command.out

    def until(self, seen: Callable[[list[dict[str, Any]]], bool], start: int) -> None:
        """Wait until ``seen`` is true of the server's log from line ``start`` on."""
        eventually(lambda: seen(self.served.lines(start)), lambda: "the server saw something else")

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "OPENAI_BASE_URL": self.served.url, "PATH": os.environ["PATH"]}

    def learn(self) -> None:
        began = time.monotonic()
        whole = self.start("whole")
        assert whole.end() == 0, whole.err
        self.seconds = time.monotonic() - began
        self.expected, self.needed = whole.out, self.served.answers()


def place(folder: Path, flow: str, items: int, *, refuse: float = 0.0, seconds: float = 0.01) -> Iterator[Place]:
    folder.joinpath("a.flow").write_text(flow)
    listed = folder / "items.json"
    listed.write_text(json.dumps([f"thing {number}" for number in range(items)]))
    with model_server(folder / "server.log", seconds, refuse) as served:
        made = Place(folder, served, listed)
        made.learn()
        yield made


def announced(err: str) -> int:
    return sum(int(number) for number in DOUBT.findall(err))
