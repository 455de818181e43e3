"""The page of the exit codes, from the module that defines them."""

from __future__ import annotations

import ast

from .. import ROOT
from ..markdown import page, table
from .docstrings import paragraphs

FILE = ROOT / "runtime" / "cli" / "exits.py"


def exit_codes() -> dict[int, str]:
    """Return the meaning of each exit code. It is the text below the constant."""
    body = ast.parse(FILE.read_text(encoding="utf-8")).body
    found: dict[int, str] = {}
    for line, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, int):
            told = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            text = str(below.value.value) if told and isinstance(below, ast.Expr) else ""  # type: ignore[attr-defined]
            found[line.value.value] = paragraphs(text)
    return dict(sorted(found.items()))


def exits_page() -> str:
    """Make the page of the exit codes."""
    return page(
        "Exit codes",
        "The exit codes of `flowrun` are part of its interface. A script may rely on them.",
        table(("code", "meaning"), [(f"`{code}`", " ".join(text.split())) for code, text in exit_codes().items()]),
    )
