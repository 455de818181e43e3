"""The address of a journal in a PostgreSQL database. It stands where the path of a journal's file stands elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PosixPath
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from ..files.urls import plain_url
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown

SCHEMES = ("postgresql://", "postgres://")
_SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
_MASK = "***"


class JournalAddress(PosixPath):
    """The URL of a database. As text, it has no password. ``secrets`` are the texts that no message may show.

    It is a path for its readers: they print it and hand it on, and no file has its name.
    """

    url: str = ""
    secrets: tuple[str, ...] = ()
    _text: str = ""

    def __new__(cls, url: str) -> JournalAddress:
        """Raises UsageError, if the URL cannot be read."""
        url = plain_url(url)
        text, secrets = _printed(url)
        made = super().__new__(cls, text)
        made.url, made.secrets, made._text = url, secrets, text
        return made

    def __init__(self, url: str) -> None:
        if sys.version_info >= (3, 12):
            super().__init__(_printed(plain_url(url))[0])

    def __str__(self) -> str:
        return self._text or super().__str__()

    def __fspath__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"JournalAddress({str(self)!r})"

    def __reduce__(self) -> tuple[type[JournalAddress], tuple[str]]:
        return JournalAddress, (self.url,)

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Return True: only the database knows, and it is asked when the journal is opened."""
        return True

    def without_secrets(self, text: str) -> str:
        """Return a text of the server or the driver without the passwords of this address."""
        for secret in self.secrets:
            text = text.replace(secret, _MASK)
        return text


def is_address(named: str | os.PathLike[str]) -> bool:
    return isinstance(named, JournalAddress) or (isinstance(named, str) and plain_url(named).startswith(SCHEMES))


def place_of(named: str | os.PathLike[str]) -> Path:
    """Return the place of a journal: the address of a database, or the path of a file. Raises UsageError, DiskError."""
    if isinstance(named, JournalAddress):
        return named
    if isinstance(named, str) and is_address(named):
        return JournalAddress(named)
    if os.path.isdir(named):
        raise DiskError(f"the journal {shown(os.fspath(named))} is a folder: give the name of a file in it")
    return Path(named)


def _printed(url: str) -> tuple[str, tuple[str, ...]]:
    """Return a URL without its passwords, and the passwords."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _unreadable() from None
    if not url.startswith(SCHEMES) or parts.fragment or "\0" in url or any(one.isspace() for one in url):
        raise _unreadable()
    _check_ports(parts)
    user, at, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    secrets = [password, unquote(password), *(value for key, value in options if key in _SECRETS)]
    left = [(key, value) for key, value in options if key not in _SECRETS]
    query = f"?{urlencode(left, safe='/:,')}" if left else ""
    found = dict.fromkeys(one for one in secrets if one)
    return f"postgresql://{name}{at}{place}{parts.path}{query}", tuple(sorted(found, key=len, reverse=True))


def _check_ports(parts: SplitResult) -> None:
    # A URL of PostgreSQL may have several hosts, each with a port.
    for host in parts.netloc.rpartition("@")[2].split(","):
        port = host.rpartition("]")[2].partition(":")[2]
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            raise UsageError(f"--journal names the port {shown(port)}, and a port is a number from 1 to 65535")


def _unreadable() -> UsageError:
    # The URL itself may have a password, so it is not shown.
    return UsageError(
        "the URL of the journal cannot be read: write postgresql://USER@HOST:PORT/DATABASE, with %-codes for special "
        "characters in names"
    )
