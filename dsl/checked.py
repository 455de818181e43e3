"""A checked file, with all results of the checker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from . import syntax as s
from .catalog import Catalog
from .checking.dependencies import Dependencies
from .checking.program import Program
from .checking.typed import Typed
from .diagnostics import Diagnostic
from .records import dataclass


@dataclass(eq=False, repr=False, slots=True)
class Checked:
    """A file without errors, with all results of the checker. ``warnings`` are in the order of the text.

    ``imports`` has all files that it imports, directly or through other files, by their path from the flow's folder.
    """

    file: s.File
    program: Program
    dependencies: Dependencies
    typed: Typed
    catalog: Catalog
    warnings: tuple[Diagnostic, ...]
    imports: Mapping[str, Checked] = field(default_factory=dict)
