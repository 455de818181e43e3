"""The files of a journal.

Each must be a regular file of this user's with a single name, and the folder must not be a link.

Otherwise an attacker could put a link, a pipe or another file there. Then a command could overwrite foreign files, wait
for ever, or read false answers. SQLite itself warns of links to a database:
https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ..files.locks import BINARY
from ..vocabulary.errors import DiskError
from ..vocabulary.quoting import shown

FOLDER = ".flowrun"
"""The folder of a project's journal. flowrun makes it and checks it. It does not check a folder that the user names."""
LOCK, RESERVE, HEAD, REWRITE, RUNS = ".lock", ".reserve", ".head", ".rewrite", ".runs"
LIMITS = ".limits"
DETACHED = ".detached"
"""The end of the folder with the files of detached runs."""
ENDS = ("", "-wal", "-shm", "-journal", LOCK, RESERVE, HEAD, REWRITE, RUNS, LIMITS)
_PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | BINARY
_ELSEWHERE = "remove it, or keep the journal elsewhere with --journal FILE"
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def file_beside(journal: Path, end: str) -> Path:
    return journal.with_name(f"{journal.name}{end}")


def files_of(journal: Path) -> list[Path]:
    """Return the paths of the journal and of all files that may exist beside it."""
    return [file_beside(journal, end) for end in ENDS]


def check_files(journal: Path) -> None:
    """Check the folder and the files of a journal. Files may be missing.

    Raises: DiskError, if a file is of the wrong kind or belongs to somebody else; OSError.
    """
    _check_folder(journal.parent)
    for file in files_of(journal):
        status_of(file)


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of a file of a journal; None if it is missing.

    Raises: DiskError, if it is not a regular file of the user's own; OSError.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    _check_file(path, found)
    return found


def open_file(path: Path, flags: int) -> int:
    """Open a file of a journal, or create it with mode 0600 if ``flags`` say so. Never follow a link.

    Raises: DiskError, if it is not a regular file of the user's own; OSError.
    """
    status_of(path)
    file = os.open(path, flags | _PLAIN, 0o600)
    try:
        _check_file(path, os.fstat(file))
    except BaseException:
        os.close(file)
        raise
    return file


def _check_folder(folder: Path) -> None:
    if folder.name != FOLDER:
        return
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise DiskError(f"the journal's folder {shown(str(folder))} is {_kind(found)}: {_ELSEWHERE}")
    _check_owner(folder, found)


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise DiskError(f"the journal's file {shown(str(path))} is {_kind(found)}: {_ELSEWHERE}")
    if found.st_nlink > 1:
        raise DiskError(
            f"the journal's file {shown(str(path))} has {found.st_nlink} names (hard links), and it may have "
            f"only one: {_ELSEWHERE}"
        )
    _check_owner(path, found)


def _check_owner(path: Path, found: os.stat_result) -> None:
    if is_foreign(found.st_uid):
        raise DiskError(
            f"the journal's file {shown(str(path))} belongs to another user ({found.st_uid}), and its answers "
            "would count as yours: use your own journal with --journal FILE"
        )


def is_foreign(owner: int) -> bool:
    """Tell whether a file with this owner is somebody else's. Root acts through sudo for the user who asked for it."""
    return hasattr(os, "geteuid") and os.geteuid() != owner and not _on_behalf_of(owner)


def _on_behalf_of(owner: int) -> bool:
    """Tell whether root acts for this user through sudo."""
    return os.geteuid() == 0 and os.environ.get("SUDO_UID") == str(owner)


def _kind(found: os.stat_result) -> str:
    return next((name for fits, name in _KINDS if fits(found.st_mode)), "a device")
