"""The choice of a run of a journal by its name."""

from __future__ import annotations

from pathlib import Path

from flowrun.dsl import did_you_mean

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .index import Index, Run

LAST = "last"
"""The name of the last run."""


def chosen_run(index: Index, name: str, journal: Path, *, command: str = "") -> Run:
    """Return the run with a name. Raises UsageError if no run or several runs have it.

    ``command`` is a command that takes a path after the run, such as `flowrun show`. The error names it, because a user
    who forgets the run writes the path in its place.
    """
    found = index.named(name) if name else []
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(run.id for run in found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(
            f"the names of {len(found)} runs begin with {shown(name)}: {listed}; write more letters of the name"
        )
    if not index.runs:
        raise UsageError(f"the journal {shown(str(journal))} has no runs")
    from shlex import quote  # it is loaded for a wrong name only

    right = shown(f"{command} {LAST} {quote(name)}", 300)
    if command and any(letter in name for letter in ".[#"):
        raise UsageError(f"a path follows the name of a run: write {right} for the last run")
    guess = did_you_mean(name, [LAST, *(run.id for run in index.runs.values())])
    said = f"{shown(str(journal))} has no run {shown(name)}; {guess or '`flowrun runs` lists its runs'}"
    raise UsageError(f"{said}. If it is a step of the last run, write {right}" if command else said)
