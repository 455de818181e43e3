"""Commands that are run in an empty folder on flow files planted there, and what they printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowrun.runtime.cli import run_command

GOOD = "flow f(x: text) {\n  return x\n}\n"
BAD = "flow f(x: text) {\n  return y\n}\n"
STRING = "flow f(x: string) {\n  return x\n}\n"
UNUSED = 'flow f(x: text) { a = ask "{{ x }}" return x }\n'


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Validate = Callable[..., Ran]


def validating(capfd: pytest.CaptureFixture[str]) -> Validate:
    """Return the command, run in this process and in the current folder."""

    def run(*arguments: str, command: str = "validate") -> Ran:
        capfd.readouterr()
        code = run_command([command, *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Ran(code, out, err)

    return run


def plant(files: dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def names(ran: Ran) -> list[str]:
    return list(json.loads(ran.out)["files"])
