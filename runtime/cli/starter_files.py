"""The files that `flowrun init` writes beside a flow: the settings of the project, the check in CI, a line for git."""

from __future__ import annotations

import os
from pathlib import Path

from ..files.project import NAME

SETTINGS = """\
# The settings of this project. Every line here is optional; docs/models.md and docs/ci.md describe them.

# The model of asks that name none, behind --model and the variable FLOWRUN_MODEL. Its key comes from the environment.
# model = "openai:gpt-4o-mini"

# Files that `flowrun validate`, `fmt` and `test` do not look at when they search a folder.
# exclude = ["vendor/"]

# The warnings of the checker. An error is always shown. `flowrun explain` lists the codes.
# [lint]
# select = ["F07"]
# ignore = ["F0705"]

# [lint.per-folder]
# "drafts/*" = ["F0711"]

# A server of your own. Models of it are lab:NAME.
# [endpoints.lab]
# base_url = "http://gpu.example:8000/v1"
# key_env = "LAB_KEY"
"""
GITHUB = """\
# Checks the flows and runs their tests. Nothing is sent to a model, and no key is needed.
name: flowrun
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
jobs:
  flowrun:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: python -m pip install --quiet flowrun-dsl
      - run: flowrun validate --strict --format github {folder}
      - run: flowrun test --format github {folder}
"""
GITLAB = """\
# Checks the flows and runs their tests. Nothing is sent to a model, and no key is needed.
flowrun:
  image: python:3.12-slim
  script:
    - python -m pip install --quiet flowrun-dsl
    - flowrun validate --strict {folder}
    - flowrun test --format junit {folder} > flowrun-tests.xml
  artifacts:
    when: always
    reports:
      junit: flowrun-tests.xml
"""
CI = {"github": (".github/workflows/flowrun.yml", GITHUB), "gitlab": (".gitlab-ci.yml", GITLAB)}
"""The place from the top of the repository and the text of the file for each code host."""
IGNORED = ".flowrun/"


def files_beside(folder: Path, ci: str, *, settings: bool) -> dict[Path, str]:
    """Return the files beside a flow in a folder by their paths. ``ci`` names a code host, or is "none"."""
    found: dict[Path, str] = {}
    if settings:
        found[folder / NAME] = SETTINGS
    if ci in CI:
        place, text = CI[ci]
        top = _top(folder)
        inside = os.path.relpath(os.path.realpath(folder), os.path.realpath(top)).replace(os.sep, "/")
        found[top / place] = text.replace("{folder}", _plain(inside))
    return found


def ignore_file(folder: Path) -> Path:
    """Return the .gitignore of the repository of a folder, or of the folder."""
    return _top(folder) / ".gitignore"


def ignore_line(path: Path) -> str | None:
    """Return the text of a .gitignore with the line for the journal. None if it has the line already.

    Raises OSError, ValueError for a file that is no text.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in before.splitlines()):
        return None
    return before + "\n" * bool(before and not before.endswith("\n")) + f"{IGNORED}\n"


def _top(folder: Path) -> Path:
    """Return the top of the repository of a folder; the folder itself if it is in none."""
    here = Path(os.path.abspath(folder))
    for place in (here, *here.parents):
        if (place / ".git").exists():
            return folder if place == here else Path(os.path.relpath(place))
    return folder


def _plain(folder: str) -> str:
    """Return a folder as a word of a shell in YAML."""
    if all(letter.isalnum() or letter in "._-/" for letter in folder):
        return folder
    return "'" + folder.replace("'", "'\\''") + "'"
