"""The store of what runs learnt of endpoints: one file of plain JSON in the user's cache, which only the user may read.

It only makes runs quicker. So no trouble with it ends a run or slows it down: a file that cannot be read counts as
empty, and a file that cannot be written is left as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from ..files.folders import cache_folder
from ..providers.records import Record
from ..vocabulary.pace import Pace
from ..vocabulary.quoting import shown
from .entries import (
    DAY,
    LONGEST,
    Book,
    CheckEntry,
    DamageError,
    ModelEntry,
    OtherVersionError,
    PaceEntry,
    read_book,
    trimmed,
)
from .private_file import ForeignFileError, locked, read, write

SWITCH = "FLOWRUN_LEARN"
"""The variable that switches the store off, with the value 0."""
NAME = "endpoints.json"
_OFF = frozenset({"0", "off", "no", "false"})


class _Loan:
    """A record that a run got. The account is a secret: it is never written or printed."""

    __slots__ = ("account", "address", "model", "record", "refused")

    def __init__(self, record: Record, address: str, account: str, model: str) -> None:
        self.record = record
        self.address = address
        self.account = account
        self.model = model
        self.refused = frozenset(record.refused)


class Store:
    """The records of all endpoints. A run reads them before its first request and saves its own at its end.

    ``tell`` takes a line for the user about a file that is not a store. ``clock`` gives the seconds since 1970.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._tell = tell
        self._clock = clock
        self._book: Book | None = None
        self.writable = True
        self._damaged = False
        self._loans: list[_Loan] = []
        self._checks: dict[str, CheckEntry] = {}

    def check(self, address: str, model: str) -> CheckEntry | None:
        """Return what the last check of a model at an address found, None if it was not checked in 90 days."""
        if self._book is None:
            self._book = self._first_read()
        return self._book.checks.get(f"{_bare(address)} {model}")

    def checks(self, address: str) -> Mapping[str, CheckEntry]:
        """Return what the last check of each model at an address found in 90 days, by the name of the model."""
        if self._book is None:
            self._book = self._first_read()
        begin = f"{_bare(address)} "
        return {name.removeprefix(begin): one for name, one in self._book.checks.items() if name.startswith(begin)}

    def keep_check(self, address: str, model: str, found: Mapping[str, str]) -> None:
        """Take what a check found. ``save`` writes it."""
        if self._book is None:
            self._book = self._first_read()
        if (place := _bare(address)) is not None and len(place) + len(model) < LONGEST:
            self._checks[f"{place} {model}"] = CheckEntry(found, int(self._clock()))

    def record(self, address: str, account: str, model: str) -> Record:
        """Return the record of a model at an address, for the account that the text ``account`` stands for."""
        if self._book is None:
            self._book = self._first_read()
        record, place = Record(), _bare(address)
        if place is None or len(place) + len(model) >= LONGEST:
            return record
        now = int(self._clock())
        if entry := self._book.models.get(f"{place} {model}"):
            record.refused.update(entry.refused)
            record.most = entry.most
        if pace := self._book.paces.get(f"{place} {fingerprint(self._book.salt, account)}"):
            record.pace = pace.aged(now)
        self._loans.append(_Loan(record, place, account, model))
        return record

    def save(self) -> None:
        """Add the lessons of the run to the file. Other processes may have written to it in the meantime."""
        if self._book is None or not self.writable or not (self._damaged or self._with_lessons(self._book)):
            return
        with suppress(OSError, ValueError), locked(self._path):
            try:
                book = self._read()
            except (ForeignFileError, OtherVersionError):
                return
            except DamageError:
                book = Book()
            book = book if book.salt else book._replace(salt=self._book.salt)
            if (whole := self._with_lessons(book)) or self._damaged:
                write(self._path, trimmed(whole or book).text())

    def _first_read(self) -> Book:
        try:
            book = self._read()
        except ForeignFileError as error:
            self.writable = False
            self._tell(f"{shown(str(self._path))} is {error}, so this run does not learn from earlier runs: remove it")
        except OtherVersionError:
            self.writable = False
        except DamageError:
            self._damaged = True
            self._tell(f"{shown(str(self._path))} is damaged: flowrun learns the limits of its endpoints anew")
        else:
            return book if book.salt else Book(os.urandom(16).hex())
        return Book(os.urandom(16).hex())

    def _read(self) -> Book:
        text = read(self._path)
        return Book() if text is None else read_book(text, int(self._clock()))

    def _with_lessons(self, book: Book) -> Book | None:
        """Return the book with the lessons of the run, None if they add nothing."""
        paces, models, now = dict(book.paces), dict(book.models), int(self._clock())
        for loan in self._loans:
            name = f"{loan.address} {loan.model}"
            if (lessons := _lessons(loan, models.get(name, ModelEntry()), now)) is not None:
                models[name] = lessons
            name = f"{loan.address} {fingerprint(book.salt, loan.account)}"
            found = loan.record.shown
            if found is not None and (pace := _paced(paces.get(name), found, now)) is not None:
                paces[name] = pace
        checks = {**book.checks, **self._checks}
        changed = (paces, models, checks) != (book.paces, book.models, book.checks)
        return Book(book.salt, paces, models, checks) if changed else None


def open_store(environ: Mapping[str, str], tell: Callable[[str], None]) -> Store | None:
    """Return the store in the cache folder. None if the user has switched it off, or if there is no such folder."""
    if environ.get(SWITCH, "").strip().lower() in _OFF:
        return None
    try:
        return Store(cache_folder(environ) / NAME, tell)
    except (RuntimeError, OSError):
        return None


def fingerprint(salt: str, account: str) -> str:
    """Return a text that tells the user's few accounts apart: 24 bits of a salted digest of the key.

    It is no secret. A provider's key has 128 random bits or more, so nobody finds it by trying, and 24 bits are too few
    to tell a guessed key from the others: of any 17 million guesses, one fits by chance. The salt makes the same key
    look different on each machine. Two keys with the same fingerprint would only share a width.
    """
    return blake2b(account.encode("utf-8", "surrogatepass"), key=salt.encode(), digest_size=3).hexdigest()


def _bare(address: str) -> str | None:
    """Return an address without user, password, query and fragment. None if the text is not an address."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or " " in address or not address.isprintable():
        return None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def _lessons(loan: _Loan, old: ModelEntry, now: int) -> ModelEntry | None:
    """Return the entry of a model with the lessons of the run. None if the run learnt nothing."""
    found, learnt = loan.record.found, loan.record.refused - loan.refused
    if not found and not learnt:
        return None
    # The date of a refusal that is known stays: after a while the part is tried once more.
    refused = {**dict.fromkeys(sorted(learnt), now), **old.refused}
    return ModelEntry(refused, found or old.most, now if found else old.date)


def _paced(old: PaceEntry | None, found: Pace, now: int) -> PaceEntry | None:
    """Return the entry of an endpoint after a run. None if the run learnt nothing."""
    told = now if found.requests is not None or found.tokens is not None else 0
    if old is None:
        return PaceEntry(found, now, told) if found.width or told else None
    aged = old.aged(now)
    newer = PaceEntry(aged.after(found)._replace(weeks=0), now if aged.shown_by(found) else old.date, told or old.told)
    # A date that is a day younger is not worth a write.
    known = newer.pace == old.pace and newer.date - old.date < DAY and newer.told - old.told < DAY
    return None if known else newer
