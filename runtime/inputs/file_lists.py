"""A list of documents or of texts, each of them a file of a folder or of a pattern."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from flowrun.dsl import types

from ..documents.rows import parse_json
from ..files.files import read_plain_text
from ..files.patterns import files_inside, fitting_files, is_pattern
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

Narrow = Callable[[Sequence[Path]], Sequence[Path]]
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_DATA = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".psv", ".xlsx", ".xlsm", ".parquet")
"""The endings of files that hold the whole list."""


_LONGEST = 4096
"""The most characters of a path (Linux, PATH_MAX)."""


class NoFilesError(InputError):
    """A folder or a pattern has no files. For an optional list that is the empty list."""


def takes_files(type_: types.Type) -> bool:
    """Tell whether a value of this type may be a folder or a pattern."""
    return _item_of(type_) is not None


def matches_files(given: str) -> bool:
    """Tell whether a text that may be JSON is a pattern with files, such as ``[ab]*.md``."""
    if "\n" in given or len(given) > _LONGEST:
        return False
    try:
        parse_json(given)
    except ValueError:
        with suppress(InputError):
            return is_pattern(given) and bool(fitting_files(given))
    return False


def listed_files(type_: types.Type, given: str) -> list[Path] | None:
    """Return the files that a value names for a list of documents, images or texts. None if the value is no such list.

    The files of a folder and those of a pattern are sorted by their paths, character by character, and hidden ones are
    left out, as by ``files`` of the language. A single document is a list of one. Raises InputError.
    """
    item = _item_of(type_)
    if item is None or not given:
        return None
    if os.path.isdir(given):
        found = files_inside(Path(given))
        if item == types.IMAGE:
            found = [one for one in found if is_image(one.name)]
        if not found:
            what = "images" if item == types.IMAGE else "files"
            raise NoFilesError(f"the folder {shown(given)} has no {what}, hidden files and folders left aside")
        return found
    if is_pattern(given):
        found = [Path(name) for name in fitting_files(given)]
        if not found:
            way = "; write texts themselves as JSON, as in '[\"…\"]'" if types.plain(item) == types.TEXT else ""
            raise NoFilesError(f"no file matches the pattern {shown(given)}{way}")
        return found
    if item == types.IMAGE and is_image(given) and os.path.isfile(given):
        return [Path(given)]
    if item == types.DOCUMENT and _is_document(given):
        return [Path(given)]
    return None


def read_files(type_: types.Type, paths: Sequence[Path]) -> list[Json]:
    """Read the files of ``listed_files``. Raises InputError, which names the file that cannot be read."""
    item = _item_of(type_)
    if item is not None and types.plain(item) == types.TEXT:
        return [read_plain_text(path) for path in paths]
    if item == types.IMAGE:
        from ..files.images import read_image  # few flows take images

        return [read_image(path) for path in paths]
    # The readers are loaded only when there is a file to read.
    from ..documents.reading import read_plain_document

    return [read_plain_document(path) for path in paths]


def is_image(path: str) -> bool:
    """Tell whether the ending of a path is that of an image."""
    return path.lower().endswith(_IMAGES)


def _item_of(type_: types.Type) -> types.Type | None:
    inner = types.unwrapped(type_)
    item = types.unwrapped(inner.item) if isinstance(inner, types.ListOf) else None
    return item if item is not None and types.plain(item) in (types.DOCUMENT, types.TEXT, types.IMAGE) else None


def _is_document(path: str) -> bool:
    """Tell whether a file is one document, and no file with data of several."""
    from ..documents.reading import READERS

    suffix = os.path.splitext(path)[1].lower()
    return bool(suffix) and suffix not in _DATA and suffix in READERS and os.path.isfile(path)
