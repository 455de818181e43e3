"""The way to a server: the proxy that the usual variables name, and the certificates to check the server with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from .addresses import check_proxy, is_loopback


class Way(NamedTuple):
    """The way to a server. ``proxy`` is None without a proxy; ``ca`` is "" for the certificates of the system."""

    proxy: str | None = None
    ca: str = ""


def proxy_of(scheme: str, host: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the usual variables name. None for no proxy.

    Both spellings of a variable count, the lower-case one first, as in curl.
    """
    if is_loopback(f"//{host}") or _exempt(host.lower(), environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    for variable in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
        if proxy := environ.get(variable, "").strip():
            return check_proxy(proxy, variable, host)
    return None


def _exempt(host: str, without: str) -> bool:
    names = [name.strip().lower().lstrip(".") for name in without.split(",")]
    bare = urlsplit(f"//{host}").hostname or ""
    return any(name == "*" or name in (host, bare) or bare.endswith(f".{name}") for name in names if name)
