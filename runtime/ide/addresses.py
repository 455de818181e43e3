"""The addresses of documents: `file:` for paths, and others for texts without a file."""

from __future__ import annotations

import os
import re
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

_DRIVE = re.compile(r"/[A-Za-z]:")
_WINDOWS = os.name == "nt"


def path_of(uri: str) -> str:
    """Return the path of a `file:` address. "" for another address, and for one that has no usable path.

    A part of a name that is not UTF-8 is kept, as Python keeps it in paths.
    """
    try:
        parts = urlsplit(uri)
        host = parts.netloc
    except ValueError:
        return ""
    if parts.scheme != "file":
        return ""
    # `?` and `#` begin no other part in the path of a file, whoever wrote them without an escape.
    rest = uri.split(":", 1)[1]
    rest = rest[2 + len(host) :] if rest.startswith("//") else rest
    path = os.fsdecode(unquote_to_bytes(rest))
    if not path.startswith("/") or "\0" in path:
        return ""
    if host and host != "localhost":
        path = f"//{host}{path}"
    elif _DRIVE.match(path) and _WINDOWS:
        path = f"{path[1].lower()}{path[2:]}"
    return path.replace("/", "\\") if _WINDOWS else os.path.normpath(path)


def uri_of(path: str) -> str:
    """Return the address of a path. A name that is an address stays as it is."""
    if "://" in path or path.startswith("untitled:"):
        return path
    path = os.path.abspath(path)
    if _WINDOWS:
        path = path.replace("\\", "/")
        path = path if path.startswith("/") else f"/{path}"
    host = ""
    if path.startswith("//") and _WINDOWS:
        host, _, rest = path[2:].partition("/")
        path = f"/{rest}"
    return f"file://{host}{quote_from_bytes(os.fsencode(path), safe='/:' if _WINDOWS else '/')}"
