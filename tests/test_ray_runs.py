"""Runs whose workers Ray places: the same answers and rows as without, and nothing of Ray is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flowrun import Result, RunOptions, load, run_async
from flowrun.dsl import Source
from flowrun.runtime.api import resume_async
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.live.page import LivePage
from flowrun.runtime.session import workers
from flowrun.runtime.session.ray_workers import RayWorkers
from flowrun.runtime.vocabulary.errors import UsageError
from flowrun.runtime.vocabulary.waits import Cause
from flowrun.runtime.workers import cluster as cluster_module
from support.limited_runs import Limited
from support.model_server import Served, model_server
from support.patience import PATIENCE, eventually
from support.ray_nodes import Nodes, cluster, processes_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'flowrun-dsl[ray]'"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]

KEY = "sk-only-for-this-test-3f9a7c51"
MODEL = "openai:test"
FLOW = """
flow many(xs: [text]) {
  drafts = map x in xs {
    draft = ask "Draft {{ x }}"
    good = repeat 3 { ask "Is {{ draft }} good?" -> yes | no } reduce majority
    { draft, good }
  } reduce collect
  longer = map one in drafts { ask "More of {{ one.draft }}" } reduce collect
  return { drafts, longer }
}
"""
PLAIN = 'flow many(xs: [text]) {\n  return map x in xs { ask m "Say {{ x }}" } reduce collect\n}\n'
LIMITED = f'model m = "{MODEL}" with concurrency: 7\n' + PLAIN


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.02) as served:
        yield served


def home(folder: Path) -> str:
    place = folder / "home"
    place.mkdir(exist_ok=True)
    return str(place)


def environ(server: Served, folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": home(folder), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes without any key."""
    with cluster(2, {"PATH": os.environ["PATH"], "HOME": home(tmp_path_factory.mktemp("nodes"))}) as found:
        yield found


async def ran(server: Served, folder: Path, text: str, count: int, **options: Any) -> Result:
    given = RunOptions(**{"model": MODEL, "environ": environ(server, folder), "engine": "ray", "workers": 2, **options})
    inputs = {"xs": [f"note {n}" for n in range(count)]}
    return await run_async(load(Source(text, str(folder / "x.flow"))), inputs, options=given)


def rows(journal: Path) -> list[tuple[str, str]]:
    with JournalReader(journal) as reader:
        run = next(iter(reader.index.runs))
        return sorted((str(row[1]), str(row[3])) for row in reader.attempts(run))


def most_in_flight(server: Served) -> int:
    now = most = 0
    for line in sorted(server.lines(), key=lambda one: one["time"]):
        now += 1 if line["at"] == "asked" else -1
        most = max(most, now)
    return most


def in_files(folder: Path, word: str) -> list[Path]:
    """The files below a folder that hold a word."""
    files = (one for one in folder.rglob("*") if one.is_file() and not one.is_symlink())
    return [one for one in files if word.encode() in one.read_bytes()]


async def test_a_local_cluster_gives_the_result_and_rows_of_one_process_and_ends(
    server: Served, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(tempfile.mkdtemp(prefix="fr-"))
    one = await ran(server, tmp_path, FLOW, 30, journal=tmp_path / "one.db", engine="", workers=0)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(place))
        ray = await ran(server, tmp_path, FLOW, 30, journal=tmp_path / "ray.db")
    assert (ray.status, ray.value, ray.summary.notices) == (one.status, one.value, one.summary.notices)
    assert ray.summary.account == one.summary.account
    assert rows(tmp_path / "ray.db") == rows(tmp_path / "one.db")
    assert capfd.readouterr() == ("", "")
    eventually(lambda: processes_at(place) == [])
    eventually(lambda: list(place.iterdir()) == [])
    await asyncio.to_thread(place.rmdir)


async def test_two_nodes_give_the_same_and_keep_the_limit_of_the_flow(
    server: Served, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, str] = {}
    told = RayWorkers.told
    monkeypatch.setattr(
        RayWorkers, "told", lambda self, models: sent.update((made := told(self, models))["sent"]) or made
    )
    given = environ(server, tmp_path) | {"OTHER_API_KEY": "sk-of-another-service", "FAVOURITE": "blue"}
    options = {"engine": f"ray=127.0.0.1:{nodes.port}", "send_keys": True, "environ": given}
    ray = await ran(server, tmp_path, LIMITED, 100, journal=tmp_path / "ray.db", **options)
    assert sent == {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url}
    assert (ray.status, len(ray.value)) == ("done", 100)
    assert most_in_flight(server) == 7
    assert server.answers() == 100
    # A run is resumed with another number of workers, or with none.
    again = await resume_async(str(ray.run), tmp_path / "ray.db", options=RunOptions(environ=environ(server, tmp_path)))
    assert (again.value, server.answers()) == (ray.value, 100)


