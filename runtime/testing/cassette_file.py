"""The reading of a cassette: each line is checked, and a fault is told with its line."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowrun.runtime.files.files import read_plain
from flowrun.runtime.journal.row_usage import COUNTS, FIELDS, usage_in
from flowrun.runtime.vocabulary.errors import InputError, UsageError
from flowrun.runtime.vocabulary.quoting import shown

from .cassette import ENDS, VERSION, Cassette, Line


def load_cassette(path: str | os.PathLike[str]) -> Cassette:
    """Read the file of a cassette. Raises InputError."""
    return read_cassette(read_plain(Path(path)), shown(os.fspath(path)))


_WAY_OUT = "restore the file, or delete it and record it again"


def read_cassette(text: str, name: str) -> Cassette:
    """Read the text of a cassette. ``name`` is that of the file, for messages. Raises InputError."""
    rows = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    head = _first(rows, name)
    if head.get("flowrun") != "cassette" or not isinstance(head.get("flow"), str):
        raise InputError(f'{name} is no cassette: its first line is not {{"flowrun": "cassette", …}}; {_WAY_OUT}')
    if head.get("version") != VERSION:
        raise InputError(
            f"{name} has the version {shown(str(head.get('version')))}, and this flowrun reads version {VERSION}: "
            "take a later flowrun, or delete the file and record it again"
        )
    cassette = Cassette(head["flow"])
    for number, line in rows[1:]:
        try:
            one = _line(_row(line))
            if (one.chain, one.again, one.model) in cassette.lines:
                raise InputError("it answers the same call as an earlier line")
            cassette.add(one)
        except (InputError, UsageError) as error:
            raise InputError(f"{name}:{number}: {error}; {_WAY_OUT}") from None
    _must_be_whole(cassette, name)
    return cassette


def _must_be_whole(cassette: Cassette, name: str) -> None:
    known = {(chain, again) for chain, again, _ in cassette.lines}
    for chain, again in known:
        if again and (chain, again - 1) not in known:
            raise InputError(f"{name}: `{chain[0]}` has the answer {again} and lacks the one before it; {_WAY_OUT}")


def _first(rows: Sequence[tuple[int, str]], name: str) -> Mapping[str, Any]:
    if not rows:
        return {}
    number, line = rows[0]
    try:
        return _row(line)
    except InputError as error:
        raise InputError(f"{name}:{number}: {error}; {_WAY_OUT}") from None


def _row(line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError("this line is not JSON") from None
    if not isinstance(row, dict):
        raise InputError("this line is not a record")
    return row


def _line(row: Mapping[str, Any]) -> Line:
    usage = _have(row, "usage", dict)
    finish = _have(row, "finish", str)
    if finish not in ENDS:
        raise InputError(f"`finish` is {shown(finish)}, and must be one of {', '.join(ENDS)}")
    messages = _have(row, "messages", list)
    if not all(isinstance(one, dict) and isinstance(one.get("text"), str) for one in messages):
        raise InputError("`messages` must be records with `role` and `text`")
    answer = row.get("answer")
    if not isinstance(answer, str) and (answer is not None or finish not in ENDS[-2:]):
        raise InputError("`answer` must be a text")
    return Line(
        _have(row, "path", str),
        _count(row, "sample"),
        _count(row, "again"),
        _have(row, "key", str),
        _have(row, "model", str),
        tuple((str(one.get("role", "user")), one["text"]) for one in messages),
        answer,
        finish,
        usage_in({name: _tokens(usage, name) if name in COUNTS else usage.get(name) for name in FIELDS}),
        str(row.get("error") or ""),
        _count(row, "order") if "order" in row else 0,
        _have(row, "options", dict) if "options" in row else {},
    )


_KINDS: Mapping[str, str] = {"str": "a text", "list": "a list", "dict": "a record"}


def _have(row: Mapping[str, Any], name: str, kind: type) -> Any:
    value = row.get(name)
    if not isinstance(value, kind):
        raise InputError(f"`{name}` must be {_KINDS[kind.__name__]}")
    return value


def _count(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"`{name}` must be a number from 0 upwards")
    return value


def _tokens(usage: Mapping[str, Any], name: str) -> int | None:
    return None if usage.get(name) is None else _count(usage, name)
