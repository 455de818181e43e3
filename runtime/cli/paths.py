"""The flow files that a command is given: files, and folders that hold some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from flowrun.dsl import nearest

from ..errors import UsageError


def flow_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file once, folders in the order of names. Raises UsageError for a path that is nothing of the kind."""
    seen: set[Path] = set()
    for path in paths:
        for file in _files(path):
            if file not in seen:
                seen.add(file)
                yield file


def _files(path: Path) -> list[Path]:
    if str(path) == "-":
        return [path]
    if path.is_dir():
        found = sorted(path.rglob("*.flow"))
        if not found:
            raise UsageError(f"there is no .flow file in {path}")
        return found
    if not path.exists():
        folder = path.parent
        near = nearest(path.name, [one.name for one in folder.glob("*.flow")]) if folder.is_dir() else None
        raise UsageError(f"there is no file {path}" + (f"; did you mean {folder / near}?" if near else ""))
    return [path]
