"""The inputs of a flow, from its command line or from Python.

A file that the user names in a command may be anywhere. The limits for files that a flow reads do not apply to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from flowrun.dsl import plan, types

from ..documents.fitting import Problems, fit, from_text
from ..documents.lengths import misses
from ..documents.rows import parse_json, read_json
from ..files.decoding import BOM
from ..files.files import Files, read_plain_text
from ..files.patterns import is_pattern
from ..files.urls import url_place
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .cuts import Cut
from .file_lists import Narrow, NoFilesError, is_image, listed_files, matches_files, read_files, takes_files
from .row_sources import rows_of_file, rows_of_text, rows_of_workbook, workbook

Stdin = Callable[[], str]
_STDIN = "standard input"


def read_input(
    param: plan.Param,
    given: str,
    stdin: Stdin,
    files: Files | None = None,
    *,
    by_row: bool = False,
    tell: Tell = unheard,
    cut: Cut | None = None,
    urls: bool = False,
) -> Json:
    """Read the value of a parameter from the text on the command line.

    ``@path`` stands for the file's content, ``-`` for standard input, and ``@@text`` for a text that begins with @. For
    a document the text is a path. For a list, a record or json it is the path of a .jsonl, .json or .csv file, or JSON
    that begins with [ or {. A list of documents or texts may be a folder or a pattern. Paths are relative to the
    current folder; ``files`` only helps to tell where a missing file may be. If ``by_row`` is True, the rows of a large
    file need not all be in memory. ``tell`` gets the remarks of a reader. ``cut`` takes the first elements of a list.
    If ``urls`` is True, a URL may stand for a path. The value has the type of the parameter. Raises InputError.
    """
    try:
        narrow: Narrow = (lambda paths: paths) if cut is None else cut
        source = _Source(lambda: _all(stdin), files, lambda said: tell(f"`{param.name}`: {said}"), narrow)
        value: Json = _by_url(param.type, given, source, by_row) if urls and "://" in given else None
        if value is None and by_row:
            from .large_rows import stored_rows

            value = stored_rows(param, given, tell)
        if value is None:
            value = _read(param.type, given, source)
        if not isinstance(value, Sequence) or isinstance(value, str):
            return value
        taken = value if cut is None else cut(value)
        if said := misses(types.unwrapped(param.type), taken):
            raise InputError(said)
        return taken
    except InputError as error:
        raise InputError(f"`{param.name}`: {error}") from None


def _by_url(type_: types.Type, given: str, source: _Source, by_row: bool) -> Json:
    """Return the value of a URL. None if the text is no URL, or the text itself is the value. Raises InputError."""
    from .url_inputs import Reading, read_url, url_given

    url = url_given(type_, given)
    if not url:
        return None

    read = lambda path, tell: _read(type_, f"@{path}", source._replace(tell=tell))  # noqa: E731
    return read_url(type_, url, Reading(read, source.tell, source.narrow, by_row))


def files_given(param: plan.Param, given: str) -> list[Path | int]:
    """Return the files that ``read_input`` reads for a parameter: their paths, and 0 for standard input."""
    inner = types.unwrapped(param.type)
    if given == "-":
        return [0]
    if "://" in given:
        from .url_inputs import url_given

        if url := url_given(param.type, given):
            return [url_place(url)]
    if given.startswith("@") and not given.startswith("@@"):
        return [Path(given[1:])]
    by_path = isinstance(inner, types.ListOf | types.Record | types.Union) or inner in (
        types.DOCUMENT,
        types.IMAGE,
        types.JSON,
    )
    if not by_path or "\n" in given:
        return []
    with suppress(InputError):
        if (several := listed_files(inner, given)) is not None:
            return [*several]
    book = workbook(given)
    # A value may be longer than any path.
    path = book.path if book else given
    return [Path(path)] if os.path.isfile(path) else []


def check_value(value: Any, type_: types.Type, where: str, tell: Tell = unheard) -> Json:
    """Check a value against its type, and return it as plain JSON data. ``where`` names the value in messages.

    If the value is a ``Path``, its file is read: documents and texts as such, other types like the files that a command
    takes. Raises InputError with the first problems.
    """
    inner = types.unwrapped(type_)
    if isinstance(value, Path) and inner not in (types.TEXT, types.DOCUMENT, types.IMAGE):
        try:
            return _from_path(value, type_, lambda said: tell(f"{where}: {said}"), lambda paths: paths)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    problems = Problems()
    fitted = fit(value, type_, (), problems)
    problems.stop(where)
    return fitted


class _Source(NamedTuple):
    """The places from which the value of a parameter may come, and the hearer of remarks.

    ``narrow`` gets the files of a list before they are read, and returns those that are wanted.
    """

    stdin: Stdin
    files: Files | None
    tell: Tell
    narrow: Narrow


def _read(type_: types.Type, given: str, source: _Source) -> Json:
    inner = types.unwrapped(type_)
    if inner == types.MODEL:
        return _checked(given, inner)
    if types.plain(inner) == types.TEXT:
        return _checked(_content(given, source), type_)
    if not given.strip() and isinstance(type_, types.Optional):
        return None
    if inner == types.IMAGE:
        return _image(given, source)
    if inner == types.DOCUMENT:
        if given == "-":
            return _checked(source.stdin(), inner)
        # The readers are loaded only when there is a file to read.
        from ..documents.reading import read_plain_document

        return _checked(read_plain_document(_existing(given.removeprefix("@"), source.files)), inner)
    if isinstance(inner, types.ListOf | types.Record | types.Union) or inner == types.JSON:
        if types.holds_image(inner):
            return _with_images(type_, given, source)
        value = _structured(type_, given, source)
        # The readers of rows leave json as it is.
        return _checked(value, inner) if inner in (types.JSON, types.ListOf(types.JSON)) else value
    return _checked(from_text(_content(given, source).strip(), type_), type_)


def _image(given: str, source: _Source) -> Json:
    """Read the image that a path names."""
    from .images import image_file

    if given == "-":
        raise InputError("an image does not come from standard input: give the path of its file")
    return image_file(_existing(given.removeprefix("@"), source.files))


def _all(stdin: Stdin) -> str:
    try:
        text = stdin()
    except UnicodeDecodeError as error:
        raise InputError(f"{_STDIN} is not text in UTF-8: byte {error.start} is not part of a character") from None
    if "\0" in text:
        raise InputError(f"{_STDIN} is not text: it has a zero byte, as binary files do")
    return text.lstrip(BOM)


def _content(given: str, source: _Source) -> str:
    if given == "-":
        return source.stdin()
    if given.startswith("@@"):
        return given[1:]
    if given.startswith("@"):
        return read_plain_text(_existing(given[1:], source.files, "; for a text that begins with @, write @@"))
    return given


def _existing(given: str, files: Files | None, hint: str = "") -> Path:
    """Return the path of a file. If the file does not exist, raise InputError with a hint where it could be."""
    if not given:
        raise InputError(f"the path is missing{hint}")
    if not os.path.exists(given):
        if files and os.path.exists(files.folder / given):
            raise InputError(
                f"there is no file {shown(given)} in the current folder, but the flow's folder has it: "
                f"{shown(str(files.folder / given))}"
            )
        if "\n" in given or len(given) > 200:
            raise InputError(
                f"this value must be a path, and it looks like the text itself: send a text through `-`{hint}"
            )
        try:
            read_plain_text(Path(given))
        except InputError as error:
            raise InputError(f"{error}{hint}") from None
    return Path(given)


def _checked(value: Json, type_: types.Type) -> Json:
    problems = Problems()
    fitted = fit(value, type_, (), problems)
    if problems.count:
        raise InputError(problems.told[0])
    return fitted


def _structured(type_: types.Type, given: str, source: _Source) -> Json:
    whole, type_ = type_, types.unwrapped(type_)
    if given == "-":
        return rows_of_text(source.stdin(), type_, _STDIN, source.tell)
    if given.lstrip()[:1] in ("[", "{") and not (takes_files(type_) and matches_files(given)):
        return check_value(read_json(given, "the value"), type_, "the value")
    if type_ == types.JSON and not given.startswith("@") and not os.path.exists(given):
        try:
            return parse_json(given)
        except ValueError:
            if not os.path.splitext(given)[1]:
                raise InputError(f"{shown(given)} is neither a file nor JSON; put quotes around a text") from None
    written = given.removeprefix("@")
    if book := workbook(written):
        _existing(book.path, source.files)
        return rows_of_workbook(book, type_, source.tell)
    path = Path(written) if takes_files(type_) and is_pattern(written) else _existing(written, source.files)
    return _from_path(path, whole, source.tell, source.narrow)


def _with_images(type_: types.Type, given: str, source: _Source) -> Json:
    """Read a value with images. A row names the path of its image, from the folder of the rows."""
    from .images import placed

    inner = types.unwrapped(type_)
    written = given.removeprefix("@")
    typed = given.lstrip()[:1] in ("[", "{") and not (takes_files(inner) and matches_files(given))
    if not typed and takes_files(inner) and (is_pattern(written) or os.path.isdir(written) or is_image(written)):
        return _checked(_from_path(Path(written), type_, source.tell, source.narrow), inner)
    value = _structured(types.as_paths(type_), given, source)
    return _checked(placed(value, inner, None if typed or given == "-" else Path(written).absolute().parent), inner)


def _inner(type_: types.Type) -> types.Type:
    """Return the type of the elements of a list; of any other type, the type itself."""
    return types.unwrapped(type_.item) if isinstance(type_, types.ListOf) else type_


def _from_path(path: Path, type_: types.Type, tell: Tell, narrow: Narrow) -> Json:
    try:
        several = listed_files(type_, str(path))
    except NoFilesError:
        if isinstance(type_, types.Optional):
            return []
        raise
    type_ = types.unwrapped(type_)
    if several is not None:
        read: Json = read_files(type_, narrow(several))
        return _checked(read, type_) if isinstance(_inner(type_), types.SizedText) else read
    return rows_of_file(path, type_, tell)
