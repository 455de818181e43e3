"""`flowrun validate --watch`: the files are checked again whenever one that the check has read changes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from flowrun.dsl import Diagnostic, Source, Unread, dataclass

from ..files.files import MAGIC
from ..files.project import project_places
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line
from . import exits
from .checks import Checks, projects_unread
from .console import complain, count_text, show_findings
from .lints import ChosenLints
from .paths import find_flows, told_path

EVERY = 0.5
"""The seconds between two looks at the files."""
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
_MOST_TOLD = 3
_TICK = 0.05
"""The most seconds by which the clock of a file system is behind."""

State = tuple[int, int, int] | None
"""The time, the size and the number of a file or a folder; None if there is none."""


@dataclass(frozen=True, slots=True)
class Round:
    """The findings of one check of all files.

    ``names`` are the flows. ``seen`` has the states of all files that the check read or missed, as it found them.
    ``folders`` has those of the folders in which new flows may appear.
    """

    names: tuple[str, ...]
    found: tuple[Diagnostic, ...]
    unread: tuple[Unread, ...]
    seen: Mapping[str, State]
    folders: dict[str, State]


class _Noted(dict[str, Source]):
    """Files by their names. ``asked`` has all names that anybody looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def watch_flows(paths: Sequence[Path], lints: ChosenLints, *, strict: bool, forced: bool) -> int:
    """Check the flows that paths lead to, again and again until ^C. Return the exit code of ^C."""
    if Path("-") in paths:
        raise UsageError("--watch needs files: standard input does not change")
    changed: list[str] = []
    last = None
    try:
        while True:
            last = check_round(paths, lints, last, forced=forced)
            _show(last, changed, strict=strict)
            while not (changed := changes(paths, last, forced=forced)):
                time.sleep(EVERY)
    except KeyboardInterrupt:
        return exits.INTERRUPTED


def check_round(paths: Sequence[Path], lints: ChosenLints, last: Round | None = None, *, forced: bool = False) -> Round:
    """Check all flows once. ``last`` is the round before.

    The state of a file is taken before the check reads it, so a change during the check is seen by the next look.
    """
    began = time.time()
    before = _states(() if last is None else last.seen)
    folders = _states(_folders(paths))
    files, refused = find_flows(paths, forced=forced)
    noted = _Noted()
    checks = Checks(lints, noted)
    names = tuple(sorted({told_path(path) for path in files}))
    found = checks.all(names)
    unread = {Unread(told_path(path), str(error)) for path, error in refused}
    unread |= {*checks.unread, *projects_unread(names)}
    read = {*names, *noted.asked, *project_places({os.path.dirname(name) or "." for name in names})}
    # A file that is read for the first time, and written in the same moment, counts as changed.
    seen = {name: before[name] if name in before else _old(state, began) for name, state in _states(read).items()}
    return Round(names, tuple(found), tuple(sorted(unread, key=lambda one: one.name)), seen, folders)


def changes(paths: Sequence[Path], last: Round, *, forced: bool = False) -> list[str]:
    """Return what has changed since a round, in words."""
    found = []
    for name, state in _states(last.seen).items():
        if state != last.seen[name]:
            found.append(f"{one_line(name)} {'is gone' if state is None else 'changed'}")
    there = _states(last.folders)
    if there != last.folders:
        last.folders.update(_states((*_folders(paths), *last.folders)))
        names = {told_path(path) for path in find_flows(paths, forced=forced)[0]}
        found += [f"{one_line(name)} is there" for name in sorted(names.difference(last.names, last.seen))]
        gone = sorted(set(last.names) - names)
        found += [f"{one_line(name)} is gone" for name in gone if f"{one_line(name)} is gone" not in found]
    return found


def _show(last: Round, changed: Sequence[str], *, strict: bool) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(_CLEAR)
    for one in last.unread:
        complain(one.reason)
    if last.found:
        show_findings(last.found)
    checked = len(last.names) - sum(one.name in last.names for one in last.unread)
    counts = count_text(last.found) if last.found else "no findings"
    failed = last.unread or any(strict or one.severity == "error" for one in last.found)
    why = ", ".join(changed[:_MOST_TOLD]) + (f" and {len(changed) - _MOST_TOLD:,} more" * (len(changed) > _MOST_TOLD))
    told = f"{time.strftime('%H:%M:%S')} · {checked:,} file{'s' if checked != 1 else ''} checked: {counts}"
    told += " · failed" if failed else ""
    print(f"{told}{f' · {why}' if why else ''}", file=sys.stderr, flush=True)


def _states(names: Iterable[str]) -> dict[str, State]:
    return {name: _state(name) for name in names}


def _state(name: str) -> State:
    try:
        found = os.stat(name)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _old(state: State, began: float) -> State:
    """Return the state of a file; one that no file has, if the file was written since ``began``."""
    young = state is not None and state[0] / 1e9 > began - _TICK
    return (0, -1, 0) if young else state


def _folders(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the folders in which a new flow would be found."""
    for path in paths:
        if os.path.isdir(path):
            top = str(path)
        elif os.path.lexists(path) or not MAGIC.search(str(path)):
            yield str(path.parent)
            continue
        else:
            parts = path.parts
            fixed = next(at for at, part in enumerate(parts) if MAGIC.search(part))
            top = str(Path(*parts[:fixed]))
        for place, below, _ in os.walk(top):
            below[:] = [one for one in below if not one.startswith(".")]
            yield place
