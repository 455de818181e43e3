"""The fixtures of all tests."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import importlib.metadata
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from flowrun.testing import FaultServer
    from support.postgres_server import PostgresServer

# The asserts of `tests/support` say what they compared, as those of the tests do. Before the first import of it.
pytest.register_assert_rewrite("support")

# One commit gives one verdict. `pytest --hypothesis-profile default` looks further, with other examples each time.
# The examples are the same in each run. So a test has fewer of them than hypothesis draws by itself.
settings.register_profile("same", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("same")

# Under `nohup` the processes of tests would inherit that a closed terminal ends nothing.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Keep the collected tests out of the garbage collector, which otherwise looks through all of them in each test."""
    gc.collect()
    gc.freeze()


@pytest.fixture
async def faults() -> AsyncIterator[FaultServer]:
    from flowrun.testing import FaultServer  # not before the coverage is counted

    async with FaultServer().serving() as server:
        yield server


@pytest.fixture
def flow(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a flow into the test's folder, as a.flow."""

    def write(text: str) -> Path:
        path = tmp_path / "a.flow"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session", autouse=True)
def main_loop() -> Iterator[None]:
    """A loop of the main thread's own, closed at the end: pytest-asyncio otherwise makes one and leaves it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """Look through the installed packages once for each search path: it takes longer than a random flow."""
    found: dict[tuple[object, ...], Any] = {}
    look = importlib.metadata.entry_points

    def entry_points(**params: Any) -> Any:
        key = (*sys.path, *params.items())
        if key not in found:
            found[key] = look(**params)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "entry_points", entry_points)
        yield


@pytest.fixture(scope="session", autouse=True)
def journals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the journals of the test under way: nothing is written beside the code."""
    folder = tmp_path_factory.mktemp("journals")
    yield folder


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of the local models' weights, which are too large for a copy in each test."""
    from flowrun.runtime.files.folders import cache_folder  # not before the coverage is counted

    folder = cache_folder(os.environ) / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests. Each of them takes a database of its own and leaves the settings as they were."""
    from support.postgres_server import server  # not before the coverage is counted

    with server() as started:
        yield started


@pytest.fixture(autouse=True)
def own_things(journals: Path, weights: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a journal, a cache and random numbers of its own, in every order of the tests.

    No test finds the answers or the lessons of another, nor those of the user. One fixture does all this, because
    each fixture of each test takes its time.
    """
    test = request.node.nodeid
    random.seed(test)
    name = hashlib.blake2b(test.encode(), digest_size=8).hexdigest()
    monkeypatch.setenv("FLOWRUN_JOURNAL", f"{journals}/{name}/journal.db")
    cache = f"{journals}/cache-{name}"
    with suppress(FileExistsError):
        os.mkdir(cache)
        os.symlink(weights, f"{cache}/models")
    monkeypatch.setenv("FLOWRUN_CACHE", cache)