async def test_a_run_on_ray_shares_its_limit_with_other_runs_of_the_journal(server: Served, tmp_path: Path) -> None:
    place = Limited(tmp_path, server, "concurrency: 7")
    place.environ["OPENAI_API_KEY"] = KEY
    ray = asyncio.create_task(ran(server, tmp_path, LIMITED, 2000, journal=tmp_path / "journal.db"))
    await asyncio.to_thread(place.wait, 20)
    other = place.start("other", 200)
    assert await asyncio.to_thread(other.end) == 0, other.err
    done = await ray
    assert (done.status, server.answers()) == ("done", 2200)
    assert most_in_flight(server) <= 7
    [waits] = done.summary.waits.endpoints
    assert (waits.runs, waits.seconds[Cause.SHARE] > 0) == (2, True)


def test_keys_that_are_sent_leave_no_trace(server: Served, tmp_path: Path, nodes: Nodes) -> None:
    given = environ(server, tmp_path)
    # The path is relative, as a person writes it.
    words = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", "x.flow"]
    (tmp_path / "x.flow").write_text(LIMITED)
    (tmp_path / "xs.txt").write_text("\n".join(f"note {n}" for n in range(20)))
    words += ["--xs", f"@{tmp_path / 'xs.txt'}", "--engine", f"ray=127.0.0.1:{nodes.port}", "--send-keys"]
    words += ["--journal", str(tmp_path / "runs.db"), "--report", str(tmp_path / "report.html")]
    done = subprocess.run(words, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    assert server.answers() == 20
    for place in (nodes.folder, tmp_path):
        assert in_files(place, KEY) == []
    # The search itself finds what is there.
    (tmp_path / "leak.txt").write_text(f"x{KEY}x")
    assert in_files(tmp_path, KEY) == [tmp_path / "leak.txt"]
    for pid in processes_at(nodes.folder):
        assert KEY.encode() not in (Path("/proc") / str(pid) / "environ").read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, r"on the node .* OPENAI_API_KEY is not set there: set it on the node .* or send it with --send-keys"),
        ({"workers": 9, "send_keys": True}, r"has 2 CPUs, and each worker takes one: ask for --workers 2 or fewer"),
    ],
)
async def test_what_the_nodes_lack_is_told_before_anything_is_spent(
    server: Served, tmp_path: Path, nodes: Nodes, change: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        await ran(server, tmp_path, LIMITED, 5, **{"engine": f"ray=127.0.0.1:{nodes.port}", **change})
    assert server.lines() == []


async def test_versions_that_differ_are_told_before_anything_is_spent(
    server: Served, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "version_here", lambda: "99.0")
    with pytest.raises(UsageError, match=r"on the node .* has flowrun .*, and the run has 99\.0"):
        await ran(server, tmp_path, LIMITED, 5, engine=f"ray=127.0.0.1:{nodes.port}", send_keys=True)
    assert server.lines() == []


async def test_a_node_without_the_package_is_told_before_anything_is_spent(
    server: Served, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The process for Ray sends the code of the actor, so the actor can lack what the driver has.
    broken = cluster_module._PROGRAM.replace(
        "main(int(",
        "p = sys.modules['flowrun.runtime.workers.placer']; kind = p._worker_kind; "
        "p._worker_kind = lambda: kind('flowrun_gone'); main(int(",
    )
    monkeypatch.setattr(cluster_module, "_PROGRAM", broken)
    with pytest.raises(UsageError, match=r"the node .* cannot load the package flowrun-dsl .*: install it there"):
        await ran(server, tmp_path, LIMITED, 5, engine=f"ray=127.0.0.1:{nodes.port}", send_keys=True)
    assert server.lines() == []


async def test_files_reach_nodes_that_lack_them(server: Served, tmp_path: Path, nodes: Nodes) -> None:
    text = LIMITED.replace('ask m "Say {{ x }}"', 'known = file("known.txt")\n    ask m "Say {{ x }} {{ known }}"')
    (tmp_path / "known.txt").write_text("These are known.")
    options = {"engine": f"ray=127.0.0.1:{nodes.port}", "send_keys": True}
    ray = await ran(server, tmp_path, text, 6, journal=tmp_path / "ray.db", **options)
    assert list(nodes.folder.glob("flowrun-files-*")) == []
    one = await ran(server, tmp_path, text, 6, journal=tmp_path / "one.db", engine="", workers=0)
    assert (ray.status, ray.value) == ("done", one.value)
    assert rows(tmp_path / "ray.db") == rows(tmp_path / "one.db")


@pytest.mark.parametrize("of_project", [False, True])
async def test_endpoints_of_settings_reach_the_nodes(
    server: Served, tmp_path: Path, nodes: Nodes, of_project: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The check of a flow reads the settings of the process.
    monkeypatch.setenv("HOME", home(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    given = environ(server, tmp_path) | {"LAB_KEY": KEY}
    flow = tmp_path / "project" / "flows"
    flow.mkdir(parents=True)
    settings = (
        tmp_path / "project" / "flowrun.toml" if of_project else Path(home(tmp_path), ".config/flowrun/settings.toml")
    )
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[endpoints.lab]\nbase_url = "{server.url}"\nkey_env = "LAB_KEY"\n')
    options: dict[str, Any] = {"engine": f"ray=127.0.0.1:{nodes.port}", "environ": given, "allow_host": "127.0.0.1"}
    text = LIMITED.replace(MODEL, "lab:test")
    (flow / "x.flow").write_text(text)
    with pytest.raises(UsageError, match=r"LAB_KEY is not set there"):
        await ran(server, flow, text, 5, **options)
    assert server.lines() == []
    result = await ran(server, flow, text, 5, **options, send_keys=True)
    assert (result.status, len(result.value), server.answers()) == ("done", 5, 5)


async def test_externs_need_their_module_on_the_nodes(server: Served, tmp_path: Path, nodes: Nodes) -> None:
    text = 'extern f(x: text) -> text from "only_at_the_driver:f"\n' + LIMITED.replace(
        "ask m", "y = f(x: x)\n    ask m"
    )
    options = {"engine": f"ray=127.0.0.1:{nodes.port}", "send_keys": True, "allow_python": True}
    sys.modules["only_at_the_driver"] = type(sys)("only_at_the_driver")
    sys.modules["only_at_the_driver"].f = lambda x: x  # type: ignore[attr-defined]
    try:
        with pytest.raises(UsageError, match=r"on the node .*only_at_the_driver"):
            await ran(server, tmp_path, text, 5, **options)
    finally:
        del sys.modules["only_at_the_driver"]
    assert server.lines() == []


async def test_a_killed_actor_is_replaced_and_nothing_is_paid_in_silence(
    server: Served, tmp_path: Path, nodes: Nodes
) -> None:
    options = {"engine": f"ray=127.0.0.1:{nodes.port}", "send_keys": True, "journal": tmp_path / "runs.db"}
    task = asyncio.create_task(ran(server, tmp_path, LIMITED, 600, **options))
    while server.answers() < 60:
        assert not task.done(), task.result()
        await asyncio.sleep(0.02)
    os.kill(processes_at(nodes.folder, "ray::FlowrunWorker")[0], signal.SIGKILL)
    result = await task
    assert (result.status, len(result.value)) == ("done", 600)
    told = [line for line in result.summary.notices if "ended unexpectedly" in line]
    assert len(told) == 1
    billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
    assert len(billed) == 600
    assert sum(count - 1 for count in billed.values()) <= result.summary.in_doubt <= 7
    assert most_in_flight(server) <= 7


async def test_the_live_page_shows_the_calls_of_nodes(
    server: Served, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[LivePage] = []
    begun = LivePage.__init__

    def noted(self: LivePage, *given: Any) -> None:
        begun(self, *given)
        pages.append(self)

    monkeypatch.setattr(LivePage, "__init__", noted)
    options = {"engine": f"ray=127.0.0.1:{nodes.port}", "send_keys": True, "live": True}
    ray = await ran(server, tmp_path, FLOW, 20, **options)
    one = await ran(server, tmp_path, FLOW, 20, engine="", workers=0, live=True)
    assert (ray.status, ray.value) == ("done", one.value)
    found, alone = ({call.place: call for call in page.state.since(0).record.calls} for page in pages)
    assert found.keys() == alone.keys()
    for place, call in found.items():
        like = alone[place]
        assert (call.state, call.labels, call.vote, call.request) == (like.state, like.labels, like.vote, like.request)
        assert [(answer.text, answer.value) for answer in call.answers] == [(a.text, a.value) for a in like.answers]
