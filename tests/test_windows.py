"""flowrun without what Windows lacks: files are locked by msvcrt, loops hear no signals, and the rest is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import Ran
from support.model_server import Served, model_server
from support.patience import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in for msvcrt takes locks of Linux")
ROOT = Path(__file__).resolve().parent.parent
FLOW = """flow many(rows: [text]) {
  said = map row in rows { ask "openai:m" "Say {{ row }}" } reduce collect
  return said
}
"""
MANY = ("many.flow", "--model", "openai:m", "--rows", '["a", "b", "c"]')
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

    def each(self, *commands: tuple[str, ...]) -> list[Ran]:
        """Run several commands in one process, which takes less time than one for each."""
        done = self.command("--each", json.dumps(commands))
        assert done.returncode == 0, done.stderr
        ran = [Ran(*one) for one in json.loads(done.stdout)]
        assert not [one for one in ran if "Traceback" in one.err or "bug in flowrun" in one.err]
        return ran

    def many(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.command(*MANY, *words)


@pytest.fixture
def machine(tmp_path: Path, server: Served) -> Machine:
    return Machine(tmp_path, server.url)


def test_the_library_loads_and_runs_a_flow(machine: Machine) -> None:
    done = machine.python("-c", IMPORTS)
    assert done.stdout == "3 True\n", done.stderr


def test_commands_that_send_nothing(machine: Machine) -> None:
    plan = ("plan", "many.flow", "--rows", '["a"]', "--model", "openai:m")
    told: dict[tuple[str, ...], str] = {
        ("validate", "many.flow"): "no errors",
        plan: "calls",
        ("fmt", "--check", "many.flow"): "",
        ("graph", "many.flow"): "flowchart",
        ("--version",): "win32",
        ("weights", "list"): "embedded",
    }
    for (words, said), ran in zip(told.items(), machine.each(*told), strict=True):
        assert ran.code == 0, (words, ran.err)
        assert said in ran.out + ran.err, words


def test_a_run_keeps_its_answers_in_the_journal(machine: Machine, server: Served) -> None:
    first = machine.many("--output", "rows.jsonl")
    assert first.returncode == 0, first.stderr
    lines = (machine.folder / "rows.jsonl").read_text().splitlines()
    assert len(lines) == 3
    paid = server.answers()
    verify, report = ("journal", "verify"), ("report", "--output", "r.html")
    again, listed, shown, *others = machine.each(MANY, ("runs", "--json"), ("show",), verify, report)
    assert json.loads(again.out) == [json.loads(line) for line in lines]
    assert server.answers() == paid
    runs = json.loads(listed.out)["runs"]
    assert len(runs) == 2
    assert "many.flow" in shown.out
    assert [one.code for one in others] == [0, 0]
    erased, verified = machine.each(("journal", "erase", runs[0]["run"]), verify)
    assert (erased.code, verified.code) == (0, 0), erased.err


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
        refused, pruned = machine.each(MANY, ("journal", "prune", "--keep", "0"))
        holder.stdin.close()
    assert refused.code == pruned.code == 2
    assert f"process {holder.pid} is running a flow with this journal" in refused.err
    assert machine.many().returncode == 0


def test_what_windows_has_not_is_refused_in_a_sentence(machine: Machine) -> None:
    detached, on_ray = machine.each((*MANY, "--detach"), (*MANY, "--engine", "ray"))
    assert detached.code == on_ray.code == 2
    assert "--detach needs a system with fork" in detached.err
    assert "unix" in on_ray.err.lower()


def test_commands_for_detached_runs_find_none(machine: Machine) -> None:
    none = "20260101-000000-abcdef"
    _, ended, unknown, stopped = machine.each(MANY, ("attach",), ("attach", none), ("stop", none))
    assert (ended.code, unknown.code, stopped.code) == (0, 2, 2)
    assert "has ended (done)" in ended.err
    assert none in unknown.err and none in stopped.err


def test_an_upkeep_of_the_journal(machine: Machine, server: Served) -> None:
    machine.many()
    paid = server.answers()
    kept = ("export", "--output", "copy.jsonl"), ("prune", "--keep", "0"), ("import", "copy.jsonl")
    ran = machine.each(*(("journal", *words) for words in kept), MANY)
    assert [one.code for one in ran] == [0] * 4
    assert server.answers() == paid


def test_a_system_that_takes_no_limit_on_memory_reads_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    from flowrun.runtime.documents import child

    def refused(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")  # as macOS says it

    monkeypatch.setattr(resource, "setrlimit", refused)
    child._limit(1 << 30)
