"""The CPU that the command takes before it does anything, beside importing the libraries that it stands on.

python benchmarks/start.py [--rounds 10] [--check]

A local server answers the requests. With --check the exit code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import mock_server

CLICK = 'python -c "import click"'
LIBRARIES = 'python -c "import aiohttp, pydantic"'
HELP = "flowrun --help"
VALIDATE = "flowrun validate small.flow"
PLAN = "flowrun plan small.flow"
DSL = "import flowrun.dsl"
CACHED = "a run with 100 answers in the journal"
FIRST = "until the first request of a small flow"
MOST = {HELP: 60.0, DSL: 90.0, CACHED: 300.0}
"""The most ms of CPU."""
RATIOS = {HELP: (0.8, CLICK), VALIDATE: (2.6, CLICK), CACHED: (0.95, LIBRARIES), FIRST: (1.5, LIBRARIES)}
"""The most CPU, in times of that of a yardstick in the same rounds."""
SMALL = """\
# Is this e-mail spam? Ask three times at once and take the majority.
flow is_spam(email: text) {
  verdict = repeat 3 {
    ask "Answer SPAM or NOT only:\\n{{ email }}" -> SPAM | NOT
  } reduce majority

  return verdict
}
"""
ONE_CALL = 'flow one(name: text) { answer = ask "Say {{ name }}" return answer }\n'
MANY_CALLS = """\
flow many(names: [text]) {
  answers = map name in names { ask "Say {{ name }}" } reduce collect
  return answers
}
"""
_LONG = 1.5
"""Seconds that the server takes for the one call: so long the command does nothing."""
_STILL = 0.5
"""Seconds without any CPU after which it is taken to wait."""


def cpu(command: list[str], folder: Path, **variables: str) -> float:
    """User and system time of one run in seconds, from the operating system's account of the child.

    The folder is the command's own, with its cache and its compiled modules: what one round keeps, the next finds.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        cwd=folder,
        env={**_environ(folder), **variables},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environ(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "FLOWRUN_CACHE": str(folder / "cache"), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def flowrun(*arguments: str) -> list[str]:
    """The command as a user calls it."""
    return [str(Path(sys.executable).with_name("flowrun")), *arguments]


def until_first_request(command: list[str], folder: Path, **variables: str) -> float:
    """Seconds of CPU until a command waits for an answer, from the kernel's account of its threads."""
    with subprocess.Popen(
        command, cwd=folder, env={**_environ(folder), **variables}, stdout=subprocess.DEVNULL
    ) as process:
        taken, since = 0, time.monotonic()
        while time.monotonic() - since < _STILL:
            found = _taken(process.pid)
            if found != taken:
                taken, since = found, time.monotonic()
            time.sleep(0.02)
        assert process.poll() is None, "the command has ended"
    assert process.returncode == 0
    return taken / 1e9


def _taken(process: int) -> int:
    """ns of CPU of the threads of a process."""
    found = 0
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(FileNotFoundError):  # it has just ended
            found += int((thread / "schedstat").read_text().split()[0])
    return found


def medians(base: str, rounds: int) -> dict[str, float]:
    """ms of CPU of each command, with a server at ``base``.

    The commands take turns, so a machine that slows down slows all of them. The first round fills the caches.
    """
    python = sys.executable
    model = ("--model", "openai:test", "--quiet")
    server = {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none"}
    commands: dict[str, tuple[Callable[..., float], list[str]]] = {
        CLICK: (cpu, [python, "-c", "import click"]),
        LIBRARIES: (cpu, [python, "-c", "import aiohttp, pydantic"]),
        DSL: (cpu, [python, "-c", DSL]),
        HELP: (cpu, flowrun("--help")),
        VALIDATE: (cpu, flowrun("validate", "small.flow")),
        PLAN: (cpu, flowrun("plan", "small.flow")),
        CACHED: (cpu, flowrun("many.flow", "--names", "@names.json", *model)),
        FIRST: (until_first_request, flowrun("one.flow", "--name", f"it s={_LONG}", *model, "--fresh")),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, text in (("small", SMALL), ("one", ONE_CALL), ("many", MANY_CALLS)):
            (folder / f"{name}.flow").write_text(text, encoding="utf-8")
        names = [f"number {number}" for number in range(100)]
        (folder / "names.json").write_text(json.dumps(names), encoding="utf-8")
        for number in range(rounds + 1):
            for name, (measure, command) in commands.items():
                seconds = measure(command, folder, **server)
                if number:
                    times[name].append(seconds)
    return {name: 1000 * statistics.median(seconds) for name, seconds in times.items()}


def begins(base: str, rounds: int) -> list[tuple[str, float, float]]:
    """ms of CPU with their bounds in ms, for each command that has one."""
    found = medians(base, rounds)
    bounds = {name: most * found[yardstick] for name, (most, yardstick) in RATIOS.items()} | MOST
    return [(name, found[name], bound) for name, bound in bounds.items()]


def report(rounds: int) -> list[str]:
    """Print what each command takes. Return the bounds that are missed."""
    missed = []
    with mock_server.running() as base:
        found = medians(base, rounds)
    for name, taken in found.items():
        most, (times, yardstick) = MOST.get(name), RATIOS.get(name, (0.0, ""))
        line = f"{name:<40} {taken:6.0f} ms of CPU" + (f" (≤ {most:.0f})" if most else "")
        if most and taken > most:
            missed.append(f"{name}: {taken:.0f} ms, and at most {most:.0f} are allowed")
        if times:
            ratio = taken / found[yardstick]
            line += f"   {ratio:5.2f} × (≤ {times}) {yardstick}"
            if ratio > times:
                missed.append(f"{name}: {ratio:.2f} times {yardstick}, and at most {times} are allowed")
        print(line)
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    missed = report(options.rounds)
    print(*missed, sep="\n", file=sys.stderr, end="\n" if missed else "")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
