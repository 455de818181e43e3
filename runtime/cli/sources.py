"""The files of a run in a journal that no command may overwrite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowrun.dsl import plan as p

from ..journal.index import Run
from ..journal.reading import JournalReader
from ..outputs.target import Source
from .journals import journal_files


def sources_of(reader: JournalReader, run: Run, plan: p.Plan | None = None) -> list[Source]:
    """Return the journal, and the files that a run has read: its flow, its inputs, and the files of its functions.

    ``plan`` is that of the run, if it is at hand.
    """
    from ..journal.recorded_beginning import recorded_beginning
    from ..reads.places import files_read

    found: list[Source] = list(journal_files(reader.path))
    if not run.given:
        return found
    given = recorded_beginning(reader, run)
    settings: dict[str, Any] = given.settings
    folder = Path(str(settings.get("folder") or "."))
    allowed = tuple(Path(str(one)) for one in settings.get("allow_read", ()))
    found += files_read(plan or p.from_json(given.plan_text), given.inputs, folder, allowed)
    found += (Path(str(one["path"])) for one in given.files.values() if isinstance(one, dict) and "path" in one)
    found += (Path(str(one)) for one in settings.get("reads", ()))
    return found
