"""The files that a user names by a folder or by a pattern. They may be anywhere."""

from __future__ import annotations

import os
from pathlib import Path

from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.quoting import shown
from .files import MAGIC, Files


class _Walk(Files):
    """A search for files by a pattern. A link that leads in a circle is not an error."""

    def resolve(self, path: str) -> Path:
        try:
            return super().resolve(path)
        except UsageError:
            if os.path.islink(self.folder / path):
                return self.folder / path
            raise


def is_pattern(path: str) -> bool:
    """Tell whether a path has a wildcard. A file that bears such a name is no pattern."""
    return MAGIC.search(path) is not None and not os.path.lexists(path)


def fitting_files(pattern: str) -> list[str]:
    """Return the files that match a pattern, from the current folder, by the rules of ``Files.glob``."""
    here = Path.cwd()
    return _Walk(here, (Path(here.anchor),)).matching(pattern)


def files_inside(folder: Path) -> list[Path]:
    """Return the files of a folder, sorted by name, without those of its own folders and without hidden ones.

    A link that leads nowhere is among them, so that its reader reports it. Raises InputError.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise InputError(f"the folder {shown(str(folder))} cannot be read: {error.strerror}") from None
    paths = [folder / name for name in names]
    return [path for path in paths if path.is_file() or (path.is_symlink() and not path.exists())]
