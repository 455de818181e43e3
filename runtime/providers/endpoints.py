"""Where a hosted provider is reached and with which key, read from the variables that its own SDK reads."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ..errors import UsageError

SENTENCE = 300  # characters kept of what a server says


@dataclass(frozen=True, slots=True)
class Service:
    """A hosted API: its address and the environment variables that its SDK reads, the winning one first."""

    name: str
    title: str
    example: str
    base_url: str
    base_variable: str
    key_variables: tuple[str, ...]
    key_header: str
    key_prefix: str = ""
    other_headers: tuple[tuple[str, str], ...] = ()
    """Optional headers, as pairs of variable and header."""

    @property
    def variables(self) -> tuple[str, ...]:
        return (*self.key_variables, self.base_variable, *(variable for variable, _ in self.other_headers))

    def address(self, environ: Mapping[str, str]) -> str:
        return (environ.get(self.base_variable, "").strip() or self.base_url).rstrip("/")


OPENAI = Service(
    name="openai",
    title="OpenAI, and servers that speak its Chat Completions (vLLM, llama.cpp, Ollama, gateways)",
    example="openai:gpt-5.4-mini",
    base_url="https://api.openai.com/v1",
    base_variable="OPENAI_BASE_URL",
    key_variables=("OPENAI_API_KEY",),
    key_header="Authorization",
    key_prefix="Bearer ",
    other_headers=(("OPENAI_ORG_ID", "OpenAI-Organization"), ("OPENAI_PROJECT_ID", "OpenAI-Project")),
)

ANTHROPIC = Service(
    name="anthropic",
    title="Anthropic (Messages)",
    example="anthropic:claude-haiku-4-5",
    base_url="https://api.anthropic.com",
    base_variable="ANTHROPIC_BASE_URL",
    key_variables=("ANTHROPIC_API_KEY",),
    key_header="x-api-key",
)

# The google-genai SDK prefers GOOGLE_API_KEY when both are set.
GEMINI = Service(
    name="gemini",
    title="Google Gemini (generateContent)",
    example="gemini:gemini-2.5-flash",
    base_url="https://generativelanguage.googleapis.com",
    base_variable="GOOGLE_GEMINI_BASE_URL",
    key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    key_header="x-goog-api-key",
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model at one address. The key is sent to ``base_url`` only, and neither it nor a proxy is ever printed."""

    model: str
    base_url: str
    key_variable: str
    key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def with_headers(self, **headers: str) -> Endpoint:
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): headers[name] for name in headers}})

    def redact(self, text: str) -> str:
        return text.replace(self.key, "[key]") if self.key else text

    def redacted(self, raw: bytes) -> bytes:
        return raw.replace(self.key.encode(), b"[key]") if self.key else raw

    def quote(self, text: str) -> str:
        """Foreign text made fit for a message: one line, no control characters, no key, at most 300 characters."""
        text = self.redact(text)[:4096]
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return line if len(line) <= SENTENCE else f"{line[: SENTENCE - 1]}…"


def endpoint(service: Service, name: str, environ: Mapping[str, str]) -> Endpoint:
    """The endpoint that serves ``name``, or a UsageError that says what to set."""
    base = service.address(environ)
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{service.base_variable} is not an address such as {service.base_url}")
    if parts.username or parts.password:
        raise UsageError(
            f"{service.base_variable} holds a user name or a password: "
            f"leave them out, and put the key into {service.key_variables[0]}"
        )
    keys = [environ.get(variable, "").strip() for variable in service.key_variables]
    key = next(filter(None, keys), "")
    if not key and parts.hostname == urlsplit(service.base_url).hostname:
        raise UsageError(
            f"{service.name}:{name} needs a key: set {' or '.join(reversed(service.key_variables))}. "
            f"A local server needs none: set {service.base_variable} to its address"
        )
    headers = {header: environ.get(variable, "").strip() for variable, header in service.other_headers}
    headers = {header: value for header, value in headers.items() if value}
    if key:
        headers[service.key_header] = service.key_prefix + key
    for value in headers.values():
        if not re.fullmatch(r"[\x20-\x7e]+", value):
            raise UsageError(
                f"one of {', '.join(service.variables)} holds a character that no key has "
                f"(a line break, perhaps): set it again"
            )
    return Endpoint(
        model=f"{service.name}:{name}",
        base_url=base,
        key_variable=service.key_variables[-1],
        key=key,
        headers=headers,
        proxy=_proxy(parts.scheme, parts.netloc, environ),
    )


def is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(scheme: str, host: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the usual variables name; both spellings, the lower-case one first, as curl has it."""
    if is_loopback(f"//{host}") or _exempt(host.lower(), environ.get("no_proxy") or environ.get("NO_PROXY") or ""):
        return None
    for variable in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
        proxy = environ.get(variable, "").strip()
        if not proxy:
            continue
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        if urlsplit(proxy).scheme not in ("http", "https"):
            raise UsageError(f"{variable} names a proxy that is not http or https; exempt {host} with no_proxy")
        return proxy
    return None


def _exempt(host: str, without: str) -> bool:
    names = [name.strip().lower().lstrip(".") for name in without.split(",")]
    bare = urlsplit(f"//{host}").hostname or ""
    return any(name == "*" or name in (host, bare) or bare.endswith(f".{name}") for name in names if name)
