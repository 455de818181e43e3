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

from support.few_cases import few

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


def benchmarked(code: str) -> Any:
    """The JSON that some code prints, which imports the modules of the benchmarks."""
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("side", "options"),
    [("by hand", []), ("flowrun", []), ("flowrun", ["--options", "concurrency: 20", "--no-journal"])],
)
def test_calls(server: str, side: str, options: list[str]) -> None:
    found = measured("calls", side, "--base", server, "--warm", server, "--count", "20", "--seconds", "0.05", *options)
    assert found["wall"] >= 0.05
    # The kernel counts the two apart, and not to the page.
    assert found["peak"] >= 0.9 * found["before"] > 0


def test_a_user_keeps_a_journal_and_a_second_run_has_prompts_of_its_own(tmp_path: Path) -> None:
    found = benchmarked(f"""
import json, pathlib, mock_server, whole
folder, served = pathlib.Path({str(tmp_path)!r}), []
with mock_server.started(seconds=0.01) as server, mock_server.running() as warm:
    for number in (1, 2, 2):
        whole.worker("calls", "flowrun", server.base, warm=warm, count=3, folder=folder, number=number)
        served.append(len(server.account().served))
print(json.dumps(served))
""")
    # The third run has the prompts of the second, so the journal has its answers.
    assert found == [3, 3, 0]
    assert "ask local" not in (tmp_path / "bench.flow").read_text()


@pytest.mark.parametrize("side", few(["by hand", "flowrun"], "flowrun"))
def test_votes(server: str, side: str) -> None:
    found = measured("votes", side, "--base", server, "--warm", server, "--count", "3", "--seconds", "0.05")
    assert found["wall"] >= 0.05


@pytest.mark.parametrize("side", few(["by hand", "a barrier", "flowrun"], "flowrun"))
def test_chained_maps(server: str, side: str) -> None:
    found = measured("chained", side, "--base", server, "--warm", server, "--count", "4")
    least = measured("chained", "by hand", "--base", server, "--warm", server, "--count", "4")["least"]
    assert found["wall"] >= least > 0


def test_nodes() -> None:
    found = measured("nodes", "diamonds", "--count", "5")
    assert found["nodes"] == 16
    # Each figure is of a pass of its own, and a small file is checked in milliseconds.
    assert found["whole"] > found["checking"] / 4 > 0
    assert measured("nodes", "elements", "--count", "50")["nodes"] == 50


def test_whole_processes_take_what_the_kernel_counts(server: str) -> None:
    found = benchmarked(f"""
import json, pathlib, tempfile, by_flow, whole, workers
inputs = workers.inputs_of("calls", 3, 0.1)
text = by_flow.flow(by_flow.CALLS)
with tempfile.TemporaryDirectory() as made:
    folder = pathlib.Path(made)
    print(json.dumps([
        whole.script(folder / "script", {server!r}, inputs["prompts"]),
        whole.command(folder / "command", {server!r}, text, inputs),
        whole.program(folder / "program", {server!r}, text, inputs),
    ]))
    assert (folder / "command" / "journal.db").exists() and (folder / "program" / "journal.db").exists()
""")
    assert all(one["wall"] >= one["own"] > one["cpu"] / 2 > 0.01 and one["wall"] > 0.1 for one in found)


def test_a_process_with_another_answer_is_no_measurement(tmp_path: Path) -> None:
    folder = f"pathlib.Path({str(tmp_path)!r})"
    code = f"import pathlib, sys, whole; whole.taken([sys.executable, '-c', 'print(2)'], {folder}, '', 3)"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "printed '2" in done.stderr


def test_rows_go_from_file_to_file(server: str) -> None:
    code = f"import large_map; print(large_map.run({server!r}, 50).peak)"
    assert benchmarked(code) > 10


LINES = """
import json, pathlib
from figures import Bench, Line

def of(cases, patient):
    rounds = iter([{{"by hand": {{"own": hand}}, "flowrun": {{"own": ours}}}} for hand, ours in cases])
    bench = Bench("", None, "", pathlib.Path(), 3, patient=patient)
    bench.take("part", lambda: next(rounds), [Line("calls", "by hand"), Line("calls", "flowrun", bound=1.1)])
    hand, ours = bench.figures
    return [hand.ratio, ours.ratio, ours.missed, len(list(rounds))]

rounds = [{{"flowrun": {{"cpu": one}}}} for one in (3.0, 1.0, 2.0)]
lines = [Line("a step", "flowrun", "cpu", "µs", None, 2.5, 2.0, least) for least in (True, False)]
cpu = [[(one := line.figure("node", rounds)).value, one.missed] for line in lines]
print(json.dumps([*(of(cases, patient) for cases, patient in {cases}), cpu]))
"""


def test_figures_are_medians_of_the_ratios_of_rounds_and_cpu_alone_is_the_least_of_them() -> None:
    cases = [
        # The third round was slow for both sides: only the ratios of each round count.
        ([(1.0, 1.0), (2.0, 2.1), (9.0, 9.0)], False),
        ([(1.0, 1.2), (1.0, 1.2), (1.0, 1.2), (1.0, 1.0)], False),
        # A near miss gets more rounds, and only as many as it needs.
        ([(1.0, 1.2), (1.0, 1.2), (1.0, 0.9), (1.0, 0.9), (1.0, 0.9), (1.0, 0.9)], True),
        # Not more than three times as many, and none for a figure that is far from its bound.
        ([(1.0, 1.2)] * 12, True),
        ([(1.0, 2.0)] * 12, True),
    ]
    *found, cpu = benchmarked(LINES.format(cases=cases))
    assert found == [
        [None, pytest.approx(1.0), False, 0],
        [None, pytest.approx(1.2), True, 1],
        [None, pytest.approx(1.05), False, 2],
        [None, pytest.approx(1.2), True, 3],
        [None, pytest.approx(2.0), True, 9],
    ]
    assert cpu == [[2.0, False], [4.0, True]]


def test_each_bound_of_the_table_belongs_to_a_part_that_can_be_chosen() -> None:
    command = [sys.executable, os.fspath(BENCHMARKS / "speed.py"), "--only", "tea"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    for part in ("fan-out", "chained", "call", "faces", "rows", "node", "start", "tail", "memory"):
        assert f"'{part}'" in done.stderr


def test_a_part_of_the_table_as_json(tmp_path: Path) -> None:
    command = [sys.executable, os.fspath(BENCHMARKS / "speed.py"), "--rounds", "1", "--only", "node", "--json"]
    command += [os.fspath(tmp_path / "figures.json"), "--column", "default"]
    subprocess.run(command, check=True, capture_output=True)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {one["column"] for one in figures} == {"default"}
    assert [one["bound"] for one in figures] == [20, None, None, None]
    assert all(isinstance(one["value"], float) and one["value"] for one in figures)


def test_hedging_is_measured_in_virtual_time() -> None:
    code = "import json, tail; print(json.dumps([vars(one) for one in tail.virtual(5).values()]))"
    found = benchmarked(code)
    assert found == benchmarked(code)
    assert all(one["median"] >= 1 and 0 <= one["extra"] <= 0.1 for one in found)
