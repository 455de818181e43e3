"""The functions of the language that read files. A function loads the readers of documents when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from flowrun.dsl import kind_of, types

from ..files.files import Files
from ..values.functions import FUNCTIONS, Args, World
from ..values.rules import FileText
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard

Read = str | Iterable[Json]
"""The value of a read: a text, or the items of a list one by one."""


def reading(files: Files, tell: Tell = unheard) -> Callable[[str, Args], Json]:
    """Make a function that calls the reading functions by name, for a flow that may read these files.

    ``tell`` gets each remark of a reader, about an assumption that it made. It gets equal remarks once.
    """
    once = cache(tell)
    return lambda name, args: whole(read(name, args, files, once))


def read(function: str, args: Args, files: Files, tell: Tell) -> Read:
    """Do a read. Return a text, or the items of a list one by one. Raises UsageError, also while items are taken."""
    if function in READERS:
        return READERS[function](args, files, tell)
    pieces: list[Json] = FUNCTIONS[function].call(args, World(lambda name: None))
    return pieces


def whole(value: Read) -> Json:
    """Make a list of the items of a read. A text stays as it is."""
    return value if isinstance(value, str) else list(value)


def _file(args: Args, files: Files, tell: Tell) -> Read:
    from ..documents.reading import read_document

    return read_document(files, _path(args["path"]))


def _files(args: Args, files: Files, tell: Tell) -> Iterator[Json]:
    from ..documents.reading import read_document

    for path in files.glob(_path(args["pattern"])):
        yield FileText(path=files.name_of(path), text=read_document(files, path))


def _lines(args: Args, files: Files, tell: Tell) -> Read:
    from ..documents.typed_rows import fit_each, line_rows

    text, name = _text_of(args, files)
    return fit_each(line_rows(text), _row_of(args, types.TEXT), name, cells=True)


def _jsonl(args: Args, files: Files, tell: Tell) -> Read:
    from ..documents.rows import open_jsonl
    from ..documents.typed_rows import fit_each

    text, name = _text_of(args, files)
    return fit_each(open_jsonl(text, name), _row_of(args, types.JSON), name)


def _csv(args: Args, files: Files, tell: Tell) -> Read:
    from ..documents.typed_rows import fit_each, table_rows

    text, name = _text_of(args, files)
    row = _row_of(args, types.JSON)
    return fit_each(table_rows(text, row, name, args["path"], tell), row, name, cells=True)


def _pages(args: Args, files: Files, tell: Tell) -> Read:
    from ..documents.page_images import pages_of

    return pages_of(args["document"])


def _text_of(args: Args, files: Files) -> tuple[str, str]:
    """Read the text of the file that a call names. The second value is its name for messages."""
    path = _path(args["path"])
    return files.read_text(path), shown(path)


def _row_of(args: Args, bare: types.Type) -> types.Type:
    """Return the type that the argument ``of`` gives to an item of the list, or ``bare`` without the argument."""
    row = bare if args.get("of") is None else args["of"]
    if not isinstance(
        row, types.Simple | types.Range | types.Choice | types.ListOf | types.Optional | types.Record | types.Union
    ):
        raise UsageError(f"`of` takes the name of a type, and this is {kind_of(row)}")
    return row


def _path(value: Json) -> str:
    if not isinstance(value, str):
        raise UsageError(f"a path must be a text, and this is {kind_of(value)}")
    return value


READERS: dict[str, Callable[[Args, Files, Tell], Read]] = {
    "file": _file,
    "files": _files,
    "lines": _lines,
    "jsonl": _jsonl,
    "csv": _csv,
    "pages": _pages,
}
