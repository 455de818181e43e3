"""The inputs that a user gives by URL. Only the user's own arguments come here: the data of a flow opens no URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flowrun.dsl import types

from ..documents.paged import PAGED
from ..documents.url_rows import UrlCopy, large_rows, suffix_of
from ..files.large_text import LargeText, mark_of
from ..files.url_objects import UrlObject
from ..files.urls import is_url
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.remarks import Tell
from .row_sources import COLUMNAR, JSON_LINES

_SHEETS = (".xlsx", ".xlsm")


class Reading(NamedTuple):
    """The reading of local files, for the copies of objects.

    ``read`` reads a value from a path; ``tell`` hears of its remarks; ``narrow`` takes the files of a list that are
    wanted; ``by_row`` is True if the rows of a large file need not all be in memory.
    """

    read: Callable[[str, Tell], Json]
    tell: Tell
    narrow: Callable[[Sequence[Any]], Sequence[Any]]
    by_row: bool


def url_given(type_: types.Type, given: str) -> str:
    """Return the URL that a value on the command line names. "" if it names none, such as the text of a document."""
    written = given.removeprefix("@")
    if given.startswith("@@") or not is_url(written):
        return ""
    inner = types.unwrapped(type_)
    by_path = isinstance(inner, types.ListOf | types.Record | types.Union) or inner in (
        types.DOCUMENT,
        types.IMAGE,
        types.JSON,
    )
    return written if by_path or given.startswith("@") else ""


def read_url(type_: types.Type, url: str, reading: Reading) -> Json:
    """Read a value from the object of a URL, or from those of a folder or a pattern. Raises InputError."""
    inner = types.unwrapped(type_)
    item = types.unwrapped(inner.item) if isinstance(inner, types.ListOf) else None
    of = UrlObject(url)
    if item is not None and (item == types.IMAGE or types.plain(item) in (types.DOCUMENT, types.TEXT)):
        if _names_several(of.told):
            return _read_several(item, of, reading)
        if item == types.IMAGE:
            return [_image(of)]
    if inner == types.IMAGE:
        return _image(of)
    if types.holds_image(inner):
        raise InputError(
            f"{of.name}: rows with images name files in their own folder; download both, and give the path of the rows"
        )
    if reading.by_row and isinstance(inner, types.ListOf) and suffix_of(of.told) in (*JSON_LINES, COLUMNAR):
        rows = large_rows(of, inner.item)
        if rows is not None:
            return rows
    return _read_copy(inner, of, reading)


def _read_copy(inner: types.Type, of: UrlObject, reading: Reading) -> Json:
    suffix = suffix_of(of.told)
    if PAGED.get() and suffix == ".pdf":
        raise InputError(f"{of.name}: the pages of a PDF are read from a file; download it, and give its path")
    sheet = of.url.partition("#")[2] if suffix in _SHEETS else ""
    with UrlCopy(of) as copy:

        def named(text: str) -> str:
            return text.replace(str(copy.path), of.told)

        try:
            path = f"{copy.path}#{sheet}" if sheet else str(copy.path)
            return _marked(reading.read(path, lambda said: reading.tell(named(said))), of)
        except InputError as error:
            raise InputError(named(str(error))) from None


def _marked(value: Json, of: UrlObject) -> Json:
    """Let the long texts of a copy remember the URL in place of the path."""
    for text in value if isinstance(value, list) else [value]:
        mark = mark_of(text)
        if mark is not None and isinstance(text, LargeText):
            text._mark = mark._replace(path=of.told)
    return value


def _names_several(told: str) -> bool:
    return told.endswith("/") or any(mark in told.partition("://")[2] for mark in "*[")


def _read_several(item: types.Type, of: UrlObject, reading: Reading) -> list[Json]:
    found = of.listed()
    if item == types.IMAGE:
        from .file_lists import is_image

        found = [one for one in found if is_image(one.told)]
    if not found:
        raise InputError(f"{of.name} has no {'images' if item == types.IMAGE else 'files'}, hidden ones left aside")
    return [_image(one) if item == types.IMAGE else _single(item, one, reading) for one in reading.narrow(found)]


def _single(item: types.Type, of: UrlObject, reading: Reading) -> Json:
    """Read one document or text. Its reader takes a list of a single file."""
    if types.plain(item) == types.TEXT:
        from ..files.files import read_plain_text

        return _read_copy(item, of, reading._replace(read=lambda path, tell: read_plain_text(Path(path))))
    from ..documents.reading import read_plain_document

    return _read_copy(item, of, reading._replace(read=lambda path, tell: read_plain_document(Path(path))))


def _image(of: UrlObject) -> Json:
    from .images import MOST_KEPT, image_bytes

    size = of.facts().size
    if size is not None and size > MOST_KEPT:
        raise InputError(f"{of.name} has {size / 1024**2:.1f} MiB, and an image by URL may have 1 MiB: download it")
    return image_bytes(b"".join(of.pieces()), of.name)
