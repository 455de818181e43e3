"""The entry points by which other packages add extensions to flowrun."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

_PREFIX = "flowrun."


def entry_points(group: str) -> Mapping[str, list[EntryPoint]]:
    """Return the entry points of a group, by name. The metadata of all installed packages is read once for this."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in _installed(tuple(sys.path))[0]:
        if entry.group == group:
            found.setdefault(entry.name, []).append(entry)
    return found


def unreadable() -> Sequence[str]:
    """Return a sentence for each package whose list of entry points cannot be read."""
    return _installed(tuple(sys.path))[1]


def words_for(kind: str, name: str, entries: Sequence[EntryPoint]) -> str:
    """Describe an extension of other packages for a message: its kind, its name and the packages."""
    packages = sorted(entry.dist.name if entry.dist else entry.value for entry in entries)
    return f"the {kind} `{name}` of the package{'s' if len(packages) > 1 else ''} {' and '.join(packages)}"


@cache
def _installed(path: tuple[str, ...]) -> tuple[list[EntryPoint], list[str]]:
    """Read the entry points of flowrun's groups, and a sentence for each package that cannot be read.

    ``path`` is the module path of the interpreter. A changed path is read again.
    """
    from importlib.metadata import distributions

    entries: list[EntryPoint] = []
    faults: list[str] = []
    seen: set[str] = set()
    for package in distributions(path=list(path)):
        # The name is in another file. It is read only if the package adds something to flowrun.
        if _PREFIX not in (package.read_text("entry_points.txt") or ""):
            continue
        name = _name_of(package)
        if name in seen:
            continue
        seen.add(name)
        try:
            entries += [entry for entry in package.entry_points if entry.group.startswith(_PREFIX)]
        except (TypeError, ValueError) as error:
            faults.append(f"the entry points of the package {name} cannot be read: {error}")
    return entries, faults


def _name_of(package: Distribution) -> str:
    try:
        return re.sub(r"[-_.]+", "-", package.name or "").lower() or "without a name"
    except KeyError:
        return "without a name"
