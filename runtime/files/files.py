"""The reading of files: files that a flow may read, and files that its user names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dsl import nearest, pattern

from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from .decoding import decode, decode_flow

if TYPE_CHECKING:
    from .seen_files import Found, Seen

MOST_BYTES = 256 * 1024 * 1024
MAGIC = pattern(r"[*?\[]")
"""A wildcard of a pattern."""
_NAMES_TO_GUESS_FROM = 5000
_CLOSED_ELSEWHERE = getattr(os, "O_CLOEXEC", 0)


class Files:
    """The files that a flow may read. They are in its own folder, or in places that its user allows.

    ``seen`` hears of each file that is read. In a child process it is replaced by ``tell_parent``.
    """

    def __init__(self, folder: Path, allowed: tuple[Path, ...] = (), seen: Seen | None = None) -> None:
        self.folder = _resolved(folder)
        self.allowed = tuple(_resolved(place) for place in allowed)
        self.seen = seen

    def __getstate__(self) -> dict[str, object]:
        from .seen_files import tell_parent

        return {**self.__dict__, "seen": None if self.seen is None else tell_parent}

    def resolve(self, path: str) -> Path:
        """Return the absolute path of a file or folder, with links followed. The file need not exist.

        Raises: InputError, for a path outside of the folders that the flow may read.
        """
        if not path:
            raise InputError("the path is empty")
        found = _resolved(self.folder / path)
        if not any(found.is_relative_to(place) for place in (self.folder, *self.allowed)):
            # Nothing outside is touched, not even to see whether it is a folder.
            place = found.parent
            raise InputError(
                f"{shown(path)} is outside the flow's folder, {shown(str(self.folder))}; "
                f"to let the flow read it, add {shown(f'--allow-read {place}')}"
            )
        return found

    def read_bytes(self, path: str) -> bytes:
        """Read the bytes of a file. All other ways to read a file go through here."""
        data = self._watched(path, self._read_bytes)
        assert isinstance(data, bytes)
        return data

    def size_of(self, path: str) -> int:
        """Return the bytes of a file. Raises InputError, OSError."""
        return self.resolve(path).stat().st_size

    def _read_bytes(self, path: str) -> bytes:
        found = self.resolve(path)
        place = next(place for place in (self.folder, *self.allowed) if found.is_relative_to(place))
        return _read(found, shown(path), lambda: _opened_below(place, found))

    def _watched(self, path: str, read: Callable[[str], Found]) -> Found:
        if self.seen is None:
            return read(path)
        try:
            found = read(path)
        except InputError as error:
            self.seen(path, error)
            raise
        self.seen(path, found)
        return found

    def read_text(self, path: str) -> str:
        """Read the text of a file, in UTF-8 or in UTF-16 with a byte-order mark. Line ends become ``\\n``."""
        return decode(self.read_bytes(path), shown(path))

    def read_flow(self, path: str) -> str:
        """Read the text of another flow file, or of a prompt. It must be in UTF-8."""
        what = "a flow" if path.endswith(".flow") else "a prompt"
        return decode_flow(self.read_bytes(path), shown(path), what)

    def glob(self, pattern: str) -> list[str]:
        """Return the paths of the files that match a pattern, sorted. ``**`` stands for any number of folders.

        As in a shell, a wildcard does not match a name that begins with a dot, and ``**`` follows no links.
        """
        names = self._watched(pattern, self.matching)
        assert isinstance(names, list)
        return names

    def matching(self, pattern: str) -> list[str]:
        """Return the paths that ``glob`` returns. ``seen`` does not hear of it."""
        parts = list(Path(pattern).parts)
        fixed = next((place for place, part in enumerate(parts) if MAGIC.search(part)), len(parts))
        if fixed == len(parts):
            if self.resolve(pattern).is_dir():
                raise InputError(
                    f"{shown(pattern)} is a folder; for its files write {shown(os.path.join(pattern, '*'))}"
                )
            return [pattern]
        if ".." in parts[fixed:]:
            raise InputError(f"{shown(pattern)} has `..` after a wildcard; write the name of the folder")
        start = os.path.join(*parts[:fixed]) if fixed else ""
        if start and not self.resolve(start).is_dir():
            raise InputError(f"{shown(pattern)}: there is no folder {shown(start)}{_guess(self.resolve(start))}")
        rest = [part for place, part in enumerate(parts) if place >= fixed and parts[place : place + 2] != ["**", "**"]]
        found = set(self._fitting(start, rest))
        return sorted(path for path in found if self.resolve(path).is_file())

    def name_of(self, path: str) -> str:
        """Return the name of a file for a prompt: its path from the flow's folder or from the allowed place around it.

        So the name does not depend on the location of that folder. A relative path starts in the flow's folder and
        stays as it is.
        """
        if not os.path.isabs(path):
            return path
        found = Path(os.path.normpath(path))
        for place in (self.folder, *self.allowed):
            for one in (found, self.resolve(path)):
                if one.is_relative_to(place):
                    return str(one.relative_to(place))
        return path

    def _fitting(self, folder: str, parts: list[str]) -> Iterator[str]:
        first, rest = parts[0], parts[1:]
        place = self.resolve(folder or ".")
        if first == "**":
            for inner, folders, _ in os.walk(place, onerror=_refuse):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                yield from self._fitting(os.path.join(folder, os.path.relpath(inner, place)), rest or ["*"])
            return
        for name in _names(place, shown(folder or ".")):
            if not fnmatchcase(name, first) or (name.startswith(".") and not first.startswith(".")):
                continue
            path = os.path.normpath(os.path.join(folder, name))
            if not rest:
                yield path
            elif self.resolve(path).is_dir():
                yield from self._fitting(path, rest)


def read_plain(path: Path, name: str | None = None) -> str:
    """Read the text of a flow file that the user names. It may be anywhere, and must be in UTF-8."""
    name = shown(str(path)) if name is None else name
    return decode_flow(read_plain_bytes(path, name), name)


def read_plain_text(path: Path) -> str:
    """Read the text of a data file that the user names, in UTF-8 or in UTF-16 with a byte-order mark.

    A long text remembers its file: see ``large_text``.
    """
    data = read_plain_bytes(path)
    from .large_text import from_file

    return from_file(decode(data, shown(str(path))), path, data)


def read_plain_bytes(path: Path, name: str | None = None) -> bytes:
    """Read the bytes of a file that the user names. A pipe, such as a shell's ``<(command)``, is read to its end."""
    name = shown(str(path)) if name is None else name
    return _read(path, name, lambda: os.open(path, os.O_RDONLY | _CLOSED_ELSEWHERE), pipes=True)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{shown(str(path))} is not a usable path: {reason}") from None


