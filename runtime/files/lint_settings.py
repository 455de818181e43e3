"""The settings of lints in the file of a flow's project, for the commands and for editors."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from flowrun.dsl import LintSettings, LintSettingsError, read_lint_settings

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .files import read_plain_text
from .project import project_file, settings_in
from .toml_lines import line_of


def lint_settings(path: str) -> LintSettings:
    """Return the settings of lints for a flow file. Without a file of settings they show all warnings.

    ``path`` is the path of the flow file, or a folder. ``apply(findings, path)`` of the settings takes a path, too.

    Raises UsageError if the project's file is not valid.
    """
    where = project_file(path)
    return LintSettings() if where is None else settings_of(where)


def settings_of(where: Path) -> LintSettings:
    """Return the settings of lints in the file of a project. Raises UsageError if the file is not valid."""
    try:
        state = os.stat(where)
    except OSError as error:
        raise UsageError(f"{shown(str(where))} cannot be read: {error.strerror or error}") from None
    return _read(where, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=100)
def _read(where: Path, time: int, size: int) -> LintSettings:
    """Read a file. It is read again when its time or its size is another."""
    found = settings_in(where)
    if not ("lint" in found or "exclude" in found):
        return LintSettings()
    folder = os.path.realpath(where.parent)

    def place(name: str) -> str:
        real = os.path.realpath(name)
        inside = real.startswith(os.path.join(folder, ""))
        return (os.path.relpath(real, folder) if inside else real).replace(os.sep, "/")

    try:
        return read_lint_settings(found.get("lint", {}), found.get("exclude", ()), place)
    except LintSettingsError as error:
        raise UsageError(f"{_place(where, error)}: {error}") from None


def _place(where: Path, error: LintSettingsError) -> str:
    return f"{shown(str(where))}, line {line_of(read_plain_text(where), error.keys, error.word)}"
