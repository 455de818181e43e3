"""Checks of the addresses and header values that users set. A mistake is reported before anything is sent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from flowrun.dsl import pattern

from ..vocabulary.errors import UsageError

# The path of each well-known service's API for OpenAI's clients.
_PATHS = {
    "api.openai.com": "/v1",
    "openrouter.ai": "/api/v1",
    "api.groq.com": "/openai/v1",
    "api.mistral.ai": "/v1",
    "generativelanguage.googleapis.com": "/v1beta/openai",
}
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
# Paths that clients append to a base URL by themselves.
_CALLS = pattern(
    r"/(?:chat/completions|completions|responses|embeddings|messages|models(?:/.*)?)/*\Z|:(?:stream)?generateContent\Z",
    re.IGNORECASE,
)
_KEYS = (
    ("sk-or-", "openrouter.ai", "an OpenRouter key: set OPENROUTER_API_KEY to it, and ask openrouter:NAME"),
    ("sk-ant-", "anthropic.com", "an Anthropic key: set ANTHROPIC_API_KEY to it, and ask anthropic:NAME"),
    ("gsk_", "groq.com", "a Groq key: set GROQ_API_KEY to it, and ask groq:NAME"),
    ("xai-", "x.ai", "an xAI key: set XAI_API_KEY to it, and ask xai:NAME"),
    ("hf_", "huggingface.co", "a Hugging Face token: set HF_TOKEN to it, and ask huggingface:NAME"),
    ("fw_", "fireworks.ai", "a Fireworks key: set FIREWORKS_API_KEY to it, and ask fireworks:NAME"),
    ("AIza", "googleapis.com", "a Google key: set GEMINI_API_KEY to it, and ask gemini:NAME"),
)  # fmt: skip
_BRACKETED = pattern(r"\[[^\[\]]*\](?::.*)?")
_NAME = pattern(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE)
# A part of a path that nobody would write by hand: 16 letters and digits in a row, or a UUID.
_SECRET = pattern(
    r"(?=[^/]*[0-9])(?=[^/]*[a-z])[^/]*(?:[a-z0-9]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-)[^/]*", re.IGNORECASE
)


def split(address: str) -> SplitResult | None:
    """Return the parts of an address. None if the text is not an address."""
    try:
        parts = urlsplit(address)
        return parts if parts.hostname and (parts.port is None or parts.port > 0) else None
    except ValueError:
        return None


@lru_cache(maxsize=256)
def host_of(address: str) -> str:
    """Return the host of an address with its port, if any, and without its user. "" if the text is not an address."""
    parts = split(address)
    return parts.netloc.rpartition("@")[2] if parts else ""


def without_secrets(address: str) -> str:
    """Return an address without its user, password, query and fragment. "" if the text is not an address."""
    parts = split(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl() if parts else ""


def printable(address: str) -> str:
    """Return an address as messages show it: without its secrets, and without parts of its path that look like one."""
    parts = split(without_secrets(address))
    if parts is None:
        return ""
    path = "/".join("…" if _SECRET.fullmatch(part) else part for part in parts.path.split("/"))
    return parts._replace(path=path).geturl()


def complete(address: str, port: int, path: str) -> str:
    """Complete an address that may be a host only, with a port unless it is 0 and with a path if it has none.

    The address at which a server listens on all networks stands for this machine.
    """
    whole = address if "://" in address else f"http://{address}"
    parts = split(whole)
    if parts is None:
        return whole
    host = "127.0.0.1" if parts.hostname in ("0.0.0.0", "::") else (parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    number = parts.port or (port if parts.scheme == "http" else 0)
    user, at, _ = parts.netloc.rpartition("@")
    netloc = f"{user}{at}{host}{f':{number}' if number else ''}"
    return parts._replace(netloc=netloc, path=parts.path if parts.path.strip("/") else path).geturl()


def hostname_of(host: str) -> str:
    """Return a host without its port."""
    parts = split(f"//{host}")
    return (parts.hostname if parts else None) or host


def is_loopback(address: str) -> bool:
    parts = split(address)
    host = (parts.hostname if parts else None) or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_nearby(address: str) -> bool:
    """Tell whether an address is on this machine or in a private network, where a message takes about a millisecond."""
    parts = split(address)
    try:
        return is_loopback(address) or ipaddress.ip_address((parts.hostname if parts else None) or "").is_private
    except ValueError:
        return False


def check_address(address: str, variable: str, example: str) -> SplitResult:
    """Check a base URL and return its parts.

    Raises: UsageError. Its message never shows the address, which may hold a password.
    """

    def refused(why: str) -> UsageError:
        return UsageError(f"{variable} is not an address such as {example}: {why}")

    if not address.isprintable() or " " in address:
        raise refused("it contains a space or a line break")
    scheme, slashes, _ = address.partition("://")
    if not slashes:
        raise refused("it does not begin with http:// or https://")
    if scheme.lower() not in ("http", "https"):
        raise refused("it begins with neither http:// nor https://")
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        raise refused("its host is neither a name nor a number") from None
    if parts.username is not None or parts.password is not None:
        raise refused(
            "it contains a user name or a password: delete them, and put the key into the variable for the key"
        )
    # A bracket belongs to a number of IPv6, and the port alone may stand behind it.
    bracketed = parts.netloc.startswith("[") and not _BRACKETED.fullmatch(parts.netloc)
    if not host or bracketed or not _is_host(host):
        raise refused("its host is neither a name nor a number" if host else "it has no host")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        raise refused("its port is not a number from 1 to 65535")
    return parts


def check_path(address: str, parts: SplitResult, variable: str, *, spoken: bool) -> None:
    """Check the path of a base URL.

    Raises: UsageError, if clients append the path themselves, or if it is wrong for a well-known service.
    """
    host = (parts.hostname or "").lower()
    plain = f"{parts.scheme}://{parts.netloc}"
    wanted = _PATHS.get(host) if spoken else None
    if spoken and host.endswith(_AZURE):
        wanted = "/openai/v1"
    path = parts.path.rstrip("/")
    if wanted is not None and (path != wanted or parts.query):
        azure = f"; or set AZURE_OPENAI_ENDPOINT to {plain}, and ask azure:DEPLOYMENT" if wanted == "/openai/v1" else ""
        raise UsageError(f"{variable} is not the address of the API of {host}: set it to {plain}{wanted}{azure}")
    if "?" in address or "#" in address:
        raise UsageError(f"{variable} is an address with a ? or a # in it: set it to the part before that sign")
    if _CALLS.search(path):
        base = _CALLS.sub("", path).rstrip("/")
        raise UsageError(
            f"{variable} is the address of a single call of the API, and flowrun adds that part itself: set it "
            f"to {plain}{base}"
        )


def maker_of(address: str) -> str:
    """Return the name of the known provider whose servers are at an address; "" for none."""
    host = (((parts := split(address)) and parts.hostname) or "").lower()
    if host.endswith(_AZURE):
        return "azure"
    return {"api.openai.com": "openai", "api.anthropic.com": "anthropic"}.get(host, "")


def check_header(value: str, variable: str) -> None:
    """Check a key or the value of another header.

    Raises: UsageError, for a value that no server accepts. Its message never shows the value.
    """
    if value.lower().startswith("bearer "):
        raise UsageError(f"{variable} begins with the word Bearer: set it to only the key")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
        raise UsageError(f"{variable} has quotes around it: set it without them")
    for place, char in enumerate(value, start=1):
        if "\x21" <= char <= "\x7e":
            continue
        name = {" ": "a space", "\n": "a line break", "\r": "a line break", "\t": "a tab"}.get(char)
        what = name or f"the character U+{ord(char):04X}"
        raise UsageError(
            f"{variable} has {what} at character {place} of {len(value)}, and a key cannot contain it: copy "
            "the key again, in one line"
        )


def check_text(value: str, variable: str) -> None:
    """Check the value of a header that may have spaces, such as a title.

    Raises: UsageError, for a value that no header can have. Its message never shows the value.
    """
    for place, char in enumerate(value, start=1):
        if not "\x20" <= char <= "\x7e":
            raise UsageError(
                f"{variable} has the character U+{ord(char):04X} at character {place} of {len(value)}, and a header "
                "cannot contain it"
            )


def check_key(key: str, host: str) -> None:
    """Check that a key fits the well-known service at this host.

    Raises: UsageError, for a key that belongs to another service.
    """
    for prefix, home, advice in _KEYS:
        if not key.startswith(prefix) or host.endswith(home):
            continue
        if host in (*_PATHS, "api.anthropic.com", *_table_hosts()):
            raise UsageError(f"the key for {host} begins with {prefix}, as {advice}")


def check_proxy(proxy: str, variable: str, host: str) -> str:
    """Check the address of a proxy and return it. An address without a scheme gets http://.

    Raises: UsageError. Its message never shows the address, which may contain a password.
    """
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    parts = split(proxy)
    if parts is None or not _is_host(parts.hostname or "") or not proxy.isprintable() or " " in proxy:
        raise UsageError(f"{variable} is not the address of a proxy, such as http://proxy.example:3128")
    if parts.scheme not in ("http", "https"):
        raise UsageError(f"{variable} names a proxy that is not http or https; exempt {host} with no_proxy")
    return proxy


def other_account(environ: Mapping[str, str]) -> str:
    """Return advice for a user who has set the key of another service, and not that of OpenAI. "" for none."""
    from .table import BUILT_IN

    for row in BUILT_IN.values():
        for variable in (row.at.key_env, *row.other_keys):
            if not row.local and environ.get(variable, "").strip():
                return f". {variable} is set: ask {row.at.name}:NAME"
    for variable in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        if environ.get(variable, "").strip():
            return f". {variable} is set: ask azure:NAME"
    return ""


def _table_hosts() -> list[str]:
    from .table import BUILT_IN

    return [urlsplit(row.at.base_url).hostname or "" for row in BUILT_IN.values() if not row.local]


def _is_host(host: str) -> bool:
    """Tell whether a text can be a host: an IP address, or a DNS name with labels and length as in RFC 1035."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return True
    try:
        name = host.rstrip(".").encode("idna").decode()
    except UnicodeError:
        return False
    return len(name) <= 253 and all(_NAME.fullmatch(label) for label in name.split("."))
