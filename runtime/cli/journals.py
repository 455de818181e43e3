"""The location of a project's journal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..journal.beside import FOLDER, files_of
from ..vocabulary.errors import UsageError

NAME = "journal.db"
VARIABLE = "FLOWRUN_JOURNAL"


def journal_path(given: str | None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the journal's path. The command may give it (``given``), or the variable; otherwise it is the project's.

    The project is the nearest folder upwards that is a repository or has a journal of this user. Without one it is the
    current folder. The search ends below the user's home. The home itself is a project only if it is the current
    folder.

    Raises: UsageError, for an empty name.
    """
    environ = os.environ if environ is None else environ
    if given is not None and not given.strip():
        raise UsageError("--journal needs the name of a file; to run without a journal use --no-journal")
    named = given or environ.get(VARIABLE, "").strip()
    if named:
        return Path(named)
    here = Path.cwd()
    home = environ.get("HOME", "").rstrip("/")
    for folder in (here, *here.parents):
        if folder != here and str(folder) in (home, "/"):
            break
        if _is_own(folder / FOLDER / NAME) or (folder / ".git").exists():
            return folder / FOLDER / NAME
    return here / FOLDER / NAME


def journal_files(path: Path | None = None) -> list[Path]:
    """Return the paths of a journal (None for the project's journal) and of the files beside it."""
    return files_of(journal_path(None) if path is None else path)


def _is_own(path: Path) -> bool:
    """Tell whether this user owns the file at a path. In a shared folder, any user may own it."""
    try:
        return path.stat().st_uid == os.getuid()
    except OSError:
        return False
