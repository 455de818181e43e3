"""The paces of endpoints that workers learn: together they are the pace that the run leaves to the next one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from flowrun.runtime.experience.store import NAME
from flowrun.runtime.journal.wire import WireError
from flowrun.runtime.vocabulary.pace import Pace
from flowrun.runtime.workers import beginning
from flowrun.runtime.workers.event_forms import EventReader
from flowrun.runtime.workers.message_contents import read
from flowrun.runtime.workers.paces import joined, paces_of
from flowrun.runtime.workers.worker_handle import WorkerHandle
from support.model_server import model_server
from support.worker_runs import ran


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        (Pace(7, True), [], Pace(7, True)),
        (Pace(), [Pace(200, rising=True), Pace(300, rising=True)], Pace(500, rising=True)),
        (Pace(512, rising=True), [Pace(200, rising=True), Pace(100)], Pace(512)),
        (Pace(), [Pace(200, rising=True), Pace(300, True)], Pace(500, True)),
        (Pace(8, True), [Pace(200, rising=True), Pace(300, rising=True)], Pace(500, True)),
        (Pace(requests=60), [Pace(5, tokens=900), Pace(5, requests=600)], Pace(10, requests=600, tokens=900)),
    ],
)
def test_paces_of_processes_that_sent_side_by_side_add_up(own: Pace, theirs: Sequence[Pace], expected: Pace) -> None:
    assert joined(own, theirs) == expected


def test_a_pace_comes_back_as_it_was() -> None:
    form = {"http://a": [5, True, None, 900, False]}
    assert paces_of(json.loads(json.dumps(form))) == {"http://a": Pace(5, True, None, 900)}


@pytest.mark.parametrize("form", [None, [], {"a": [1]}, {"a": ["x", True, None, None, False]}, {"a": 5}])
def test_a_pace_of_another_form_is_refused(form: Any) -> None:
    with pytest.raises(WireError):
        read(WorkerHandle(1, cast("Any", None), EventReader(1)), "ended", [[[], []], form])


@pytest.mark.parametrize("workers", [0, 2])
async def test_a_run_leaves_the_pace_that_its_workers_have_found(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)
    text = 'flow many(xs: [text]) { return map x in xs { ask "Say {{ x }}" } reduce collect }'
    with model_server(tmp_path / "log", seconds=0.02) as server:
        result = await ran(server, tmp_path, text, {"xs": [str(n) for n in range(600)]}, workers=workers)
    assert result.status == "done"
    assert widths(stored(tmp_path))


def stored(folder: Path) -> Any:
    """The paces that runs left in a folder of the cache."""
    (found,) = folder.rglob(NAME)
    return json.loads(found.read_text())


def widths(found: Any) -> list[int]:
    """Return all widths that a store has."""
    if isinstance(found, dict):
        own = [found["width"]] if isinstance(found.get("width"), int) and found["width"] > 8 else []
        return own + [one for value in found.values() for one in widths(value)]
    return [one for value in found for one in widths(value)] if isinstance(found, list) else []
