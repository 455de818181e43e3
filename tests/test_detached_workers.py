"""A detached run with worker processes: the command ends while they go on, and they leave its output."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.away import Folder
from support.live_pages import ADDRESS
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


def test_the_live_page_of_a_detached_run_shows_the_calls_of_its_workers(long: Folder) -> None:
    ran = long.command(*long.run_arguments, "--detach", "--live", "--workers", "2")
    found = ADDRESS.search(ran.err)
    assert ran.code == 0 and found is not None, ran.err
    # The requests of workers have numbers of 13 digits.
    of_worker = re.compile(r'"[0-9]{13,}\.1"')
    with urllib.request.urlopen(found[1].replace("/?", "/events?"), timeout=60) as events:
        told = ""
        while not of_worker.search(told) or "Say thing" not in told:
            told = events.readline().decode()
            assert told, "the page ended before"
    long.stop()
