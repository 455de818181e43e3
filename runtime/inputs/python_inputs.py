"""The check of inputs from Python, where a text is easily mistaken for a file, and a file for a text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import plan, types

from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell

_LONGEST_PATH = 4096


def names_a_file(value: Any) -> bool:
    """Tell whether a value from Python is or contains a ``Path``, whose file is read."""
    if isinstance(value, (list, tuple)):
        return any(map(names_a_file, value))
    if isinstance(value, Mapping):
        return any(map(names_a_file, value.values()))
    return isinstance(value, Path)


def check_texts(params: Iterable[plan.Param], given: Mapping[str, Any], folder: Path, tell: Tell) -> None:
    """Raise InputError if a text for a document is the path of a file.

    The caller probably meant the content of the file.

    If the path leads to a file only from the flow's ``folder``, ``tell`` gets a remark instead, because the caller
    probably does not work in that folder.
    """
    for param in params:
        for text in _document_texts(given.get(param.name), param.type):
            if _is_path(text):
                raise InputError(
                    f"`{param.name}`: the text {shown(text)} is the path of a file, but flowrun would send it "
                    "as a text; "
                    f"from Python `pathlib.Path({text[:80]!r})` gives the content of the file; to send the text "
                    "itself, end it with a line break"
                )
            if _is_path(text, folder):
                tell(
                    f"`{param.name}`: {shown(text)} is sent as a text; for the content of the file in the "
                    "flow's folder write "
                    f"`pathlib.Path({str(folder / text)!r})`"
                )


def _document_texts(value: Any, type_: types.Type) -> Iterator[str]:
    match types.unwrapped(type_):
        case types.Simple("document") if isinstance(value, str):
            yield value
        case types.ListOf(item) if isinstance(value, (list, tuple)) and _has_documents(item):
            for one in value:
                yield from _document_texts(one, item)
        case types.Union(tag=tag) as union if isinstance(value, Mapping):
            if (member := union.member(value.get(tag))) is not None:
                yield from _document_texts(value, member)
        case types.Record(fields) if isinstance(value, Mapping):
            for field in fields:
                yield from _document_texts(value.get(field.name), field.type)


def _has_documents(type_: types.Type) -> bool:
    inner = types.unwrapped(type_)
    if isinstance(inner, types.ListOf):
        return _has_documents(inner.item)
    if isinstance(inner, types.Union):
        return any(map(_has_documents, inner.members))
    if isinstance(inner, types.Record):
        return any(_has_documents(field.type) for field in inner.fields)
    return inner == types.DOCUMENT


def _is_path(text: str, folder: Path = Path()) -> bool:
    if not text.strip() or len(text) > _LONGEST_PATH or "\n" in text:
        return False
    try:
        return os.path.isfile(folder / text)
    except ValueError:
        return False
