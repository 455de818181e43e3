"""Runs in a Ray cluster that are stopped or killed, and nodes that lose each other: nothing is lost or left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.model_server import Served, model_server
from support.patience import PATIENCE, eventually
from support.ray_nodes import Nodes, processes_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'flowrun-dsl[ray]'"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]

MODEL = "openai:test"
FLOW = f"""model m = "{MODEL}" with concurrency: 20
flow many(xs: [text]) {{
  return map x in xs {{ ask m "Say {{{{ x }}}}" }} reduce collect
}}
"""
PROGRAM = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()"]


def words(folder: Path, count: int, engine: str) -> list[str]:
    (folder / "x.flow").write_text(FLOW)
    (folder / "xs.txt").write_text("\n".join(f"note {n}" for n in range(count)))
    given = [str(folder / "x.flow"), "--xs", f"@{folder / 'xs.txt'}", "--engine", engine, "--workers", "2"]
    return [*PROGRAM, *given, "--journal", str(folder / "runs.db")]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of temporary files with a short name, as the sockets of Ray need it."""
    found = Path(tempfile.mkdtemp(prefix="fr-"))
    yield found
    shutil.rmtree(found, ignore_errors=True)


def environ(folder: Path, url: str) -> dict[str, str]:
    (folder / "home").mkdir(exist_ok=True)
    home = str(folder / "home")
    return {"PATH": os.environ["PATH"], "HOME": home, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test"}


def most_in_flight(server: Served) -> int:
    now = most = 0
    for line in sorted(server.lines(), key=lambda one: one["time"]):
        now += 1 if line["at"] == "asked" else -1
        most = max(most, now)
    return most


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_of_ray_outlives_the_command(tmp_path: Path, place: Path, how: signal.Signals) -> None:
    with model_server(tmp_path / "log", seconds=0.05) as server:
        given = environ(tmp_path, server.url) | {"TMPDIR": str(place)}
        command = subprocess.Popen(
            words(tmp_path, 1500, "ray"), env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        eventually(lambda: server.answers() >= 60)
        command.send_signal(how)
        _, err = command.communicate(timeout=PATIENCE)
        assert command.returncode == (-9 if how is signal.SIGKILL else 130), err
        eventually(lambda: processes_at(place) == [])
        eventually(lambda: list(place.iterdir()) == [])
        sent = len(server.lines())
        time.sleep(0.5)
        assert [line for line in server.lines(sent) if line["at"] == "asked"] == []
        before = server.answers()
        (tmp_path / "xs.txt").unlink()
        engine = ["--engine", "ray"] if how is signal.SIGINT else []
        resume = [
            *PROGRAM,
            "resume",
            "last",
            "--workers",
            "2",
            *engine,
            "--quiet",
            "--journal",
            str(tmp_path / "runs.db"),
        ]
        again = subprocess.run(resume, env=given, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert again.returncode == 0, again.stderr
        billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
        assert len(billed) == 1500
        assert sum(count - 1 for count in billed.values()) <= (20 if how is signal.SIGKILL else 0)
        assert server.answers() > before
        assert most_in_flight(server) <= 20


def test_a_run_whose_process_for_ray_is_killed_ends_with_a_sentence_and_goes_on_later(
    tmp_path: Path, place: Path
) -> None:
    with model_server(tmp_path / "log", seconds=0.05) as server:
        given = environ(tmp_path, server.url) | {"TMPDIR": str(place)}
        command = subprocess.Popen(
            words(tmp_path, 1500, "ray"), env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        eventually(lambda: server.answers() >= 60)
        (placer,) = [one for one in processes_at(place, "workers.placer") if one != command.pid]
        os.kill(placer, signal.SIGKILL)
        _, err = command.communicate(timeout=PATIENCE)
        assert command.returncode not in (0, -9)
        assert "the process that speaks to Ray has ended" in err
        assert "Traceback" not in err
        eventually(lambda: processes_at(place) == [])
        eventually(lambda: list(place.iterdir()) == [])
        resume = [*PROGRAM, "resume", "last", "--quiet", "--journal", str(tmp_path / "runs.db")]
        again = subprocess.run(resume, env=given, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert again.returncode == 0, again.stderr
        billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
        assert len(billed) == 1500
        assert sum(count - 1 for count in billed.values()) <= 20


_ONE, _TWO = f"flowrun-r{os.getpid()}", f"flowrun-s{os.getpid()}"
_HERE, _THERE = "10.77.8.1", "10.77.8.2"
_SERVER = "10.77.9.1"


def ip(*given: str) -> bool:
    return subprocess.run(["ip", *given], check=False, stderr=subprocess.DEVNULL).returncode == 0


def inside(machine: str, *given: str) -> list[str]:
    return ["ip", "netns", "exec", machine, *given]


@contextmanager
def two_machines() -> Iterator[None]:
    """Two networks with two cables: one for Ray and flowrun, and one on which the models' server is reached."""
    if shutil.which("ip") is None or not ip("netns", "add", _ONE):
        pytest.skip("networks of their own are not allowed here (iproute2, as root)")
    try:
        made = ip("netns", "add", _TWO)
        for cable, near, far in (("ray", _HERE, _THERE), ("models", _SERVER, "10.77.9.2")):
            made = (
                made
                and ip("-n", _ONE, "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", _TWO)
                and ip("-n", _ONE, "addr", "add", f"{near}/24", "dev", cable)
                and ip("-n", _TWO, "addr", "add", f"{far}/24", "dev", cable)
                and all(ip("-n", one, "link", "set", cable, "up") for one in (_ONE, _TWO))
            )
        if not made or not all(ip("-n", one, "link", "set", "lo", "up") for one in (_ONE, _TWO)):
            pytest.skip("a cable between two networks is not allowed here (veth)")
        yield
    finally:
        ip("netns", "del", _TWO)
        ip("netns", "del", _ONE)


@contextmanager
def model_server_inside(machine: str, log: Path) -> Iterator[Served]:
    program = [sys.executable, "-m", "support.model_server", str(log), "--seconds", "0.1", "--host", _SERVER]
    folder = str(Path(__file__).parent)
    with subprocess.Popen(
        inside(machine, *program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        port = int(process.stdout.readline())
        try:
            yield Served(f"http://{_SERVER}:{port}/v1", log)
        finally:
            process.stdin.close()
            process.wait(PATIENCE)


def test_a_cable_that_is_cut_between_two_nodes_costs_no_element_and_nothing_in_silence(
    tmp_path: Path, place: Path
) -> None:
    with two_machines(), model_server_inside(_ONE, tmp_path / "log") as server:
        given = environ(tmp_path, server.url)
        nodes = Nodes(place, given)
        try:
            nodes.start(inside=inside(_ONE), host=_HERE)
            nodes.start(f"{_HERE}:{nodes.port}", inside=inside(_TWO), host=_THERE)
            command = subprocess.Popen(
                inside(_ONE, *words(tmp_path, 3000, f"ray={_HERE}:{nodes.port}"), "--allow-host", _SERVER),
                env=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            eventually(lambda: server.answers() >= 200 or command.poll() is not None)
            assert command.poll() is None, command.communicate()
            assert ip("-n", _TWO, "link", "set", "ray", "down")
            _, err = command.communicate(timeout=PATIENCE)
        finally:
            nodes.end()
        assert command.returncode == 0, err
        told = [line for line in err.splitlines() if "ended unexpectedly" in line]
        assert len(told) == 1, err
        assert f"its stream on the node {_THERE} ended" in told[0]
        doubts = int(told[0].split("; ")[1].split()[0]) if "open there" in told[0] else 0
        billed = Counter(line["body"] for line in server.lines() if line["at"] == "served")
        assert len(billed) == 3000
        assert sum(count - 1 for count in billed.values()) <= doubts <= 20
        assert most_in_flight(server) <= 20
