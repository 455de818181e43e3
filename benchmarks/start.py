"""How much CPU the command takes before it does anything, beside importing click alone.

python benchmarks/start.py [--rounds 10] [--check]

With --check the exit code is 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

YARDSTICK = 'python -c "import click"'
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
_LONG = 1.5
"""Seconds that the server takes for the one call: so long the command does nothing."""
_STILL = 0.5
"""Seconds without any CPU after which it is taken to wait."""
TARGETS = {"flowrun --help": 1.5, "flowrun validate small.flow": 3.0}
"""The most that a command may take, in times of the yardstick's CPU."""

_MAIN = "from flowrun.runtime.cli import main; main()"


def cpu(command: list[str], folder: Path) -> float:
    """User and system time of one run in seconds, from the operating system's account of the child.

    The folder is the command's own, with its cache and its compiled modules: what one round keeps, the next finds.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        cwd=folder,
        env=_environ(folder),
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
    return [sys.executable, "-c", _MAIN, *arguments]


def medians(rounds: int) -> dict[str, float]:
    """The commands in turn, round by round: a machine that slows down slows all of them."""
    commands = {
        YARDSTICK: [sys.executable, "-c", "import click"],
        "import flowrun.dsl": [sys.executable, "-c", "import flowrun.dsl"],
        "flowrun --help": flowrun("--help"),
        "flowrun validate small.flow": flowrun("validate", "small.flow"),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "small.flow").write_text(SMALL, encoding="utf-8")
        for number in range(rounds + 1):
            for name, command in commands.items():
                seconds = cpu(command, folder)
                if number:  # the first round fills the caches
                    times[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def until_first_request(command: list[str], folder: Path, **variables: str) -> float:
    """Seconds of CPU until a command waits for an answer, from the kernel's account of the process."""
    with subprocess.Popen(
        command, cwd=folder, env={**_environ(folder), **variables}, stdout=subprocess.DEVNULL
    ) as process:
        taken, since = 0, time.monotonic()
        while time.monotonic() - since < _STILL:
            found = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0])
            if found != taken:
                taken, since = found, time.monotonic()
            time.sleep(0.02)
        assert process.poll() is None, "the command has ended"
    assert process.returncode == 0
    return taken / 1e9


def begins(base: str, rounds: int) -> list[tuple[str, float, float]]:
    """ms of CPU with their bounds: of the help, of an import, and until a small flow's first request."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "one.flow").write_text(ONE_CALL, encoding="utf-8")
        server = {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none"}
        one = flowrun("one.flow", "--name", f"it s={_LONG}", "--model", "openai:test", "--quiet", "--fresh")
        found = []
        for name, command, bound in (
            ("flowrun --help", flowrun("--help"), 100),
            ("import flowrun.dsl", [sys.executable, "-c", "import flowrun.dsl"], 90),
        ):
            times = [cpu(command, folder) for _ in range(rounds + 1)][1:]
            found.append((name, 1000 * statistics.median(times), bound))
        times = [until_first_request(one, folder, **server) for _ in range(rounds + 1)][1:]
        return [*found, ("until the first request of a small flow", 1000 * statistics.median(times), 400)]


def report(rounds: int) -> list[str]:
    """Print what each command takes; the targets that are missed."""
    missed = []
    found = medians(rounds)
    for name, seconds in found.items():
        ratio = seconds / found[YARDSTICK]
        target = TARGETS.get(name)
        print(f"{name:<28} {seconds * 1000:6.0f} ms of CPU   {ratio:5.2f} x" + (f"  (≤ {target} x)" if target else ""))
        if target and ratio > target:
            missed.append(f"{name}: {ratio:.2f} times the yardstick, and at most {target} are allowed")
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
