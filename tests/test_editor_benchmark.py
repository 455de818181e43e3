"""The language server is as quick in a long file as an editor needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parent.parent / "benchmarks" / "editor.py"


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_key_in_a_thousand_lines_is_answered_in_time() -> None:
    command = [sys.executable, str(FILE), "--keys", "30", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("× the yardstick") == 5
