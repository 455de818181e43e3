"""The pages of the flows that ship, each with its text and its picture."""

from __future__ import annotations

import re
from pathlib import Path

from flowrun.dsl import FlowError, Source, check_flow, render_diagnostics
from flowrun.runtime.catalog import catalog

from .. import ROOT
from ..markdown import fenced, page, table
from ..navigation import Made
from ..pictures import flow_pictures, place_of
from ..sources import example_place

FOLDER = ROOT / "workflows"


def made_examples() -> Made:
    """Make a page for each flow of ``workflows/``, and the list of all."""
    good = sorted(FOLDER.glob("*.flow"))
    bad = sorted((FOLDER / "bad").glob("*.flow"))
    pages = {"examples/index.md": _list(good, bad)}
    pages |= {_place(path): _page(path) for path in [*good, *bad]}
    titles = {_place(path): path.stem.replace("_", " ") for path in [*good, *bad]} | {
        "examples/index.md": "All examples"
    }
    groups = {"Flows": tuple(map(_place, good)), "Refused before a run": tuple(map(_place, bad))}
    return Made(pages, titles, groups, {place: svg for place, (_, svg) in flow_pictures().items()})


def _place(path: Path) -> str:
    return example_place(path.relative_to(ROOT).as_posix())


def _head(path: Path) -> tuple[str, str]:
    """Return the comment at the top of a flow, and the command that it names."""
    lines = re.match(r"(?:#[^\n]*\n)*", path.read_text(encoding="utf-8"))
    text = [line.removeprefix("#").strip() for line in (lines[0] if lines else "").splitlines()]
    command = next((line for line in text if line.startswith("flowrun ") and "says:" not in line), "")
    told = [line for line in text if line and line != command and not line.startswith("flowrun validate says")]
    return " ".join(told), command


def _list(good: list[Path], bad: list[Path]) -> str:
    def rows(paths: list[Path]) -> list[tuple[str, str]]:
        return [
            (f"[`{path.stem}`]({_place(path).removeprefix('examples/')})", _head(path)[0].partition(". ")[0])
            for path in paths
        ]

    return page(
        "Examples",
        "These flows ship with the source of flowrun, and their tests run with it.",
        table(("flow", "about"), rows(good)),
        "## Refused before a run",
        "The usual mistakes of beginners, with what flowrun says of them.",
        table(("flow", "the mistake"), rows(bad)),
    )


def _page(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    about, command = _head(path)
    parts = [about, fenced(command, "sh") if command else "", fenced(text, "flow")]
    source = Source(text, path.relative_to(ROOT).as_posix())
    try:
        warnings = check_flow(source, catalog(), _load).warnings
    except FlowError as error:
        parts += ["flowrun refuses it:", fenced(render_diagnostics(error.diagnostics), "text")]
        return page(f"`{path.name}`", *parts)
    if warnings:
        parts += ["flowrun warns of it:", fenced(render_diagnostics(warnings), "text")]
    else:
        parts.append(f"![The graph of {path.name}]({'../' * _place(path).count('/')}{place_of(path.stem)})")
    return page(f"`{path.name}`", *parts)


def _load(path: str) -> Source | str:
    file = ROOT / path
    return Source(file.read_text(encoding="utf-8"), path) if file.is_file() else "there is no such file"
