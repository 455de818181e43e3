"""Readers of files for tests: the rows of a table, the content of a journal."""

from __future__ import annotations

from pathlib import Path

from flowrun.runtime.documents.rows import open_table
from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.reading import JournalReader


def read_csv(text: str, name: str) -> list[tuple[int, dict[str, str]]]:
    return list(open_table(text, name).rows)


def read_journal(path: Path) -> Index:
    with JournalReader(path) as reader:
        return reader.index
