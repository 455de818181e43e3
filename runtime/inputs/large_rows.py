"""The rows of a large file as the input of a flow. They stay on the disk."""

from __future__ import annotations

from pathlib import Path

from flowrun.dsl import plan, types

from ..documents.stored_rows import LARGE, StoredRows
from ..vocabulary.remarks import Tell
from .row_sources import COLUMNAR, JSON_LINES, TABLES


def stored_rows(param: plan.Param, given: str, tell: Tell) -> StoredRows | None:
    """Return the rows of a large file, which stay on the disk. None for all other values. Raises InputError."""
    path = Path(given.removeprefix("@"))
    kind = path.suffix.lower()
    if (
        types.holds_image(param.type)
        or not isinstance(param.type, types.ListOf)
        or kind not in (*JSON_LINES, *TABLES, COLUMNAR)
    ):
        return None
    from ..documents.row_file import RowFile, has_lines

    item = param.type.item
    try:
        if kind == COLUMNAR:
            from ..documents import parquet

            large = path.is_file() and path.stat().st_size >= parquet.LARGE
            return parquet.ParquetRows(path, item) if large else None
        large = path.is_file() and path.stat().st_size >= LARGE and has_lines(path)
    except (OSError, ValueError):
        return None
    if not large:
        return None
    return _stored_table(path, item, param.name, tell) if kind in TABLES else RowFile(path, item)


def _stored_table(path: Path, item: types.Type, name: str, tell: Tell) -> StoredRows | None:
    """Return the rows of a large table. None if it has to be read as a whole."""
    from ..documents.table_file import NotInLines, TableFile

    said: list[str] = []
    try:
        rows = TableFile(path, item, tell=said.append)
    except NotInLines:
        return None
    for one in said:
        tell(f"`{name}`: {one}")
    return rows
