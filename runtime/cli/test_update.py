"""`flowrun test --update`: what tests do not need any more is removed from their files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from flowrun.testing.discovery import FileResult
from flowrun.testing.pruning import pruned

from ..outputs.target import Target
from ..vocabulary.amounts import count_text
from ..vocabulary.quoting import inert, shown


def update(results: Sequence[FileResult]) -> None:
    """Remove unused answers from the cassettes of tests. Raises InputError, DiskError."""
    flows = [Path(result.name) for result in results]
    for one in pruned(results):
        if one.removed:
            Target(one.path, flows).write(one.cassette.text())
        if one.removed or one.kept:
            said = f"is not pruned: {one.kept}" if one.kept else f"has lost {count_text(one.removed, 'unused answer')}"
            print(inert(f"the cassette {shown(one.path.name)} {said}"), file=sys.stderr)
