"""The whole pipeline of the checker."""

from __future__ import annotations

from dataclasses import dataclass

from . import syntax as s
from .catalog import Catalog
from .dependencies import Dependencies, depend
from .diagnostics import Diagnostic, FlowError
from .lints import LINTS
from .names import Program, resolve
from .parse import parse_flow
from .source import Source
from .structure import structure
from .typecheck import Typed, typecheck

UNSURE = frozenset({"F0201", "F0202", "F0205", "F0304", "F0305"})
"""Behind one of these a mention may be lost, so that no lint can tell what is never used."""


@dataclass(eq=False, slots=True)
class Checked:
    """A file without errors, and all that was found out about it. ``warnings`` are in the order of the text."""

    file: s.File
    program: Program
    dependencies: Dependencies
    typed: Typed
    catalog: Catalog
    warnings: tuple[Diagnostic, ...]


def check_flow(source: Source, catalog: Catalog) -> Checked:
    """Read and check a flow file. Raises FlowError with every finding, warnings too, when one is an error."""
    file = parse_flow(source)
    problems = structure(file)
    program = resolve(file)
    problems += program.problems
    dependencies = depend(program)
    problems += dependencies.problems
    typed = typecheck(program, catalog, dependencies)
    problems += typed.problems
    if not any(problem.code in UNSURE for problem in problems):
        for lint in LINTS:
            problems += lint(program, typed, catalog)
    found = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.sort_key))
    if any(problem.severity == "error" for problem in found):
        raise FlowError(found)
    return Checked(file, program, dependencies, typed, catalog, found)
