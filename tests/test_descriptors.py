"""The limit of file descriptors: raised when a run needs it, and no call is lost where it is too low."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.providers import descriptors
from support.model_server import model_server
from support.patience import PATIENCE

FLOW = """
model m = "openai:x" with concurrency: 500
flow f(xs: [text]) { a = map x in xs { ask m "{{ x }}" } reduce collect return a }
"""
# The limits are those of a process: each test runs in one of its own. `hog` files are opened while the run goes on.
PROGRAM = """
import asyncio, json, os, resource, sys
soft, hard, hog, journal, base, calls = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from flowrun import RunOptions, run_async

most = 0
def look():
    global most
    try:
        most = max(most, len(os.listdir("/dev/fd")))
    except OSError:
        most = hard
    if most > 60 and hog and not files:
        take()
    loop.call_later(0 if hog else 0.005, look)

files = []
def take():
    try:
        while len(files) < hog:
            files.append(open(os.devnull))
    except OSError:
        pass
    loop.call_later(1.0, give_back)

def give_back():
    global hog
    hog = 0
    files.clear()

told = []
def note(event):
    if type(event).__name__ == "Notice":
        told.append(event.text)

async def main():
    global loop
    loop = asyncio.get_running_loop()
    look()
    options = RunOptions(environ={"OPENAI_BASE_URL": base}, journal=journal, on_event=note)
    return await run_async("a.flow", {"xs": [str(n) for n in range(calls)]}, options=options)

result = asyncio.run(main())
print(json.dumps({
    "ok": result.ok, "answers": len(result.value or []), "most": most,
    "failures": [failure.reason for failure in result.failures][:3],
    "told": told, "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
}))
"""


def ran(folder: Path, soft: int, hard: int, hog: int = 0, calls: int = 500, seconds: float = 0.05) -> dict[str, Any]:
    (folder / "a.flow").write_text(FLOW)
    with model_server(folder / "log", seconds=seconds) as server:
        given = json.dumps([soft, hard, hog, str(folder / "journal.db"), server.url, calls])
        command = [sys.executable, "-c", PROGRAM, given]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")


def test_a_map_wider_than_the_hard_limit_gets_all_answers(tmp_path: Path) -> None:
    found = ran(tmp_path, 64, 128, calls=300, seconds=0.2)
    assert found["ok"] and found["answers"] == 300, found
    assert found["limit"] == 128
    (told,) = found["told"]
    assert re.search(r"at most \d+ calls run at once, because this process may have only 128 open files", told)
    # More at once than the soft limit had allowed, and some are left for files.
    assert 64 < found["most"] <= 128 - 8
    # None was refused and sent again.
    asked = [json.loads(line)["at"] for line in (tmp_path / "log").read_text().splitlines()]
    assert asked.count("asked") == 300


def test_a_map_that_needs_few_connections_leaves_the_limit_alone(tmp_path: Path) -> None:
    found = ran(tmp_path, 100, 4096, calls=20)
    assert found["ok"] and found["limit"] == 100 and not found["told"]


def test_the_limit_is_raised_and_not_beyond_what_is_allowed(tmp_path: Path) -> None:
    found = ran(tmp_path, 100, 2048, calls=300, seconds=0.2)
    assert found["ok"] and found["limit"] == 2048
    assert found["most"] > 100


def test_files_that_the_program_opens_meanwhile_cost_time_and_no_call(tmp_path: Path) -> None:
    found = ran(tmp_path, 128, 128, hog=1000)
    assert found["ok"] and found["answers"] == 500, found
    assert found["most"] == 128
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        kinds = [kind for (kind,) in journal.execute("SELECT kind FROM records WHERE key != x''")]
    # No attempt failed for want of a descriptor.
    assert kinds.count("intent") == kinds.count("answer") == 500 and "refused" not in kinds


async def test_places_go_to_those_that_wait_longest_and_there_is_always_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "soft_limit", lambda: 10)
    monkeypatch.setattr(descriptors, "raised_limit", lambda: 10)
    places = descriptors.Descriptors(asyncio.get_running_loop(), {})
    assert places.take() and not places.take()
    first, second, third = (asyncio.ensure_future(places.wait()) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    places.leave()
    # It is cancelled in the turn in which it is given its place, and passes it on.
    second.cancel()
    await asyncio.wait_for(third, PATIENCE)
    assert not places.take()
    places.leave()
    assert places.take()


def test_a_machine_without_descriptors_is_told_by_the_deadline() -> None:
    """Nothing is given back, so the request ends as one that could not connect."""
    program = """
import asyncio, os, resource
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import RefusedError

async def main():
    provider = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}))
    await provider.start()
    request = Request((Message("user", "hello"),), timeout=0.3)
    try:
        await provider.complete(request)  # it loads what is loaded late
    except RefusedError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    files = []
    try:
        while True:
            files.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    try:
        await provider.complete(request)
    except RefusedError as error:
        print(error)
    for file in files:
        os.close(file)
    await provider.close()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.endswith(
        "\nopenai:m: 127.0.0.1:9 could not be reached within 0.3 s: this process has no file descriptor left for a "
        "connection (its limit is 40): raise the limit (ulimit -n), or ask fewer at once\n"
    )
