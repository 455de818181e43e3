"""A page carried out in an empty folder: its files are saved, its commands run, and their output is compared.

A line such as "Save this as `spam.flow`:" before a block names its file, and "Add this to `spam.flow`:" adds to it. In
a block of a console, `$` begins a command, and its output follows. A line `…` stands for lines that the page leaves
out. Times, dates and the names of runs may differ.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from .doc_blocks import FENCE
from .patience import PATIENCE

SERVER = "127.0.0.1:8000"
"""The address of a server as pages write it."""
_FILE = re.compile(r"(Save|Add) this\s(?:as|to) `([^`]+)`:\s*$")
_ELEMENT = re.compile(r"\w+\[\d+\]\S*: ")
_CHANGING = (
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4,6}\b"), "RUN"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?"), "DATE"),
    (re.compile(r"\b(\d[\d.,]* min )?\d[\d.,]* (ms|s|min)\b"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "DATE"),
    (re.compile(r"(?<= · TIME)(?! · [\d.,]+ tokens in,)[^\n]+?(?= · [\d.,]+ tokens in,|$)", re.MULTILINE), ""),
    (re.compile(r"^\d+/\d+ steps · .*\n", re.MULTILINE), ""),
    (re.compile(r"(flowrun-dsl) \S+ \(.*\)"), r"\1"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:PORT"),
    (re.compile(r"[ ─━]{2,}"), " "),
)


@dataclass(frozen=True)
class Save:
    """A file that the page lets its reader save."""

    name: str
    text: str
    adds: bool


@dataclass(frozen=True)
class Command:
    """A command of the page, and the output that the page shows."""

    line: str
    shown: str


def parts_of(page: str) -> Iterator[Save | Command]:
    """Yield the files and the commands of a page, in its order."""
    for block in FENCE.finditer(page):
        named = _FILE.search(page[: block.start()])
        if named:
            yield Save(named[2], block[4], adds=named[1] == "Add")
        elif block[3].strip() == "console":
            yield from commands_of(block[4])


def commands_of(text: str) -> Iterator[Command]:
    """Yield the commands of a block, each with its output."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, shown = re.sub(r"\\\n", "\x00", part).partition("\n")
        yield Command(line.replace("\x00", "\\\n"), shown)


def steady(text: str) -> str:
    """Return an output without what differs between two runs."""
    for pattern, word in _CHANGING:
        text = pattern.sub(word, text)
    lines: list[str] = []
    for together, some in groupby(text.strip().splitlines(), lambda line: _ELEMENT.match(line) is not None):
        found = [*some]
        lines += sorted(found) if together else found  # elements end in any order
    return "\n".join(line.strip() for line in lines)


def fits(shown: str, told: str) -> bool:
    """Tell whether an output is the one that the page shows."""
    parts = [re.escape(part) for part in re.split(r"^…$", steady(shown), flags=re.MULTILINE)]
    return re.fullmatch(r"[^\0]*?".join(parts), steady(told)) is not None


def run(line: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Run a command by the shell, and return its output with its errors, as a terminal shows them."""
    bins = [str(Path(sys.executable).parent), os.environ["PATH"]]
    fixed = {"HOME": str(folder.parent / "home"), "FLOWRUN_LEARN": "0", "FLOWRUN_CACHE": str(folder.parent / "cache")}
    ran = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={"PATH": os.pathsep.join(bins), "LC_ALL": "C.UTF-8", **fixed, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in ran.stdout, ran.stdout
    return ran.stdout


def carry_out(page: str, folder: Path, environ: Mapping[str, str], server: str = SERVER) -> tuple[str, list[str]]:
    """Carry out a page. Return the page with the outputs that came, and what differs from what it shows.

    ``server`` stands in the place of the server that pages name.
    """
    differences: list[str] = []
    at = 0
    for part in parts_of(page):
        if isinstance(part, Save):
            path = folder / part.name
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text(encoding="utf-8") if part.adds else ""
            text = part.text.replace(SERVER, server)
            path.write_text(f"{before}\n{text}" if before else text, encoding="utf-8")
            continue
        told = run(part.line, folder, environ).replace(server, SERVER)
        shown, right = f"$ {part.line}\n{part.shown}", fits(part.shown, told)
        at = page.index(shown, at)
        kept = shown
        if not right:
            differences.append(f"$ {part.line}\n-- shown:\n{part.shown}\n-- came:\n{told}")
            kept = f"$ {part.line}\n" + "".join(f"{line.rstrip()}\n" for line in told.strip("\n").splitlines())
        page = page[:at] + kept + page[at + len(shown) :]
        at += len(kept)
    return page, differences
