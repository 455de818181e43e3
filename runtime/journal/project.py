"""The journal of a project, and the command that resumes a run of a journal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .files import FOLDER

NAME = "journal.db"


def project_journal(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the project's journal.

    The project is the nearest folder upwards that is a repository or has a journal of this user. Without one it is the
    current folder. The search ends below the user's home. The home itself is a project only if it is the current
    folder.
    """
    here = Path.cwd()
    home = (os.environ if environ is None else environ).get("HOME", "").rstrip("/")
    for folder in (here, *here.parents):
        if folder != here and str(folder) in (home, "/"):
            break
        if _is_own(folder / FOLDER / NAME) or (folder / ".git").exists():
            return folder / FOLDER / NAME
    return here / FOLDER / NAME


def resume_command(run: str, journal: Path | None) -> str:
    """Write the command that resumes a run. It names the journal, unless that is the project's or None."""
    return f"flowrun resume {run}{journal_option(journal)}"


def journal_option(journal: Path | None) -> str:
    """Write the option that names a journal, with a space before it; "" for None and for the project's journal."""
    if journal is None or os.path.realpath(journal) == os.path.realpath(project_journal()):
        return ""
    from shlex import quote

    return f" --journal {quote(str(journal))}"


def _is_own(path: Path) -> bool:
    """Tell whether this user owns the file at a path. In a shared folder, any user may own it."""
    try:
        return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()
    except OSError:
        return False
