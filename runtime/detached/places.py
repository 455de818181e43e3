"""The folder beside a journal with the records of its detached runs. Only the user can read it.

The folder of a journal in a database lies in the user's cache.

A run has these files, each with its id and an ending: its record (``.run``), which the run holds locked while it lives;
its socket (``.sock``); its log (``.log``, and ``.old`` with the lines before); and its answer (``.out``).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from ..files.folders import cache_folder
from ..journal.address import JournalAddress
from ..journal.creation import make_folder
from ..journal.files import DETACHED, file_beside, is_foreign
from ..vocabulary.errors import DiskError
from ..vocabulary.quoting import shown

RECORD, SOCKET, LOG, OLD_LOG, ANSWER = ENDS = (".run", ".sock", ".log", ".old", ".out")


def folder_of(journal: Path) -> Path:
    """Return the path of the folder, which may be missing."""
    if isinstance(journal, JournalAddress):
        name = blake2b(str(journal).encode(), digest_size=8).hexdigest()
        return cache_folder(os.environ) / "journals" / f"{name}{DETACHED}"
    return file_beside(journal, DETACHED)


def made_folder(journal: Path) -> Path:
    """Make the folder if it is missing, and return its path. Raises DiskError."""
    folder = folder_of(journal)
    try:
        make_folder(folder.parent)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
    except OSError as error:
        raise DiskError(
            f"the folder {shown(str(folder))} for the detached runs cannot be made: {error.strerror or error}"
        ) from None
    check_folder(folder)
    return folder


def check_folder(folder: Path) -> bool:
    """Tell whether the folder exists. Raises DiskError, if something else or somebody else's folder has its name."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        raise DiskError(f"{shown(str(folder))} should be the folder of the detached runs, and is no folder: remove it")
    if is_foreign(found.st_uid):
        raise DiskError(
            f"the folder {shown(str(folder))} of the detached runs belongs to another user ({found.st_uid}): only that "
            "user can attach to its runs or stop them"
        )
    return True


def files_of(folder: Path, name: str) -> list[Path]:
    """Return the paths of all files of a run."""
    return [folder / f"{name}{end}" for end in ENDS]


def names_in(folder: Path) -> Iterator[str]:
    """Yield the names of the runs that have files in the folder, those that only begin with a point in front."""
    with suppress(OSError):
        files = sorted(os.listdir(folder))
        yield from dict.fromkeys(file[: -len(end)] for file in files for end in ENDS if file.endswith(end))


def remove(folder: Path, names: Collection[str]) -> None:
    """Remove the files of runs."""
    for name in names:
        for file in files_of(folder, name):
            with suppress(OSError):
                os.unlink(file)


def remove_runs(journal: Path, runs: Collection[str]) -> None:
    """Remove the answers and logs of runs that the journal has no longer. Raises DiskError."""
    folder = folder_of(journal)
    if check_folder(folder):
        remove(folder, runs)
