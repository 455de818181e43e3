"""The count of the answers that a journal has for a run: in turns, so that their events fill no memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.dsl import Foreseen
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.engine.state import State
from flowrun.runtime.files.files import Files
from flowrun.runtime.session import cache_hits
from flowrun.runtime.session.loading import load, plan_of
from support.command_line import chat

FLOW = """flow f(parts: [text]) {
  notes = map part in parts { ask "Note on {{ part }}" } reduce collect
  more = map note in notes { ask "More on {{ note }}" } reduce collect
  return more
}
"""


@pytest.mark.parametrize("turn", [1, 7, 500])
async def test_the_answers_are_counted_in_turns(
    turn: int, faults: Any, flow: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        return web.json_response(chat((await request.json())["messages"][0]["content"]))

    faults.replies.append(reply)
    path, journal = flow(FLOW), tmp_path / "journal.db"
    environ = {"OPENAI_BASE_URL": faults.url, "HOME": str(tmp_path)}
    parts = [f"part {number}" for number in range(30)]
    options = RunOptions(model="openai:m", environ=environ, journal=journal)
    assert (await run_async(path, {"parts": parts}, options=options)).ok
    most = 0

    class Watched(State):
        def go_on(self) -> Any:
            nonlocal most
            most = max(most, len(self.events))
            return super().go_on()

    monkeypatch.setattr(cache_hits, "State", Watched)
    monkeypatch.setattr(cache_hits, "_TURN", turn)
    plan = plan_of(load(path))
    for given, found in (
        (parts, Foreseen(60, 0)),
        ([*parts, "another"], Foreseen(60, 1)),
        (["another", *parts[:2], "a third"], Foreseen(4, 2)),
    ):
        assert cache_hits.foresee(plan, {"parts": given}, "openai:m", Files(tmp_path), environ, journal) == found
    # Each turn begins without the events of the turn before it.
    assert most == 0
