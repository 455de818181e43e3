"""The time of `flowrun test`, beside pytest with as many tests that do nothing.

python benchmarks/tested.py [--rounds 5] [--check]

Two shapes: one file with 1,000 tests of three votes, and 20 files with 100 tests of eight calls. Times are CPU, and the
wall clock from the start of the command to its end. With --check the exit code is 1 where a bound is missed; the bounds
of the wall clock hold on an idle core.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from start import cpu, flowrun

VOTES = "1,000 tests of three votes, in one file"
FILES = "100 tests of eight calls, in 20 files"
MOST_CPU = 2.0
"""The most seconds of CPU of the 1,000 tests, without the start of the command."""
MOST_WALL = 1.5
"""The most seconds of the 20 files, with the start."""
_VOTES = """\
flow triage(mail: text) {
  kind = repeat 3 { ask "Is this mail {{ mail }} about money?" -> yes | no } reduce majority
  return kind
}
"""
_ONE_VOTE = """
test "mail %d" of triage {
  mail = "number %d"
  reply kind: yes, no, yes
  expect result == yes
  expect calls == 3
}
"""
_MAP = """\
flow parts(texts: [text]) {
  kinds = map one in texts {
    k = repeat 3 { ask "Is {{ one }} good?" -> yes | no } reduce majority
    k
  } reduce collect
  first = ask "Sum up {{ kinds }}"
  second = ask "Shorten {{ first }}"
  return second
}
"""
_ONE_MAP = """
test "file %d test %d" of parts {
  texts = ["a", "b"]
  reply kinds.k: yes, no, yes
  reply first: "good"
  reply second: "g"
  expect result == "g"
  expect calls == 8
}
"""


def write(folder: Path) -> None:
    """Write the flows of both shapes, and the tests of the yardstick."""
    (folder / "votes").mkdir()
    (folder / "files").mkdir()
    votes = _VOTES + "".join(_ONE_VOTE % (number, number) for number in range(1000))
    (folder / "votes" / "votes.flow").write_text(votes, encoding="utf-8")
    for file in range(20):
        text = _MAP + "".join(_ONE_MAP % (file, number) for number in range(5))
        (folder / "files" / f"parts{file}.flow").write_text(text, encoding="utf-8")
    yardstick = "".join(f"def test_{number}():\n    assert {number} == {number}\n\n\n" for number in range(1000))
    (folder / "test_nothing.py").write_text(yardstick, encoding="utf-8")


def wall(command: list[str], folder: Path) -> float:
    """Seconds of the wall clock of one run."""
    began = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_nothing.py"]
    commands = {"start": flowrun("test", "none.flow"), VOTES: flowrun("test", "votes"), FILES: flowrun("test", "files")}
    times: dict[str, list[float]] = {name: [] for name in (*commands, "pytest", "wall")}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write(folder)
        (folder / "none.flow").write_text("flow none() { return 1 }\n", encoding="utf-8")
        for number in range(given.rounds + 1):
            found = {name: cpu(command, folder) for name, command in commands.items()}
            found["pytest"] = cpu(pytest, folder)
            found["wall"] = wall(commands[FILES], folder)
            for name, seconds in found.items():
                if number:
                    times[name].append(seconds)
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    votes = middle[VOTES] - middle["start"]
    print(f"{VOTES}: {votes:.2f} s of CPU after the start ({middle['start']:.2f} s); at most {MOST_CPU:g} s")
    print(f"  {middle[VOTES] / middle['pytest']:.2f} times pytest with 1,000 empty tests ({middle['pytest']:.2f} s)")
    print(f"{FILES}: {middle['wall']:.2f} s with the start, {middle[FILES]:.2f} s of CPU; at most {MOST_WALL:g} s")
    missed = votes > MOST_CPU or middle["wall"] > MOST_WALL
    return 1 if given.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
