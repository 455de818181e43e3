"""flowrun without what Windows lacks: files are locked by msvcrt, loops hear no signals, and the rest is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import Served, model_server
from support.patience import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in for msvcrt takes locks of Linux")
ROOT = Path(__file__).resolve().parent.parent
FLOW = """flow many(rows: [text]) {
  said = map row in rows { ask "openai:m" "Say {{ row }}" } reduce collect
  return said
}
"""
IMPORTS = """
from support.windows import become_windows
become_windows()
import flowrun
print(flowrun.run("sum.flow", a=1, b=2).value, flowrun.load("sum.flow") is not None)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with model_server(tmp_path_factory.mktemp("server") / "log", seconds=0.005) as served:
        yield served


class Machine:
    """A folder in which commands run as on Windows."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "tests"),
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": url,
            "FLOWRUN_LEARN": "0",
            "FLOWRUN_JOURNAL": "journal.db",
            "HOME": str(folder),
        }
        (folder / "many.flow").write_text(FLOW.replace('ask "openai:m"', "ask"), encoding="utf-8")
        (folder / "sum.flow").write_text("flow f(a: int, b: int) {\n  return a + b\n}\n", encoding="utf-8")

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.python("-m", "support.windows", *words)
        assert "Traceback" not in done.stderr, done.stderr
        assert "bug in flowrun" not in done.stderr, done.stderr
        return done

    def many(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.command("many.flow", "--model", "openai:m", "--rows", '["a", "b", "c"]', *words)


@pytest.fixture
def machine(tmp_path: Path, server: Served) -> Machine:
    return Machine(tmp_path, server.url)


def test_the_library_loads_and_runs_a_flow(machine: Machine) -> None:
    done = machine.python("-c", IMPORTS)
    assert done.stdout == "3 True\n", done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("validate", "many.flow"), "no errors", marks=pytest.mark.slow),
        (("plan", "many.flow", "--rows", '["a"]', "--model", "openai:m"), "calls"),
        pytest.param(("fmt", "--check", "many.flow"), "", marks=pytest.mark.slow),
        pytest.param(("graph", "many.flow"), "flowchart", marks=pytest.mark.slow),
        (("--version",), "win32"),
        (("weights", "list"), "embedded"),
    ],
)
def test_commands_that_send_nothing(machine: Machine, words: tuple[str, ...], told: str) -> None:
    done = machine.command(*words)
    assert done.returncode == 0
    assert told in done.stdout + done.stderr


def test_a_run_keeps_its_answers_in_the_journal(machine: Machine, server: Served) -> None:
    first = machine.many("--output", "rows.jsonl")
    assert first.returncode == 0, first.stderr
    lines = (machine.folder / "rows.jsonl").read_text().splitlines()
    assert len(lines) == 3
    paid = server.answers()
    again = machine.many()
    assert json.loads(again.stdout) == [json.loads(line) for line in lines]
    assert server.answers() == paid
    runs = json.loads(machine.command("runs", "--json").stdout)["runs"]
    assert len(runs) == 2
    assert "many.flow" in machine.command("show").stdout
    assert machine.command("journal", "verify").returncode == 0
    assert machine.command("report", "--output", "r.html").returncode == 0
    erased = machine.command("journal", "erase", runs[0]["run"])
    assert erased.returncode == 0, erased.stderr
    assert machine.command("journal", "verify").returncode == 0


HOLDER = """
from support.windows import become_windows
become_windows()
from pathlib import Path
from flowrun.runtime.journal.lock import Lock
lock = Lock(Path("journal.db"))
lock.take()
print("taken", flush=True)
input()
"""


def test_a_second_process_is_refused(machine: Machine) -> None:
    machine.many()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=machine.folder,
        env=machine.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "taken\n"
        refused = machine.many()
        pruned = machine.command("journal", "prune", "--keep", "0")
        holder.stdin.close()
    assert refused.returncode == pruned.returncode == 2
    assert f"process {holder.pid} is running a flow with this journal" in refused.stderr
    assert machine.many().returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--detach",), "--detach needs a system with fork"),
        (("--engine", "ray"), "unix"),
    ],
)
def test_what_windows_has_not_is_refused_in_a_sentence(machine: Machine, words: tuple[str, ...], told: str) -> None:
    done = machine.many(*words)
    assert done.returncode == 2
    assert told in done.stderr.lower()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("attach",), "has ended (done)"),
        pytest.param(("attach", "20260101-000000-abcdef"), "20260101-000000-abcdef", marks=pytest.mark.slow),
        (("stop", "20260101-000000-abcdef"), "20260101-000000-abcdef"),
    ],
)
def test_commands_for_detached_runs_find_none(words: tuple[str, ...], told: str, machine: Machine) -> None:
    machine.many()
    done = machine.command(*words)
    assert done.returncode == (0 if words == ("attach",) else 2)
    assert told in done.stderr


def test_an_upkeep_of_the_journal(machine: Machine, server: Served) -> None:
    machine.many()
    paid = server.answers()
    assert machine.command("journal", "export", "--output", "copy.jsonl").returncode == 0
    assert machine.command("journal", "prune", "--keep", "0").returncode == 0
    assert machine.command("journal", "import", "copy.jsonl").returncode == 0
    assert machine.many().returncode == 0
    assert server.answers() == paid


def test_a_system_that_takes_no_limit_on_memory_reads_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    from flowrun.runtime.documents import child

    def refused(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")  # as macOS says it

    monkeypatch.setattr(resource, "setrlimit", refused)
    child._limit(1 << 30)
