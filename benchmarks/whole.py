"""Whole processes, from their start to their end: the command, the Python program and the script by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import by_flow
import start
import workers
from clock import spent, unserved

HERE = Path(__file__).resolve().parent


def taken(command: list[str], folder: Path, base: str, answer: int) -> dict[str, float]:
    """Seconds of a process from its start to its end, as `clock.py` takes them. It must print this answer.

    ``answered`` and ``answered cpu`` end where the first line of the answer has come.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = {**kept, **by_flow.environ(base, folder)}
    errors = folder / "errors.txt"
    began = time.perf_counter()
    with errors.open("w") as stderr:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=stderr, text=True)
        with process:
            assert process.stdout is not None
            printed = process.stdout.readline()
            answered = time.perf_counter() - began - unserved(process.pid), spent(process.pid)
            printed += process.stdout.read()
            # The kernel keeps the accounts of a child that has ended until it is waited for.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            wall = time.perf_counter() - began
            own = wall - unserved(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or printed.strip() != str(answer):
        raise SystemExit(f"{' '.join(command)}\nprinted {printed!r}\n{errors.read_text()[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall": wall, "own": own, "cpu": cpu, "answered": answered[0], "answered cpu": answered[1]}


def script(folder: Path, base: str, prompts: list[str]) -> dict[str, float]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prompts.json").write_text(json.dumps(prompts), encoding="utf-8")
    return taken([sys.executable, str(HERE / "script.py"), base, "prompts.json"], folder, base, len(prompts))


def command(folder: Path, base: str, text: str, inputs: dict[str, Any]) -> dict[str, float]:
    """The command on a flow file, with its journal and its closing line."""
    flags = []
    for name, value in inputs.items():
        by_flow.written(folder, text).with_name(f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
        flags += [f"--{name}", f"{name}.json"]
    return taken(start.flowrun("bench.flow", *flags), folder, base, len(value))


def program(folder: Path, base: str, text: str, inputs: dict[str, Any]) -> dict[str, float]:
    """The Python program that does the same. It prints its answer when the run is over and its journal is closed."""
    by_flow.written(folder, text).with_name("inputs.json").write_text(json.dumps(inputs), encoding="utf-8")
    [value] = inputs.values()
    return taken([sys.executable, str(HERE / "program.py"), "bench.flow", "inputs.json"], folder, base, len(value))


def worker(work: str, side: str, base: str = "", **options: Any) -> dict[str, Any]:
    """Make one measurement of `workers.py`, in a process of its own. Imports are not in its figures."""
    line = [sys.executable, str(HERE / "workers.py"), work, side, "--base", base or workers.NOWHERE]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        line += [flag] if value is True else [flag, str(value)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
