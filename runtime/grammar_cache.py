"""Keeps the parser's tables from one start to the next: making them takes longer than all else that a check does.

They are a convenience and no more. Whatever is wrong with the file or its folder, the parser makes its tables itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import dump_tables, use_tables

from .folders import cache_folder

NAME = "grammar.json"
MOST_BYTES = 4 * 1024 * 1024
"""Tables are a tenth of this: what is larger is something else."""

_asked = False


def warm_parser() -> None:
    """Give the parser the tables that an earlier start kept, or keep those that this one makes. Once a process."""
    global _asked  # noqa: PLW0603
    if not _asked:
        _asked = True
        share_tables(os.environ)


def share_tables(environ: Mapping[str, str]) -> bool:
    """Whether the parser took the tables that lie in the cache; if not, it made its own and they are kept there."""
    if os.name != "posix":  # elsewhere nothing here can tell whose a file is
        return False
    try:
        path = cache_folder(environ) / NAME
    except (OSError, RuntimeError):
        return False
    text = _kept(path)
    if text is not None:
        with suppress(ValueError):
            use_tables(text)
            return True
    _keep(path, dump_tables())
    return False


def _kept(path: Path) -> str | None:
    """The text of the file, where it is this user's own and nobody else may write to it."""
    try:
        # A pipe put there must not block the command, nor a link lead it elsewhere.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        own = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
        if not own or found.st_size > MOST_BYTES:
            return None
        with open(handle, encoding="utf-8", closefd=False) as file:
            return file.read(MOST_BYTES)
    except (OSError, ValueError):
        return None
    finally:
        os.close(handle)


def _keep(path: Path, text: str) -> None:
    """Put the text there in one step, so that no other start ever reads half of it."""
    try:
        if not _may_write(path.parent):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
    except OSError:
        return


def _may_write(folder: Path) -> bool:
    """Whether the folder, or the nearest one above that is there, is this user's own.

    Under sudo the home may be another user's, who could write no more in a folder that was made by root.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.stat().st_uid == os.geteuid()
