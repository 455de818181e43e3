"""The functions of the language that read files. The readers of documents are loaded when a function is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from flowrun.dsl import types

from ..files.files import Files
from ..values.functions import FUNCTIONS, Args, TallyOf, World, kind_of
from ..values.rules import FileText
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard


def reading(files: Files, tell: Tell = unheard) -> Callable[[str, Args], Json]:
    """Make a function that calls the reading functions by name, for a flow that may read these files.

    ``tell`` gets each assumption of a reader once.
    """
    once = cache(tell)
    return lambda name, args: READERS[name](args, files, once)


def calling(files: Files, tell: Tell = unheard) -> Callable[[str, Args, TallyOf], Json]:
    """Make a function that calls all functions by name, for a flow that may read these files."""
    read = reading(files, tell)
    return lambda name, args, tally: FUNCTIONS[name].call(args, World(tally, read))


def _file(args: Args, files: Files, tell: Tell) -> Json:
    from ..documents.reading import read_document

    return read_document(files, _path(args["path"]))


def _files(args: Args, files: Files, tell: Tell) -> Json:
    from ..documents.reading import read_document

    paths = files.glob(_path(args["pattern"]))
    return [FileText(path=files.name_of(path), text=read_document(files, path)) for path in paths]


def _lines(args: Args, files: Files, tell: Tell) -> Json:
    from ..documents.typed_rows import fit_lines

    text, name = _text_of(args, files)
    return fit_lines(text, _rows_of(args, types.TEXT), name)


def _jsonl(args: Args, files: Files, tell: Tell) -> Json:
    from ..documents.rows import read_jsonl
    from ..documents.typed_rows import fit_rows

    text, name = _text_of(args, files)
    return fit_rows(read_jsonl(text, name), _rows_of(args, types.JSON), name)


def _csv(args: Args, files: Files, tell: Tell) -> Json:
    from ..documents.typed_rows import fit_table

    text, name = _text_of(args, files)
    return fit_table(text, _rows_of(args, types.JSON), name, args["path"], tell)


def _text_of(args: Args, files: Files) -> tuple[str, str]:
    """Read the text of the file that a call names. The second value is its name for messages."""
    path = _path(args["path"])
    return files.read_text(path), shown(path)


def _rows_of(args: Args, bare: types.Type) -> types.Type:
    """Return the type of a list whose items have the type in ``of``, or the type ``bare`` without that."""
    row = bare if args.get("of") is None else args["of"]
    if not isinstance(row, types.Simple | types.Range | types.Choice | types.ListOf | types.Optional | types.Record):
        raise UsageError(f"`of` takes the name of a type, and this is {kind_of(row)}")
    return types.ListOf(row)


def _path(value: Json) -> str:
    if not isinstance(value, str):
        raise UsageError(f"a path must be a text, and this is {kind_of(value)}")
    return value


READERS: dict[str, Callable[[Args, Files, Tell], Json]] = {
    "file": _file,
    "files": _files,
    "lines": _lines,
    "jsonl": _jsonl,
    "csv": _csv,
}
