"""Where a command finds the journal of its project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError

FOLDER = ".flowrun"
NAME = "journal.db"
VARIABLE = "FLOWRUN_JOURNAL"


def journal_path(given: str | None, environ: Mapping[str, str] | None = None) -> Path:
    """The file that the command names, or the variable; else that of the project.

    A project is the nearest folder upward that has a journal, the repository around the current folder, or that folder.
    Raises UsageError where the name is empty.
    """
    environ = os.environ if environ is None else environ
    if given is not None and not given.strip():
        raise UsageError("--journal needs the name of a file; --no-journal keeps nothing")
    named = given or environ.get(VARIABLE, "").strip()
    if named:
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / NAME).is_file() or (folder / ".git").exists():
            return folder / FOLDER / NAME
    return here / FOLDER / NAME
