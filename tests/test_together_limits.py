"""The runs of one process share their limits with other processes as one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flowrun.runtime.dispatch.endpoint import Endpoint
from flowrun.runtime.dispatch.ledger import RunLog
from flowrun.runtime.journal.limit_file import FileTable
from flowrun.runtime.limits.shared import Limiters
from flowrun.runtime.session.one_process import OneProcess
from flowrun.runtime.session.run_limits import share_limits

AT = "http://127.0.0.1:1/v1"


def _endpoint(limiters: Limiters, account: str = "OPENAI_API_KEY") -> Endpoint:
    return Endpoint(SimpleNamespace(endpoint=AT, account=account), limiters.limiter_at(AT)(10))


async def _shared(journal: Any, name: str, endpoint: Endpoint) -> Any:
    log = RunLog.__new__(RunLog)
    log.name = name
    return await share_limits(journal, log, {"m": endpoint}, OneProcess(), lambda line: None)


async def test_the_runs_of_a_process_have_one_share_until_the_last_of_them_ends(tmp_path: Path) -> None:
    journal, limiters = SimpleNamespace(path=tmp_path / "journal.db"), Limiters()
    one, other = _endpoint(limiters), _endpoint(limiters)
    ends = [await _shared(journal, "one", one), await _shared(journal, "other", other)]
    portion = one.limiter.portion
    assert portion is not None and portion is other.limiter.portion and portion.places == 10
    states: list[Any] = []
    table = FileTable(journal.path)

    def look(state: Any, now: float) -> tuple[Any, Any]:
        states.append(state)
        return state, None

    found = _keys(tmp_path)
    table.turn(found, look)
    assert len(states[0]["runs"]) == 1
    table.close()
    ends[0]()
    assert other.limiter.portion is portion
    ends[1]()
    assert other.limiter.portion is None
    assert not (tmp_path / "journal.db.limits").exists()


async def test_two_processes_with_runs_of_their_own_share_a_limit(tmp_path: Path) -> None:
    journal = SimpleNamespace(path=tmp_path / "journal.db")
    one, other = _endpoint(Limiters()), _endpoint(Limiters())
    ends = [await _shared(journal, "one", one), await _shared(journal, "other", other)]
    taken = [endpoint.limiter.acquire() for endpoint in (one, other) for _ in range(10)]
    assert len([place for place in taken if place is not None]) <= 10
    for end in ends:
        end()


def _keys(folder: Path) -> str:
    [key] = json.loads((folder / "journal.db.limits").read_text().partition("\n")[2])
    return str(key)


async def test_two_keys_of_one_address_have_two_limits(tmp_path: Path) -> None:
    journal = SimpleNamespace(path=tmp_path / "journal.db")
    one, other = _endpoint(Limiters()), _endpoint(Limiters(), "RED_KEY")
    ends = [await _shared(journal, "one", one), await _shared(journal, "other", other)]
    taken = [endpoint.limiter.acquire() for endpoint in (one, other) for _ in range(10)]
    assert None not in taken
    for end in ends:
        end()
