"""A check of flow files for commands: each file is read once, with the lints that were chosen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dsl import Diagnostic, Examined, Source, Unread

from ..files.files import read_plain
from ..files.project import home_of, project_file
from ..session.loading import examine_source, lints_of
from ..vocabulary.errors import UsageError
from .lints import AS_SET, ChosenLints
from .paths import refuse_pipe, told_path

if TYPE_CHECKING:
    from flowrun.dsl import LintSettings

STDIN = "<stdin>"


def projects_unread(names: Sequence[str]) -> list[Unread]:
    """Return the files of the flows' projects that are not valid, each once."""
    found: dict[Path, Unread] = {}
    homes: set[str] = set()
    for name in names:
        if not os.path.exists(name) or (home := home_of(name)) in homes:
            continue
        homes.add(home)
        path = project_file(name)
        if path is not None and path not in found:
            from ..providers.endpoint_tables import check_project  # few projects have settings

            try:
                check_project(name)
                lints_of(name)
            except UsageError as error:
                found[path] = Unread(told_path(path), str(error))
    return list(found.values())


class Checks:
    """A check of files. Each file is read once, even if it is named or imported several times.

    ``unread`` has the files that could not be read. ``examined`` has the checked files, with the labels of their flows.
    ``lints`` chooses the warnings. ``sources`` takes the files by their names.
    """

    def __init__(self, lints: ChosenLints = AS_SET, sources: dict[str, Source] | None = None) -> None:
        self._lints = lints
        self._settings: dict[str, LintSettings | None] = {}
        self.unread: list[Unread] = []
        self.examined: list[Examined] = []
        self._sources = {} if sources is None else sources

    def all(self, names: Sequence[str]) -> list[Diagnostic]:
        """Return the findings of all files, in order of file and place. Each comes once, even if found in two ways."""
        found: dict[object, Diagnostic] = {}
        for name in names:
            try:
                source = self.source(name)
            except UsageError as error:
                self.unread.append(Unread(name, str(error)))
                continue
            examined = self._examined(source)
            self.examined.append(examined)
            for one in examined.findings:
                found.setdefault((one.sort_key, one.message), one)
        return sorted(found.values(), key=lambda one: one.sort_key)

    def source(self, name: str) -> Source:
        if name not in self._sources:
            refuse_pipe(Path(name))
            self._sources[name] = Source(_read(name), name)
        return self._sources[name]

    def findings(self, source: Source) -> tuple[Diagnostic, ...]:
        return self._examined(source).findings

    def _examined(self, source: Source) -> Examined:
        home = home_of(source.name)
        if home not in self._settings:
            self._settings[home] = self._lints.of(source.name)
        return examine_source(source, self._sources, self._settings[home])


def _read(name: str) -> str:
    if name != STDIN:
        return read_plain(Path(name))
    from .console import standard_flow

    return standard_flow()
