"""A command's process ends at once, and loses neither its output, its exit code nor the functions of `atexit`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.patience import PATIENCE

QUICK = """
import os
end = os._exit
os._exit = lambda code: (os.write(2, b"quick\\n"), end(code))
"""
"""Tells of a quick end."""
MAIN = "from flowrun.runtime.cli import main; main()"
LATER = "import atexit, flowrun.runtime.cli as cli\nbefore = cli.run_command\n"
LATER += "cli.run_command = lambda given: (atexit.register(print, 'later'), before(given))[1]\n"
EARLIER = "import atexit; atexit.register(print, 'earlier')\n"


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("first", "said", "told"),
    [("", "", "quick\n"), (LATER, "later\n", "quick\n"), (EARLIER, "earlier\n", "")],
    ids=["alone", "later", "earlier"],
)
def test_the_functions_of_others_run(first: str, said: str, told: str) -> None:
    done = run(QUICK + first + MAIN, "explain", "F0101")
    assert (done.returncode, done.stderr) == (0, told)
    assert done.stdout.startswith("# F0101")
    assert done.stdout.endswith("```\n" + said)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("validate", "none.flow"), 2), (("explain", "F9999"), 2), (("--version",), 0), (("--nothing",), 2)],
)
def test_the_exit_code_stays(arguments: tuple[str, ...], code: int) -> None:
    assert run(MAIN, *arguments).returncode == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full disk to write to")
def test_output_that_is_lost_is_still_told() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-I", "-c", MAIN, "explain", "F0101"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
        )
    assert done.returncode == 74
    assert b"No space left" in done.stderr
