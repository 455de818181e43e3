"""URLs that a user gives in place of paths, such as ``s3://bucket/rows.jsonl``. This module opens none of them."""

from __future__ import annotations

from pathlib import Path

from flowrun.dsl import pattern

_URL = pattern(r"([A-Za-z][A-Za-z0-9+.-]+)://(?=\S)")
_PLACE = pattern(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")
_ACCESS = pattern(r"(?<=://)[^/?#]*@")
_LONGEST = 4096


class Url(str):
    """A URL that a program gives as an input, such as ``Url("s3://bucket/rows.jsonl")``. A plain text stays a text."""

    __slots__ = ()


def is_url(text: str) -> bool:
    """Tell whether a text is a URL and nothing else. ``C:\\`` is none."""
    return "://" in text and len(text) <= _LONGEST and "\n" not in text and _URL.match(text) is not None


def protocol_of(url: str) -> str:
    """Return the protocol of a URL, such as ``s3``."""
    return url.partition("://")[0].lower()


def plain_url(url: str) -> str:
    """Return a URL with its protocol in small letters, which is the same URL (RFC 3986, 3.1)."""
    protocol, slashes, rest = url.partition("://")
    return f"{protocol.lower()}{slashes}{rest}" if slashes else url


def told_url(url: str) -> str:
    """Return a URL for messages and records: without a user, a password, a query and a fragment, which may be secret.

    A question mark counts as the start of a query in every protocol.
    """
    return _ACCESS.sub("", plain_url(url).partition("?")[0].partition("#")[0], count=1)


def url_place(url: str) -> Path:
    """Return the path that stands for a URL among the files of a run. It is compared, and never opened."""
    return Path(told_url(url))


def recorded_place(path: Path, absolute: str) -> str:
    """Return a path as a record keeps it: ``absolute``, or the path itself if it stands for a URL."""
    return str(path) if _PLACE.match(str(path)) else absolute
