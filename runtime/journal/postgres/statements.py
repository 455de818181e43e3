"""SQLite's statements of the readers of a journal, in the words of PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

_EACH = "IN (SELECT value FROM json_each(?))"
_WORDS = (
    ("ifnull(", "coalesce("),
    ("|| char(1114111)", "|| chr(1114111)"),
    ("key BLOB PRIMARY KEY) WITHOUT ROWID", "key bytea PRIMARY KEY)"),
    (f"hex(key) {_EACH}", "key = ANY(?)"),
    (_EACH, "= ANY(?)"),
)
_UP_TO = "number <= ?"


class Statement(NamedTuple):
    """A statement for PostgreSQL. ``keys`` and ``texts`` are the places of values that are lists as JSON text.

    ``many``: it may find very many rows, which come in parts.
    """

    text: str
    keys: tuple[int, ...] = ()
    texts: tuple[int, ...] = ()
    many: bool = False

    def values(self, given: Iterable[Any]) -> list[Any]:
        """Return values in the form that the driver takes."""
        found = [_plain(one) for one in given]
        for at in self.keys:
            found[at] = [bytes.fromhex(one) for one in json.loads(found[at])]
        for at in self.texts:
            found[at] = [_plain(one) for one in json.loads(found[at])]
        return found


@cache
def translated(sql: str) -> Statement:
    """Return the statement of PostgreSQL for a statement of SQLite's."""
    lists = [(at, one.endswith("hex(key) ")) for at, one in _lists(sql)]
    many = "ORDER BY number" in sql and _UP_TO not in sql
    for old, new in _WORDS:
        sql = sql.replace(old, new)
    keys, texts = (tuple(at for at, is_key in lists if is_key is wanted) for wanted in (True, False))
    return Statement(sql.replace("%", "%%").replace("?", "%s"), keys, texts, many)


def _lists(sql: str) -> Iterable[tuple[int, str]]:
    """Yield the places of the values that are lists, and the text before each."""
    before = 0
    *parts, _ = sql.split(_EACH)
    for part in parts:
        before += part.count("?")
        yield before, part
        before += 1


def _plain(value: Any) -> Any:
    """Return a text without the characters that PostgreSQL cannot hold. No row has them either."""
    return plain(value) if isinstance(value, str) else value


def plain(text: str) -> str:
    """Return a text whose zero characters and halves of characters are replaced."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
