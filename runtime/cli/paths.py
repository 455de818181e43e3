"""The flow files that a command line names by files, folders and patterns, and the rewriting of such a file."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import nearest, pattern

from ..files.decoding import decode
from ..files.files import MAGIC, read_plain_bytes
from ..files.project import home_of, project_file
from ..files.urls import is_url, told_url
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

_LINE_END = pattern(r"\r\n|\r|\n")
MARK = codecs.BOM_UTF8.decode()
Refused = tuple[Path, UsageError]
"""A path that leads to no flow file, and the reason."""


class PathThatIs(click.Path):
    """A path on the command line. An empty path (from an unset variable, say) is an error, not the current folder."""

    def __init__(self) -> None:
        # An unreadable path is reported when it is read, and does not stop the others.
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class OutputPath(PathThatIs):
    """The path of a file to write."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.endswith("/"):
            self.fail(f"{shown(value)} is a folder, not a file", param, ctx)
        if isinstance(value, str) and is_url(value):
            self.fail(f"{shown(told_url(value))} is a URL, and this option takes the path of a file", param, ctx)
        return super().convert(value, param, ctx)


def to_file(path: Path | None) -> Path | None:
    """Return the path of the file; None for standard output, which may be written as `-`."""
    return None if path is None or str(path) == "-" else path


def find_flows(paths: Iterable[Path], *, forced: bool = False) -> tuple[list[Path], list[Refused]]:
    """Return every file that the paths lead to, each once, and the paths that lead to no file.

    A folder stands for all .flow files in it and below, but not for names that begin with a dot. Links to folders are
    not followed. A pattern finds only .flow files; in it ``**`` stands for any number of folders. Folders and patterns
    do not find the files that the project excludes. ``forced`` excludes them even if they are named.
    """
    files: list[Path] = []
    refused: list[Refused] = []
    seen: set[str] = set()
    for path in paths:
        named = not forced and not os.path.isdir(path) and os.path.lexists(path)
        for found in _found(path, refused) if named else _wanted(_found(path, refused), refused, path, forced):
            real = os.path.realpath(found)
            if real not in seen:
                seen.add(real)
                files.append(found)
    return files, refused


def is_several(path: str) -> bool:
    """Tell whether a path on a command line leads to several files: a folder, or a pattern that is no file."""
    return os.path.isdir(path) or (MAGIC.search(path) is not None and not os.path.lexists(path))


def _wanted(found: Iterable[Path], refused: list[Refused], named: Path, forced: bool) -> Iterator[Path]:
    """Yield the files that their projects do not exclude. Refuse a folder that has no others, unless it is forced."""
    faults: set[str] = set()
    kept, left_out = 0, 0
    projects: dict[str, Path | None] = {}
    for path in found:
        home = home_of(str(path))
        if home not in projects:
            projects[home] = project_file(str(path))
        project = projects[home]
        try:
            excluded = project is not None and _excludes(project, path)
        except UsageError as error:
            excluded = False
            if project is not None and str(error) not in faults:
                faults.add(str(error))
                refused.append((project, error))
        kept, left_out = kept + (not excluded), left_out + excluded
        if not excluded:
            yield path
    if left_out and not kept and not forced:
        refused.append((named, UsageError(f"flowrun.toml excludes every .flow file of {shown(str(named))}")))


def _excludes(project: Path, path: Path) -> bool:
    from ..files.lint_settings import settings_of  # few projects have a file of settings

    return settings_of(project).excludes(str(path))


def _found(path: Path, refused: list[Refused]) -> Iterator[Path]:
    if os.path.isdir(path):
        before = len(refused)
        found = list(_inside(path, refused))
        if not found and len(refused) == before:
            refused.append((path, UsageError(f"{shown(str(path))} has no .flow file")))
        yield from found
    elif str(path) == "-" or os.path.lexists(path):
        yield path
    elif MAGIC.search(str(path)):
        yield from _fitting(path, refused)
    else:
        refused.append((path, UsageError(f"there is no file {shown(str(path))}{_guess(path)}")))


