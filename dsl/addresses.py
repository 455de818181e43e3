"""The check of the address of an endpoint in a flow. It sends nothing, and its messages never show the address."""

from __future__ import annotations

import re

from .patterns import pattern
from .records import dataclass

# Paths that clients append to a base URL by themselves.
_CALLS = pattern(
    r"/(?:chat/completions|completions|responses|embeddings|messages|models(?:/.*)?)/*\Z|:(?:stream)?generateContent\Z",
    re.IGNORECASE,
)
_LABEL = pattern(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_SCHEME = pattern(r"[A-Za-z][A-Za-z0-9+.-]*://")
_KEY = pattern(r"/(?=[^/]*\d)(?:sk-|gsk_|xai-|pplx-|hf_|nvapi-|AIza|csk-|r8_)[-_A-Za-z0-9]{16,}(?=/|\Z)")
"""A part of a path with the form of a well-known service's key."""
SECRET = "secret"
"""The kind of an address that carries a user name, a password, a query or a key, which may be a secret."""


@dataclass(frozen=True, slots=True)
class AddressFault:
    """A fault of an address: the reason and the way out.

    ``kind`` is SECRET if the address may carry a secret, so that nothing may show it. ``instead`` is the address
    without the fault; "" if it is not known.
    """

    reason: str
    help: str
    kind: str = ""
    instead: str = ""


def address_fault(address: str) -> AddressFault | None:
    """Return the first fault of an address, None if it has none."""
    form = 'write an address such as "http://gpu:8000/v1"'
    if not address.isprintable() or " " in address or "\\" in address:
        return AddressFault("it contains a space or another character that no address has", form)
    scheme = _SCHEME.match(address)
    if scheme is None:
        instead = f"http://{address}" if _is_host(address.partition("/")[0]) and address else ""
        return AddressFault("it does not begin with http:// or https://", form, _secrecy(address), instead)
    if scheme[0].lower() not in ("http://", "https://"):
        return AddressFault("it begins with neither http:// nor https://", form, _secrecy(address))
    rest = address[scheme.end() :]
    host, slash, path = rest.partition("/")
    if secret := _secrecy(address):
        if "@" in host:
            reason = "it contains a user name or a password"
            return AddressFault(reason, 'delete them, and name a variable with the key: `key "LAB_KEY"`', secret)
        if _KEY.search(address):
            reason = "its path has what looks like a key"
            return AddressFault(reason, 'delete it, and name a variable with the key: `key "LAB_KEY"`', secret)
        return AddressFault("it has a ? or a # in it", "write the part of the address before that sign", secret)
    if not _is_host(host):
        reason = "it has no host" if not host else "its host is neither a name nor a number, or its port is none"
        return AddressFault(reason, form)
    if _CALLS.search(slash + path):
        base = scheme[0] + host + _CALLS.sub("", slash + path).rstrip("/")
        return AddressFault(
            "it is the address of a single call, and flowrun adds that part itself", f'write "{base}"', instead=base
        )
    return None


def _secrecy(address: str) -> str:
    """Return SECRET if an address has a user name, a password, a query, a fragment or the form of a key."""
    host = address.rpartition("://")[2].partition("/")[0]
    return SECRET if "@" in host or "?" in address or "#" in address or _KEY.search(address) else ""


def _is_host(text: str) -> bool:
    """Tell whether a text is a host: a name as in RFC 1035 or a number, perhaps with a port."""
    if text.startswith("["):
        number, bracket, port = text[1:].partition("]")
        return bool(bracket) and _is_number(number) and (not port or (port[0] == ":" and _is_port(port[1:])))
    name, colon, port = text.partition(":")
    if colon and not _is_port(port):
        return False
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            return False
    name = name.removesuffix(".")
    return 0 < len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536


def _is_number(text: str) -> bool:
    import ipaddress  # few addresses are numbers in brackets

    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False
