"""The table of `plan` is as wide as it must be, and narrower where the terminal is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowrun.runtime.vocabulary.columns import columns
from support.patience import PATIENCE
from support.terminals import Terminal

PLAN = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()", "plan", "f.flow"]
NAME = "summaries_of_all_the_documents_that_were_found"
FLOW = f"""\
flow f(xs: [text]) {{
  {NAME} = map document_of_the_archive in xs {{
    votes_on_the_relevance = repeat 3 {{ ask "Is {{{{ document_of_the_archive }}}} good?" -> YES | NO }} reduce majority
    votes_on_the_relevance
  }} reduce collect
  return {NAME}
}}
"""


def table(wide: int, folder: Path, **environ: str) -> list[str]:
    (folder / "f.flow").write_text(FLOW)
    with Terminal(PLAN, wide, 40, environ, folder, whole=True) as terminal:
        assert terminal.end() == 0
        return terminal.raw.decode().replace("\r", "").split("\n\n")[0].splitlines()


def test_a_wide_terminal_and_a_pipe_cut_nothing(tmp_path: Path) -> None:
    wide = table(200, tmp_path)
    assert not any("…" in line for line in wide)
    assert any(line.startswith((f"├─ {NAME}", f"└─ {NAME}")) for line in wide)
    piped = subprocess.run(PLAN, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    assert piped.split("\n\n")[0].splitlines() == wide


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_a_narrow_terminal_gets_a_table_that_fits(width: int, tmp_path: Path) -> None:
    lines = table(width, tmp_path)
    assert max(map(columns, lines)) <= width
    assert "calls" in lines[0]
    assert any("…" in line for line in lines)
    numbers = {word for line in lines[1:] for word in line.split() if word[0].isdigit()}
    assert numbers <= {word for line in table(200, tmp_path) for word in line.split()}, "a number is never cut"


def test_columns_of_the_environment_count_first(tmp_path: Path) -> None:
    assert max(map(columns, table(200, tmp_path, COLUMNS="70"))) <= 70
