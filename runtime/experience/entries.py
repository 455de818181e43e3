"""The content of the store, as JSON. Whatever the text holds, only entries of sane types and sizes are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from ..vocabulary.pace import WIDEST, Pace

VERSION = 1
DAY = 86400
WEEK = 7 * DAY
OLDEST = 90 * DAY
"""The age in seconds at which an entry is dropped."""
MOST = 64
"""The most entries of a kind. The newest stay."""
_MOST_PARTS = 64
_MOST_SAMPLES = 1024
LONGEST = 1024
"""The characters that the name of an entry may have."""
_GREATEST = 10**15
_LONGEST_PART = 40
_HEX = frozenset("0123456789abcdef")

T = TypeVar("T")


class DamageError(ValueError):
    """The text is not a store."""


class OtherVersionError(ValueError):
    """The text is the store of another version of flowrun."""


class PaceEntry(NamedTuple):
    """The pace of an account at an address. ``date`` is that of the width, ``told`` that of the reported limits."""

    pace: Pace
    date: int
    told: int = 0

    def aged(self, now: int) -> Pace:
        """Return the pace with its age. Reported limits of more than a week ago are left out."""
        fresh = now - self.told < WEEK
        requests, tokens = (self.pace.requests, self.pace.tokens) if fresh else (None, None)
        return self.pace._replace(requests=requests, tokens=tokens, weeks=max(0, now - self.date) // WEEK)


class ModelEntry(NamedTuple):
    """The lessons about a model at an address, each with its date. ``most`` is the greatest number of samples."""

    refused: Mapping[str, int] = MappingProxyType({})
    most: int = 0
    date: int = 0

    @property
    def newest(self) -> int:
        return max((self.date, *self.refused.values()))


class CheckEntry(NamedTuple):
    """The findings of a check about a model at an address, by part of a request, and its date."""

    found: Mapping[str, str] = MappingProxyType({})
    date: int = 0


class Book(NamedTuple):
    """All entries, by texts such as ``address fingerprint`` and ``address model``.

    The salt is for the fingerprints; "" for a book that no file held yet.
    """

    salt: str = ""
    paces: Mapping[str, PaceEntry] = MappingProxyType({})
    models: Mapping[str, ModelEntry] = MappingProxyType({})
    checks: Mapping[str, CheckEntry] = MappingProxyType({})

    def text(self) -> str:
        data = {
            "version": VERSION,
            "salt": self.salt,
            "endpoints": {name: _pace_data(entry) for name, entry in self.paces.items()},
            "models": {name: _model_data(entry) for name, entry in self.models.items()},
        }
        if self.checks:
            data["checks"] = {name: {**entry._asdict()} for name, entry in self.checks.items()}
        return json.dumps(data, indent=1, ensure_ascii=True) + "\n"


def read_book(text: str, now: int) -> Book:
    """Read a book, without entries that are damaged, too old, or dated in the future.

    Raises: DamageError, OtherVersionError.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise DamageError("no JSON") from None
    if not isinstance(data, dict):
        raise DamageError("no object")
    version = data.get("version")
    if type(version) is int and version > VERSION:
        raise OtherVersionError(str(version))
    salt = data.get("salt")
    if (
        type(version) is not int
        or version != VERSION
        or not isinstance(salt, str)
        or len(salt) != 32
        or not _HEX.issuperset(salt)
    ):
        raise DamageError("no version or no salt")
    paces, models = _entries(data.get("endpoints"), _pace, now), _entries(data.get("models"), _model, now)
    return Book(salt, paces, models, _entries(data.get("checks"), _check, now))


def trimmed(book: Book) -> Book:
    """Return the book with the newest entries only, as many as it may hold."""
    paces = _newest(book.paces, lambda entry: max(entry.date, entry.told))
    models = _newest(book.models, lambda entry: entry.newest)
    return Book(book.salt, paces, models, _newest(book.checks, lambda entry: entry.date))


def _newest(entries: Mapping[str, T], date: Callable[[T], int]) -> dict[str, T]:
    kept = sorted(entries, key=lambda name: date(entries[name]), reverse=True)[:MOST]
    return {name: entries[name] for name in entries if name in set(kept)}


def _entries(data: object, read: Callable[[dict[str, Any], int], T | None], now: int) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, value in _items(data, MOST):
        entry = read(value, now) if isinstance(value, dict) and len(name) <= LONGEST else None
        if entry is not None:
            found[name] = entry
    return found


def _pace(data: dict[str, Any], now: int) -> PaceEntry | None:
    date, told = (_dated(data.get(name), now, OLDEST) for name in ("date", "told"))
    width = _count(data.get("width"), WIDEST) if date else None
    requests, tokens = (_count(data.get(name), _GREATEST) if told else None for name in ("requests", "tokens"))
    if width is None and requests is None and tokens is None:
        return None
    rising = bool(width) and data.get("rising") is True
    return PaceEntry(Pace(width or 0, data.get("refused") is True, requests, tokens, rising=rising), date, told)


def _model(data: dict[str, Any], now: int) -> ModelEntry | None:
    refused = {
        part: date
        for part, value in _items(data.get("refused"), _MOST_PARTS)
        if _is_part(part) and (date := _dated(value, now, WEEK))
    }
    date = _dated(data.get("date"), now, WEEK)
    most = (_count(data.get("samples"), _MOST_SAMPLES) if date else None) or 0
    return ModelEntry(refused, most, date if most else 0) if refused or most else None


def _check(data: dict[str, Any], now: int) -> CheckEntry | None:
    found = {
        part: what
        for part, what in _items(data.get("found"), _MOST_PARTS)
        if _is_part(part) and isinstance(what, str) and what.isalpha() and len(what) <= _LONGEST_PART
    }
    date = _dated(data.get("date"), now, OLDEST)
    return CheckEntry(found, date) if found and date else None


def _is_part(text: str) -> bool:
    name, colon, digest = text.partition(":")
    return (
        len(text) <= _LONGEST_PART and name.isidentifier() and bool(digest) == bool(colon) and _HEX.issuperset(digest)
    )


def _items(data: object, most: int) -> Iterable[tuple[str, object]]:
    return list(data.items())[:most] if isinstance(data, dict) else ()


def _dated(value: object, now: int, oldest: int) -> int:
    """Return a date. 0 if the value is no date, if it is too old, or if it is more than a day in the future."""
    return value if type(value) is int and now - oldest < value < now + DAY else 0


def _count(value: object, most: int) -> int | None:
    return min(value, most) if type(value) is int and value > 0 else None


def _pace_data(entry: PaceEntry) -> dict[str, Any]:
    pace = entry.pace
    data: dict[str, Any] = {"width": pace.width, "refused": pace.refused, "date": entry.date} if pace.width else {}
    if pace.rising and data:
        data["rising"] = True
    rates = {name: value for name, value in (("requests", pace.requests), ("tokens", pace.tokens)) if value}
    return data | (rates | {"told": entry.told} if rates else {})


def _model_data(entry: ModelEntry) -> dict[str, Any]:
    data: dict[str, Any] = {"refused": dict(list(entry.refused.items())[-_MOST_PARTS:])} if entry.refused else {}
    return data | ({"samples": entry.most, "date": entry.date} if entry.most else {})
