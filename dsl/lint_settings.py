"""The settings of lints: which warnings a project shows, and in which files.

The settings never concern errors. They come as data, from a file of settings or from options of a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .codes import CODES
from .diagnostics import Diagnostic, did_you_mean
from .records import dataclass

ALL = "ALL"
"""The word for all lints."""
KEYS = ("select", "ignore", "exclude", "per-folder")
"""The settings in the table of lints."""
WARNINGS = tuple(code for code, one in CODES.items() if one.severity == "warning")


class LintSettingsError(ValueError):
    """The error for settings that are not valid. ``keys`` lead to the place, and ``word`` is the wrong word there."""

    def __init__(self, message: str, keys: Sequence[str] = (), word: str = "") -> None:
        super().__init__(message)
        self.keys = tuple(keys)
        self.word = word


@dataclass(frozen=True, slots=True)
class FolderIgnores:
    """The codes that are not shown in the files of a pattern."""

    files: str
    codes: tuple[str, ...]


def _same(path: str) -> str:
    return path


@dataclass(frozen=True, slots=True)
class LintSettings:
    """The settings of lints of a project.

    ``select`` and ``ignore`` have codes or the beginnings of codes; the longest that fits a code decides, and of two
    equal ones the ignored. ``silent`` are the patterns of files without warnings, ``exclude`` those of files that a
    search in folders leaves out. ``place`` makes the path of a file that of the project's folder, with slashes.
    """

    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    per_folder: tuple[FolderIgnores, ...] = ()
    silent: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    place: Callable[[str], str] = _same

    def apply(self, findings: Iterable[Diagnostic], path: str) -> tuple[Diagnostic, ...]:
        """Return the findings of a file that these settings show, in the same order. All errors are among them."""
        return tuple(one for one in findings if one.severity == "error" or self.shows(one.code, path))

    def shows(self, code: str, path: str) -> bool:
        """Tell whether the warnings with a code are shown in a file."""
        if _fit(self.select, code) <= _fit(self.ignore, code):
            return False
        if not self.per_folder and not self.silent:
            return True
        place = self.place(path)
        if any(fits(one, place) for one in self.silent):
            return False
        return not any(_fit(one.codes, code) >= 0 and fits(one.files, place) for one in self.per_folder)

    def excludes(self, path: str) -> bool:
        """Tell whether a search in folders leaves a file out."""
        place = self.place(path) if self.exclude else ""
        return any(fits(one, place) for one in self.exclude)


def shown_by(lints: LintSettings, findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the findings of several files that the settings show, each by the name of its own file."""
    return tuple(one for one in findings if lints.apply((one,), one.span.source.name))


def _fit(beginnings: Iterable[str], code: str) -> int:
    """Return the length of the longest beginning that fits a code, 0 for the word for all, and -1 if none fits."""
    return max((0 if one == ALL else len(one) for one in beginnings if one == ALL or code.startswith(one)), default=-1)


def fits(pattern: str, path: str) -> bool:
    """Tell whether a pattern fits a file, or a folder above it.

    ``*`` stands for letters in one name, ``**`` for any number of folders. A pattern without a slash, but for one at
    its end, fits a name at any depth. A pattern with a slash at its end fits only folders.
    """
    parts = path.split("/")
    wanted = pattern.strip("/").split("/")
    folders = parts[:-1] if pattern.endswith("/") else parts
    if len(wanted) == 1 and not pattern.startswith("/") and wanted != ["**"]:
        return any(fnmatchcase(part, wanted[0]) for part in folders)
    return any(_all_fit(wanted, parts[:end]) for end in range(1, len(folders) + 1))


def _all_fit(wanted: Sequence[str], parts: Sequence[str]) -> bool:
    """Tell whether the parts of a pattern fit those of a path. The work grows with their product."""
    reached = {0}
    for one in wanted:
        if one == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], one)}
    return len(parts) in reached


def read_lint_settings(table: Any, exclude: Any = (), place: Callable[[str], str] = _same) -> LintSettings:
    """Read the table of lints, and the patterns of excluded files.

    Raises LintSettingsError for a setting that does not exist, a value of a wrong type and a code that is no lint.
    """
    if not isinstance(table, Mapping):
        raise LintSettingsError('`lint` must be a table, such as [lint] with `ignore = ["F0705"]`', ("lint",))
    for key in table:
        if key not in KEYS:
            guess = did_you_mean(str(key), KEYS) or "the settings of lints are " + ", ".join(f"`{one}`" for one in KEYS)
            raise LintSettingsError(f"there is no setting `lint.{key}`; {guess}", ("lint", str(key)))
    folders = table.get("per-folder", {})
    if not isinstance(folders, Mapping):
        told = '`lint.per-folder` must be a table of patterns, such as "drafts/*" = ["F0705"]'
        raise LintSettingsError(told, ("lint", "per-folder"))
    return LintSettings(
        codes_of(table.get("select", (ALL,)), ("lint", "select")),
        codes_of(table.get("ignore", ()), ("lint", "ignore")),
        tuple(_ignores(files, codes) for files, codes in folders.items()),
        _patterns(table.get("exclude", ()), ("lint", "exclude")),
        _patterns(exclude, ("exclude",)),
        place,
    )


def _ignores(files: str, codes: Any) -> FolderIgnores:
    keys = ("lint", "per-folder", files)
    return FolderIgnores(_pattern(files, keys), codes_of(codes, keys))


def codes_of(given: Any, keys: Sequence[str]) -> tuple[str, ...]:
    """Read codes of lints, their beginnings, or the word for all. Raises LintSettingsError."""
    told = ".".join(keys[:2]) if keys[0] == "lint" else keys[0]
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise LintSettingsError(f'`{told}` must be a list of codes, such as ["F0705"]', keys)
    return tuple(_code(one, keys, told) for one in given)


def _code(written: str, keys: Sequence[str], told: str) -> str:
    code = written.strip().upper()
    if code == ALL or (code and any(one.startswith(code) for one in WARNINGS)):
        return code
    if code and any(one.startswith(code) for one in CODES):
        what = "is an error" if code in CODES else "are errors"
        raise LintSettingsError(
            f"`{told}`: {code} {what}, and no setting hides an error or chooses one: name lints, such as F0705",
            keys,
            written,
        )
    guess = did_you_mean(code, (*WARNINGS, ALL)) or "`flowrun explain` lists the codes"
    raise LintSettingsError(f"`{told}`: no lint has the code {written[:40]!r}; {guess}", keys, written)


def _patterns(given: Any, keys: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise LintSettingsError(f'`{".".join(keys)}` must be a list of patterns, such as ["vendor/"]', keys)
    return tuple(_pattern(one, keys) for one in given)


def _pattern(written: str, keys: Sequence[str]) -> str:
    pattern = written.strip().replace("\\", "/").removeprefix("./")
    if not pattern.strip("/") or ".." in pattern.split("/"):
        raise LintSettingsError(
            f"`{'.'.join(keys[:2])}`: {written[:80]!r} is no pattern of files below the project's folder, such as "
            '"vendor/" or "drafts/*"',
            keys,
            written,
        )
    return pattern
