"""A detached run with worker processes: the command ends while they go on, and they leave its output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.away import Folder
from support.model_server import model_server
from support.place import MAP, Place


@pytest.fixture
def long(tmp_path: Path) -> Iterator[Folder]:
    """A folder whose runs do not end by themselves in the time of a test."""
    (tmp_path / "a.flow").write_text(MAP)
    (tmp_path / "items.json").write_text(json.dumps([f"thing {number}" for number in range(2000)]))
    with model_server(tmp_path / "server.log", 0.3) as served:
        (tmp_path / "run").mkdir()
        yield Folder(tmp_path / "run", Place(tmp_path, served, tmp_path / "items.json"))


def test_who_reads_the_output_of_the_command_does_not_wait_for_the_run(long: Folder) -> None:
    run = long.detach("--workers", "2")
    listed = json.loads(long.command("runs", "--json", "--journal", "journal.db").out)["runs"]
    assert [(row["run"], row["status"]) for row in listed] == [(run, "running")]
    long.stop()