def _inside(folder: Path, refused: list[Refused]) -> Iterator[Path]:
    waiting = [str(folder)]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                names = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
        except OSError as error:
            reason = error.strerror or str(error)
            told = shown(str(Path(place)))
            refused.append((Path(place), UsageError(f"the folder {told} cannot be read: {reason}")))
            continue
        # Reversed, because the last folder in is the first one out.
        waiting += [entry.path for entry in reversed(names) if entry.is_dir(follow_symlinks=False)]
        yield from (Path(entry.path) for entry in names if entry.name.endswith(".flow") and _is_file(entry.path))


def _is_file(path: str) -> bool:
    """Tell whether a path should be read: a file, or a broken link, which is then reported. Not a pipe or a device."""
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))


def _fitting(pattern: Path, refused: list[Refused]) -> Iterator[Path]:
    from ..files.patterns import fitting_files

    try:
        found = fitting_files(str(pattern))
    except UsageError as error:
        refused.append((pattern, error))
        return
    flows = [Path(name) for name in found if name.endswith(".flow")]
    if not flows:
        refused.append((pattern, UsageError(f"no .flow file matches the pattern {shown(str(pattern))}")))
    yield from flows


def refuse_pipe(path: Path) -> None:
    """Raise UsageError for a named pipe, because opening it would wait for a writer, perhaps for ever.

    The pipe that a shell makes for ``<(command)`` already has its writer and is allowed.
    """
    with suppress(OSError, ValueError):
        if stat.S_ISFIFO(os.stat(path).st_mode) and not str(path).startswith(("/dev/", "/proc/")):
            raise UsageError(f"{shown(str(path))} is a named pipe, not a file")


def _guess(path: Path) -> str:
    try:
        names = [name for name in os.listdir(path.parent) if name.endswith(".flow")]
    except (OSError, ValueError):
        return ""
    near = nearest(path.name, names)
    return f"; did you mean {shown(str(path.parent / near))}?" if near else ""


def told_path(path: Path) -> str:
    """Return a path as reports show it: relative to the current folder if it is below that, absolute otherwise.

    It has forward slashes, as code hosts and editors expect.
    """
    here = Path(os.path.realpath(os.curdir))
    # `..` after a link leads to the parent of the link's target, so links are resolved there; other paths keep theirs.
    whole = Path(os.path.realpath(path.parent), path.name) if ".." in path.parts else Path(os.path.abspath(path))
    for one in (whole, Path(os.path.realpath(whole.parent), whole.name)):
        if one.is_relative_to(here):
            return one.relative_to(here).as_posix()
    return whole.as_posix()


def must_be_writable(path: Path) -> None:
    """Raise UsageError if `rewrite` is sure to refuse a file, so that a command says so before it works."""
    try:
        _target(path)
    except OSError as error:
        raise UsageError(f"{shown(str(path))} cannot be written: {error.strerror or error}") from None


def rewrite(path: Path, before: str, after: str) -> None:
    """Replace the text of a file. If that fails, the file stays whole.

    ``before`` is the text as it was read, with ``\\n`` for line ends. Symbolic and hard links, the mode, a byte-order
    mark and line ends stay as they are.

    Raises: UsageError, if the file has changed since it was read; OSError, if it cannot be written.
    """
    name, target = shown(str(path)), _target(path)
    data = read_plain_bytes(Path(target), name)
    # A second byte-order mark is no part of the text either, and is not written back.
    if decode(data, name).removeprefix(MARK) != before.removeprefix(MARK):
        raise UsageError(f"{name} has changed while flowrun worked, so it is not overwritten; try again")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data[len(mark) :].decode()
    from ..outputs.replace import put

    put(target, mark + _with_line_ends(after, text).encode())


def _target(path: Path) -> str:
    """Return the path of the file that a rewrite replaces. Raises UsageError, OSError."""
    target = os.path.realpath(path)
    if not os.path.isfile(target):
        raise UsageError(f"{shown(str(path))} is not a file that flowrun can rewrite")
    # The system lets its administrator write read-only files, but a file that somebody made read-only must stay so.
    if not os.stat(target).st_mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only, and is not changed")
    return target


def _with_line_ends(text: str, model: str) -> str:
    """Return the text with the line ends of ``model``: line by line if both have the same number of lines.

    Otherwise every line gets the commonest line end of ``model``.
    """
    ends = _LINE_END.findall(model)
    if not set(ends) - {"\n"}:
        return text
    lines = text.split("\n")
    if len(ends) != len(lines) - 1:
        ends = [Counter(ends).most_common(1)[0][0]] * (len(lines) - 1)
    return "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))
