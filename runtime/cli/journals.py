"""The location of a project's journal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..journal.address import JournalAddress, place_of
from ..journal.files import files_of
from ..journal.project import project_journal
from ..vocabulary.errors import UsageError

VARIABLE = "FLOWRUN_JOURNAL"


def journal_path(given: str | None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the journal's path. The command may give it (``given``), or the variable; otherwise it is the project's.

    Raises: UsageError, for an empty name.
    """
    environ = os.environ if environ is None else environ
    if given is not None and not given.strip():
        raise UsageError("--journal needs the name of a file; to run without a journal use --no-journal")
    named = given or environ.get(VARIABLE, "").strip()
    return place_of(named) if named else project_journal(environ)


def journal_files(path: Path | None = None) -> list[Path]:
    """Return the paths of a journal and of the files beside it. None is the project's journal; a database has none."""
    path = journal_path(None) if path is None else path
    return [] if isinstance(path, JournalAddress) else files_of(path)
