"""A journal that somebody removes or replaces while a run goes on: the run ends as usual, and a line tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrun.runtime.vocabulary import events as e
from support.model_server import Served, model_server
from support.worker_runs import ran

FLOW = 'flow f(xs: [text]) {\n  return map x in xs { ask "Say {{ x }}" } reduce collect\n}\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with model_server(tmp_path_factory.mktemp("server") / "log", seconds=0.002) as served:
        yield served


@pytest.mark.parametrize("how", ["stays", "removed", "replaced"])
@pytest.mark.parametrize("workers", [0, 2])
async def test_a_journal_that_is_gone_is_told_of(how: str, workers: int, server: Served, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    lines: list[e.Notice] = []

    def hear(event: e.Event) -> None:
        if isinstance(event, e.Notice):
            lines.append(event)
        elif isinstance(event, e.ElementFinished) and journal.exists() and how != "stays":
            journal.unlink()
            if how == "replaced":
                (tmp_path / "other").write_bytes(b"")
                (tmp_path / "other").rename(journal)

    inputs = {"xs": [str(n) for n in range(6)]}
    result = await ran(server, tmp_path, FLOW, inputs, journal=journal, workers=workers, on_event=[hear])
    assert (result.status, len(result.value)) == ("done", 6)
    told = [one.text for one in lines if "was removed or replaced while the run went on" in one.text and one.urgent]
    assert len(told) == (how != "stays")
