"""The record of a detached run: a small file that the run holds locked. So the kernel tells whether the run lives."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import dataclass

from ..journal.files import open_file
from ..vocabulary.errors import DiskError
from .places import ANSWER, LOG, OLD_LOG, RECORD, SOCKET, check_folder, files_of, names_in, remove

try:
    import fcntl
except ImportError:  # a system without flock, which has no detached runs
    fcntl = None  # type: ignore[assignment]

_VERSION = 1
_MOST = 4096
_KEPT = 30 * 86400.0
"""The seconds for which the answer and the log of an ended run are kept here. The journal keeps the answers longer."""
_STARTING = 60.0
"""The seconds after which files without the name of a run belong to no run that starts."""
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Detached:
    """A detached run as its record tells it.

    ``began`` is the time at which this part of the run began, in seconds of the epoch. ``code`` is the exit code of its
    command, None if it has not ended, or was killed. ``lives`` is True as long as its process holds the record.
    """

    run: str
    process: int
    host: str
    began: float
    code: int | None
    lives: bool


class DetachedRecord:
    """The record that the process of a run writes, and the other files of the run. All have the mode 0600.

    Until the journal has the run, the files have a name for the time being, and nobody finds them.
    """

    def __init__(self, folder: Path) -> None:
        """Make the files. Raises DiskError."""
        self.folder = folder
        self.name = f".{os.urandom(6).hex()}"
        self._began = 0.0
        self._lock = self.log = self.answer = -1
        try:
            self._lock = open_file(folder / f"{self.name}{RECORD}", os.O_RDWR | os.O_CREAT)
            _hold(self._lock)
            os.ftruncate(self._lock, 0)
            new = os.O_RDWR | os.O_CREAT | os.O_TRUNC
            self.log = open_file(folder / f"{self.name}{LOG}", new | os.O_APPEND)
            self.answer = open_file(folder / f"{self.name}{ANSWER}", new)
        except OSError as error:
            self.forget()
            raise DiskError(
                f"the files of the detached run cannot be made in {folder}: {error.strerror or error}"
            ) from None

    def begin(self, run: str) -> None:
        """Give the files the name of the run, and say that it lives. Files of an earlier part of it are replaced.

        Raises: OSError.
        """
        if _held(self.folder / f"{run}{RECORD}"):
            raise OSError("another process runs it")
        self._began = time.time()
        self._say(run, None)
        # The record comes first: a socket without one counts as left by a dead run.
        for end in (RECORD, LOG, ANSWER, SOCKET):
            os.replace(self.folder / f"{self.name}{end}", self.folder / f"{run}{end}")
        with suppress(FileNotFoundError):
            os.unlink(self.folder / f"{run}{OLD_LOG}")
        self.name = run

    def note(self, line: str) -> None:
        """Write a line to the log, which is not the standard error yet."""
        with suppress(OSError):
            os.write(self.log, f"{line}\n".encode("utf-8", "backslashreplace"))

    def end(self, code: int) -> None:
        """Say how the command ended, and take the socket away."""
        with suppress(OSError):
            self._say(self.name, code)
        with suppress(OSError):
            os.unlink(self.folder / f"{self.name}{SOCKET}")

    def forget(self) -> None:
        """Remove the files, because the run did not begin."""
        remove(self.folder, [self.name])
        for number in (self._lock, self.log, self.answer):
            if number >= 0:
                os.close(number)
        with suppress(OSError):  # other runs have files there
            os.rmdir(self.folder)

    def _say(self, run: str, code: int | None) -> None:
        said = {
            "version": _VERSION,
            "run": run,
            "process": os.getpid(),
            "host": os.uname().nodename,
            "began": self._began,
            "code": code,
        }
        data = json.dumps(said).encode()
        os.pwrite(self._lock, data.ljust(_MOST // 4), 0)


def _hold(file: int) -> None:
    """Lock a record. Another process that looks whether the run lives may hold it for a moment. Raises OSError."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.01)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def find(folder: Path, run: str) -> Detached | None:
    """Return the last detached part of a run; None if it has none. Raises DiskError, for files of somebody else."""
    if fcntl is None or not check_folder(folder):
        return None
    try:
        file = open_file(folder / f"{run}{RECORD}", os.O_RDONLY)
    except OSError:
        return None
    try:
        lives = False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            lives = True
        return _read(os.pread(file, _MOST, 0), lives)
    finally:
        os.close(file)


def _read(data: bytes, lives: bool) -> Detached | None:
    """Read a record. None if it is damaged: then the journal alone tells of the run."""
    try:
        said = json.loads(data)
        code = said["code"]
        return Detached(
            str(said["run"]),
            int(said["process"]),
            str(said["host"]),
            float(said["began"]),
            None if code is None else int(code),
            lives,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def all_of(folder: Path) -> dict[str, Detached]:
    """Return all detached runs by their ids. Raises DiskError."""
    if not check_folder(folder):
        return {}
    found = ((name, find(folder, name)) for name in names_in(folder) if not name.startswith("."))
    return {name: one for name, one in found if one is not None}


def sweep(folder: Path) -> None:
    """Remove what dead runs left: sockets, files without a name, and records of more than 30 days. Raises DiskError."""
    if fcntl is None or not check_folder(folder):
        return
    old = []
    for name in names_in(folder):
        if _held(folder / f"{name}{RECORD}"):
            continue
        starts = name.startswith(".")
        if not starts:
            with suppress(OSError):
                os.unlink(folder / f"{name}{SOCKET}")
        if _age(folder, name) > (_STARTING if starts else _KEPT):
            old.append(name)
    remove(folder, old)


def _age(folder: Path, name: str) -> float:
    """Return the seconds since the files of a run were last changed."""
    changed = 0.0
    for file in files_of(folder, name):
        with suppress(OSError):
            changed = max(changed, os.lstat(file).st_mtime)
    return time.time() - changed


def _held(path: Path) -> bool:
    try:
        file = open_file(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