def _opened_below(place: Path, path: Path) -> int:
    """Open a file, folder by folder from an allowed place, and follow no link.

    The path was resolved before. So a link on the way is new, and may lead outside.
    """
    parts = path.relative_to(place).parts
    if os.open not in os.supports_dir_fd or not parts:
        return os.open(path, os.O_RDONLY | _CLOSED_ELSEWHERE)
    # O_PATH, where the system has it: some folders may be passed through but not listed.
    way = os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY) | _CLOSED_ELSEWHERE
    folder = os.open(place, way)
    try:
        for part in parts[:-1]:
            inner = os.open(part, way | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Without O_NONBLOCK, opening a pipe that was put there would wait.
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | _CLOSED_ELSEWHERE, dir_fd=folder)
    finally:
        os.close(folder)


def _read(path: Path, name: str, opened: Callable[[], int], *, pipes: bool = False) -> bytes:
    try:
        # The path is checked before, because opening a pipe may take for ever, and after, because it may have changed.
        _regular(path.stat(), name, pipes)
        with open(opened(), "rb") as file:
            _regular(os.fstat(file.fileno()), name, pipes)
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"there is no file {name}{_guess(path)}") from None
    except NotADirectoryError:
        raise InputError(f"there is no file {name}: a part of the path is a file, not a folder") from None
    except PermissionError:
        raise InputError(f"{name} may not be read by this user; see its permissions") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{name} is not a path: {error}") from None
    if len(data) > MOST_BYTES:
        raise too_large(name)
    return data


def _regular(found: os.stat_result, name: str, pipes: bool) -> None:
    """Raise InputError for a path that is not a regular file, and for a file that is too large to read."""
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{name} is a folder, not a file")
    if stat.S_ISREG(found.st_mode):
        if found.st_size > MOST_BYTES:
            raise too_large(name)
    elif not (pipes and stat.S_ISFIFO(found.st_mode)):
        raise InputError(f"{name} is a device, not a file")


def too_large(name: str, most: int = MOST_BYTES) -> InputError:
    return InputError(f"{name} is larger than {most // 1024**2} MiB, which is the limit; split it into smaller files")


def _guess(path: Path) -> str:
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _NAMES_TO_GUESS_FROM)]
    except OSError:
        return f"; there is no folder {shown(str(path.parent))} either"
    near = nearest(path.name, names)
    return f"; did you mean {shown(near)}?" if near else ""


def _names(folder: Path, name: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"the folder {name} cannot be read: {error.strerror}") from None


def _refuse(error: OSError) -> None:
    raise InputError(f"the folder {shown(str(error.filename))} cannot be read: {error.strerror}") from None
