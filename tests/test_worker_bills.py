"""A run with worker processes costs and notes the same as in one process, also where the driver and workers share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowrun.runtime.workers import beginning
from support.model_server import Served, model_server
from support.worker_runs import ran


@pytest.fixture(params=[0, 512], ids=["workers", "driver"], autouse=True)
def most_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all bodies run in workers, or the first ones in the driver."""
    monkeypatch.setattr(beginning, "MOST_HERE", request.param)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


async def test_samples_of_a_repeat_share_one_request_as_in_one_process(server: Served, tmp_path: Path) -> None:
    text = """
flow many(q: text) {
  ideas = repeat 4 { ask "An idea for {{ q }}" } reduce collect
  both = repeat 6 { a = ask "A word for {{ q }}"  ask "Is {{ a }} good?" -> yes | no } reduce majority
  return { ideas, both }
}
"""
    one = await ran(server, tmp_path, text, {"q": "Bern"})
    asked = sum(line["at"] == "asked" for line in server.lines())
    two = await ran(server, tmp_path, text, {"q": "Bern"}, workers=2)
    assert two.value == one.value
    assert sum(line["at"] == "asked" for line in server.lines(start=0)) == 2 * asked
    assert two.usage == one.usage


async def test_a_file_that_the_driver_and_workers_read_is_noted_once(server: Served, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words of a file")
    text = """
flow many(xs: [text]) {
  whole = file("a.txt")
  first = ask "Sum up {{ whole }}"
  each = map x in xs { t = file("a.txt")  ask "{{ first }} {{ x }} {{ t }}" } reduce collect
  return each
}
"""
    result = await ran(server, tmp_path, text, {"xs": ["1", "2", "3"]}, journal=tmp_path / "r.db", workers=2)
    assert result.status == "done"
    with closing(sqlite3.connect(tmp_path / "r.db")) as journal:
        assert journal.execute("SELECT count(*) FROM records WHERE kind = 'read'").fetchone() == (1,)
