"""The tools of the speed benchmark work: small amounts, and no look at the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    command = [sys.executable, os.fspath(BENCHMARKS / "mock_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


def measured(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, os.fspath(BENCHMARKS / "workers.py"), *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


@pytest.mark.parametrize("side", ["by hand", "flowrun", "flowrun, journal"])
def test_calls(server: str, side: str) -> None:
    found = measured("calls", side, "--base", server, "--count", "20", "--seconds", "0.05", "--wide", "20")
    assert found["wall"] >= 0.05
    # The kernel counts the two apart, and not to the page.
    assert found["peak"] >= 0.9 * found["before"] > 0


@pytest.mark.parametrize("side", ["by hand", "flowrun"])
def test_votes(server: str, side: str) -> None:
    assert measured("votes", side, "--base", server, "--count", "3", "--seconds", "0.05")["wall"] >= 0.05


@pytest.mark.parametrize("side", ["by hand", "a barrier", "flowrun"])
def test_chained_maps(server: str, side: str) -> None:
    found = measured("chained", side, "--base", server, "--count", "4")
    assert found["wall"] >= found["least"]


def test_nodes() -> None:
    assert measured("nodes", "diamonds", "--count", "5")["nodes"] == 16
    assert measured("nodes", "elements", "--count", "50")["nodes"] == 50


def test_rows_go_from_file_to_file(server: str) -> None:
    code = f"import large_map; print(large_map.run({server!r}, 50).peak)"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert float(done.stdout) > 10
