"""How much CPU the command takes before it does anything, beside importing click alone.

python benchmarks/start.py [--rounds 10]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

COMMANDS = {
    'python -c "import click"': [sys.executable, "-c", "import click"],
    "flowrun --help": [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", "--help"],
    "import flowrun.dsl": [sys.executable, "-c", "import flowrun.dsl"],
}


def cpu(command: list[str]) -> float:
    """User and system time of one run, in seconds, from the operating system's account of the child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            seconds = cpu(command)
            if number:  # the first round fills the caches
                times[name].append(seconds)
    yardstick = statistics.median(next(iter(times.values())))
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:<28} {median * 1000:6.0f} ms of CPU   {median / yardstick:5.2f} x")


if __name__ == "__main__":
    main()
