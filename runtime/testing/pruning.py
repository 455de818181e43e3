"""The pruning of cassettes: the answers that no test takes any more are removed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flowrun.dsl import dataclass
from flowrun.runtime.files.files import read_plain
from flowrun.runtime.vocabulary.errors import FlowrunError
from flowrun.runtime.vocabulary.quoting import shown

from .cassette import Cassette, Chain
from .cassette_file import read_cassette
from .discovery import FileResult


@dataclass(frozen=True, slots=True)
class Pruned:
    """A cassette, without the ``removed`` answers. ``kept`` says why nothing may be removed from it, "" otherwise."""

    path: Path
    cassette: Cassette
    removed: int
    kept: str = ""


def pruned(results: Sequence[FileResult]) -> Iterator[Pruned]:
    """Prune the cassettes of tests that have run. A cassette stays as it is if a test of it failed or did not run.

    Raises: InputError, if a cassette cannot be read.
    """
    used: dict[Path, set[Chain]] = {}
    failed: dict[Path, None] = {}
    for one in (played for result in results for played in result.played):
        used.setdefault(one.path, set()).update(one.used)
        if not one.passed:
            failed[one.path] = None
    ran = {Path(os.path.realpath(result.name)) for result in results if not (result.broken or result.unread)}
    for path, chains in used.items():
        cassette = read_cassette(read_plain(path), shown(path.name))
        other = _other(path, ran)
        if path in failed:
            yield Pruned(path, cassette, 0, "a test of it did not pass")
        elif other:
            yield Pruned(path, cassette, 0, f"{shown(other)} names it too, and its tests did not run")
        else:
            yield Pruned(path, cassette, cassette.keep(chains))


def _other(path: Path, ran: Iterable[Path]) -> str:
    """Return a flow file that names a cassette and whose tests did not run, "" if there is none.

    A cassette is in the folder of its flows or below it.
    """
    known = set(ran)
    for folder in path.parents:
        name = path.relative_to(folder).as_posix()
        for file in sorted(folder.glob("*.flow")):
            if file.resolve() in known or not file.is_file():
                continue
            try:
                text = read_plain(file)
                if f'"{name}"' in text or f'/{name}"' in text:
                    return file.name
            except FlowrunError:
                return file.name
    return ""
