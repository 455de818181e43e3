"""The address and the key of a hosted provider, read from the variables that its own SDK reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import sentence
from .addresses import (
    check_address,
    check_header,
    check_key,
    check_path,
    check_proxy,
    host_of,
    is_loopback,
    other_account,
)
from .secret import digest_of, secret
from .traits import Traits
from .vocabulary import openai_tokens

MOST_WRITTEN = 4096
"""The most tokens of an answer that a request to Anthropic's API names; that API requires a number."""
SENTENCE = 300  # the most characters of a server's text in a message


@dataclass(frozen=True, slots=True)
class Service:
    """A hosted API: its address, and the environment variables that its SDK reads, in order of precedence."""

    name: str
    title: str
    example: str
    base_url: str
    base_variable: str
    key_variables: tuple[str, ...]
    key_header: str
    key_prefix: str = ""
    other_headers: tuple[tuple[str, str], ...] = ()
    """Optional headers, as pairs of a variable and a header."""
    traits: Traits = Traits()
    versions: tuple[str, ...] = ()
    """Endings of a base URL that some clients of this API want. They are cut off: each call names its version."""

    @property
    def variables(self) -> tuple[str, ...]:
        return (*self.key_variables, self.base_variable, *(variable for variable, _ in self.other_headers))

    def address(self, environ: Mapping[str, str]) -> str:
        given = environ.get(self.base_variable, "").strip() or self.base_url
        return given if given.endswith("://") else given.rstrip("/")

    def places(self, base_url: str) -> int:
        """Return how many requests may be in flight when a run begins, where the flow sets no number."""
        traits = self.traits
        return (traits.at_home if is_loopback(base_url) else 0) or traits.concurrency or 1


OPENAI = Service(
    name="openai",
    title="OpenAI, and servers that speak its Chat Completions (vLLM, llama.cpp, Ollama, gateways)",
    example="openai:gpt-5.4-mini",
    base_url="https://api.openai.com/v1",
    base_variable="OPENAI_BASE_URL",
    key_variables=("OPENAI_API_KEY",),
    key_header="Authorization",
    key_prefix="Bearer ",
    traits=Traits(
        price_list="openai", price_variable="OPENAI_BASE_URL", tokens=openai_tokens, concurrency=64, at_home=16
    ),
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
    traits=Traits(
        price_list="anthropic",
        price_variable="ANTHROPIC_BASE_URL",
        shares_prompt=False,
        most_written=MOST_WRITTEN,
        concurrency=32,
    ),
    versions=("/v1",),
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
    traits=Traits(price_list="google", price_variable="GOOGLE_GEMINI_BASE_URL", concurrency=32),
    versions=("/v1beta",),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at an address. The key is sent to ``base_url`` only. The key and the proxy are never printed."""

    model: str
    base_url: str
    key_variable: str
    key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)
    base_variable: str = ""

    @property
    def host(self) -> str:
        return host_of(self.base_url) or "the server"

    def with_headers(self, **headers: str) -> Endpoint:
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): headers[name] for name in headers}})

    def redact(self, text: str) -> str:
        """Return the text of a message without the key. Answers are never altered: see ``keepable``."""
        return secret(self.key).hide(text) if self.key else text

    def keepable(self, text: str) -> tuple[str, str]:
        """Return an answer and ""; where the key is in the answer, "" and a sentence that says so."""
        if not self.key or not secret(self.key).carried_by(text):
            return text, ""
        return "", f"the answer contains your key, so it is not saved ({digest_of(text)})"

    def advice(self, status: int) -> str:
        """Return advice to the user for this status of a server's answer; "" where there is none to give."""
        where = f"{self.base_variable} ({self.base_url})" if self.base_variable else "the base URL"
        match status:
            case 401 if not self.key:
                return f"no key was sent: set {self.key_variable}"
            case 401:
                return f"check that {self.key_variable} is a key for {where}"
            case 403:
                return f"check the permissions of {self.key_variable}, and check {where}"
            case 404:
                return f"check the name of the model, and check {where}"
            case 413:
                return "send a shorter prompt"
        return ""

    def quote(self, text: str) -> str:
        """Make foreign text fit for a message: a line that cannot steer a terminal, no key, at most 300 characters."""
        return sentence(self.redact(text), SENTENCE)


def endpoint(service: Service, name: str, environ: Mapping[str, str]) -> Endpoint:
    """Return the endpoint that serves the model ``name``.

    Raises: UsageError, which says what is wrong and what to set.
    """
    base = service.address(environ)
    parts = check_address(base, service.base_variable, service.base_url)
    for version in service.versions:
        # The provider puts the version into each path itself.
        if parts.path.rstrip("/").endswith(version):
            base = base.removesuffix("/").removesuffix(version).rstrip("/")
            parts = parts._replace(path=parts.path.rstrip("/").removesuffix(version))
    check_path(base, parts, service.base_variable, for_openai=service is OPENAI)
    keys = {variable: environ.get(variable, "").strip() for variable in service.key_variables}
    variable = next((variable for variable, key in keys.items() if key), service.key_variables[-1])
    key = keys[variable]
    if not key and parts.hostname == urlsplit(service.base_url).hostname:
        raise UsageError(
            f"{service.name}:{name} needs a key: set {' or '.join(reversed(service.key_variables))}. "
            f"A local server needs none: set {service.base_variable} to its address"
            + (other_account(environ) if service is OPENAI else "")
        )
    headers = {}
    for other, header in service.other_headers:
        if value := environ.get(other, "").strip():
            check_header(value, other)
            headers[header] = value
    if key:
        check_header(key, variable)
        check_key(key, (parts.hostname or "").lower())
        headers[service.key_header] = service.key_prefix + key
    return Endpoint(
        model=f"{service.name}:{name}",
        base_url=base,
        key_variable=variable,
        key=key,
        headers=headers,
        proxy=_proxy(parts.scheme, parts.netloc, environ),
        base_variable=service.base_variable,
    )


def _proxy(scheme: str, host: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the usual variables name; None for no proxy.

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
