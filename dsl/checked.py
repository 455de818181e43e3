"""A checked file, with all results of the checker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from . import syntax as s
from .catalog import Catalog
from .checking.callees import Imported
from .checking.dependencies import Dependencies
from .checking.program import Program
from .checking.typed import Typed
from .checking.units import Unit
from .diagnostics import Diagnostic
from .records import dataclass

if TYPE_CHECKING:
    from .holes.tuning import Tuning


SECRETS = frozenset({"F0682", "F0683"})
"""The errors about a text that may be a secret. No diagnostic of the file shows such a text."""


@dataclass(eq=False, repr=False, slots=True)
class Checked:
    """A file without errors, with all results of the checker. ``warnings`` are in the order of the text.

    ``imported`` has the names that its imports bring in. ``imports`` has all files that it imports, directly or through
    other files, by their path from the flow's folder. ``tuning`` has the holes of a file with a `?`. The rest of such a
    file is that of its first setting.
    """

    file: s.File
    program: Program
    dependencies: Dependencies
    typed: Typed
    catalog: Catalog
    warnings: tuple[Diagnostic, ...]
    imported: Imported = field(default_factory=Imported)
    imports: Mapping[str, Checked] = field(default_factory=dict)
    tuning: Tuning | None = None

    @property
    def settled(self) -> Checked:
        """The file, or that of its first setting if it has holes. It has a plan."""
        return self if self.tuning is None else replace(self, tuning=None)


def units_of(files: Mapping[str, Checked]) -> dict[str, Unit]:
    """Return checked files as the tests of another file see them."""
    units: dict[str, Unit] = {}
    for path, one in files.items():
        units[path] = Unit(path, one.program, one.typed, one.imported, units)
    return units


def in_order(problems: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each problem once, in the order of the text."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.sort_key))


def hidden(found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the problems so that none of them shows a text that may be a secret."""
    if not any(one.code in SECRETS or "endpoint" in one.span.source.text for one in found):
        return tuple(found)
    from .checking.endpoints import masked

    return tuple(masked(found, SECRETS))
