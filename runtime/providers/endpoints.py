"""The address and the key of a model. They are read from the variables that the provider's own SDK reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowrun.dsl import dataclass

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import sentence
from ..vocabulary.receipt import LONGEST_NAME, readable_name
from ..vocabulary.traffic import Traffic
from .addresses import (
    check_address,
    check_header,
    check_key,
    check_path,
    check_text,
    host_of,
    is_loopback,
    other_account,
    printable,
)
from .declared_headers import certificates_of, declared_headers
from .proxies import Way, proxy_of
from .records import Record, Records
from .secret import digest_of, secret
from .services import Service

if TYPE_CHECKING:
    from .signing import Signer

SENTENCE = 300  # the most characters of a server's text in a message
_SEARCHED = 4096


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """A model at an address. The key is sent to ``base_url`` only. The key and the proxy are never printed.

    ``identity`` is the name of the model in the keys of answers: its name at the provider whose API the endpoint
    speaks. ``hidden`` are the variables in other headers with their values, which are kept secret like the key.
    ``lacks`` are the parts of a request that the server is known not to take.
    ``signer`` makes further headers for each request, if the server wants a signature or a token that is renewed.
    """

    model: str
    base_url: str
    key_variable: str
    key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    way: Way = field(default=Way(), repr=False)
    base_variable: str = ""
    identity: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict, repr=False)
    lacks: frozenset[str] = frozenset()
    signer: Signer | None = field(default=None, repr=False, compare=False)
    traffic: Traffic = field(default_factory=Traffic, repr=False, compare=False)

    @property
    def host(self) -> str:
        return host_of(self.base_url) or "the server"

    def with_headers(self, **headers: str) -> HttpEndpoint:
        return replace(self, headers={**self.headers, **{name.replace("_", "-"): headers[name] for name in headers}})

    def redact(self, text: str) -> str:
        """Return the text of a message without the key. Answers are never changed: see ``keepable``."""
        if self.signer is not None:
            text = self.signer.hide(text)
        for one in self._secrets:
            text = secret(one).hide(text)
        return text

    def keepable(self, text: str) -> tuple[str, str]:
        """Return an answer and "". If the key is in the answer, return "" and a sentence about that."""
        if not self._carried(text):
            return text, ""
        return "", f"the answer contains your key, so it is not saved ({digest_of(text)})"

    def name(self, text: object) -> str:
        """Return a name that the server gave, such as that of a request, fit to be kept. "" if the key is in it."""
        if not text or not isinstance(text, str):
            return ""
        # The characters that go could split the key. The search reads further than the cut, which could split it too.
        found = readable_name(text, _SEARCHED)
        return "" if self._carried(found) else found[:LONGEST_NAME]

    @property
    def _secrets(self) -> tuple[str, ...]:
        return (self.key, *self.hidden.values()) if self.key else tuple(self.hidden.values())

    def _carried(self, text: str) -> bool:
        if self.key and secret(self.key).carried_by(text):
            return True
        for one in self.hidden.values():
            if secret(one).carried_by(text):
                return True
        return self.signer is not None and self.signer.carried_by(text)

    def advice(self, status: int) -> str:
        """Return advice to the user for this status of a server's answer. "" if there is none."""
        if self.signer is not None and (found := self.signer.advice(status)):
            return found
        where = f"{self.base_variable} ({printable(self.base_url)})" if self.base_variable else "the base URL"
        others = " and ".join(self.hidden)
        match status:
            case 401 if not self.key and others:
                return f"check the value of {others}, which the headers of the endpoint name, and check {where}"
            case 401 if not self.key_variable:
                return "no key was sent: name the variable with the key where the endpoint is declared"
            case 401 if not self.key:
                return f"no key was sent: set {self.key_variable}"
            case 401:
                return f"check that {self.key_variable} is a key for {where}"
            case 403 if self.key_variable or others:
                return f"check the permissions of {self.key_variable or others}, and check {where}"
            case 403:
                return f"check {where}"
            case 404:
                return f"check the name of the model, and check {where}"
            case 413:
                return "send a shorter prompt"
        return ""

    def quote(self, text: str) -> str:
        """Make foreign text fit for a message: one line of at most 300 characters, safe to print, without the key."""
        return sentence(self.redact(text), SENTENCE)


def endpoint(service: Service, name: str, environ: Mapping[str, str]) -> HttpEndpoint:
    """Return the endpoint that serves the model ``name``.

    Raises: UsageError, which says what is wrong and what to set.
    """
    base = service.address(environ)
    if not base:
        raise UsageError(f"{service.name}:{name} needs an address: set {service.base_variable} to that of your account")
    where = service.base_variable or f"the base_url of the endpoint `{service.name}`"
    parts = check_address(base, where, service.base_url or "https://RESOURCE.openai.azure.com")
    base = without_version(service, base)
    parts = urlsplit(base)
    check_path(base, parts, where, spoken=service.spoken)
    keys = {variable: environ.get(variable, "").strip() for variable in service.key_variables}
    variable = next((variable for variable, key in keys.items() if key), (service.key_variables or ("",))[-1])
    key = keys.get(variable, "")
    if not key and service.key_variables and _needs_key(service, base):
        raise UsageError(_without_key(service, name, environ))
    headers: dict[str, str] = {}
    hidden: dict[str, str] = {}
    if service.named is not None:
        headers, hidden = declared_headers(service.named, environ)
    for other, header in service.other_headers:
        if value := environ.get(other, "").strip():
            (check_text if service.row is not None else check_header)(value, other)
            headers[header] = value
    if key:
        check_header(key, variable)
        check_key(key, (parts.hostname or "").lower())
        headers[service.key_header] = service.key_prefix + key
    return HttpEndpoint(
        model=f"{service.name}:{name}",
        base_url=base,
        key_variable=variable,
        key=key,
        headers=headers,
        way=Way(
            proxy_of(parts.scheme, parts.netloc, environ),
            "" if service.named is None else certificates_of(service.named),
        ),
        base_variable=service.base_variable,
        identity=f"{service.api}:{name}",
        hidden=hidden,
        lacks=service.traits.lacks,
    )


def without_version(service: Service, base: str) -> str:
    """Return an address without the version at its end, which the provider puts into each path itself."""
    for version in service.versions:
        if urlsplit(base).path.rstrip("/").endswith(version):
            base = base.removesuffix("/").removesuffix(version).rstrip("/")
    return base


def _needs_key(service: Service, base: str) -> bool:
    """Tell whether requests without a key are useless: a server of the user's own may take them."""
    if service.row is not None and service.row.local:
        return False
    if not service.base_url:
        return not is_loopback(base)
    return urlsplit(base).hostname == urlsplit(service.base_url).hostname


def _without_key(service: Service, name: str, environ: Mapping[str, str]) -> str:
    said = f"{service.name}:{name} needs a key: set {' or '.join(reversed(service.key_variables))}"
    if service.named is not None:
        return said
    return f"{said}. A local server needs none: set {service.base_variable} to its address" + (
        other_account(environ) if service.spoken else ""
    )


def record_of(endpoint: HttpEndpoint, records: Records) -> Record:
    """Return what was learnt of a model at an endpoint. An address that holds a key has no record."""
    account = "\n".join(f"{name}: {value}" for name, value in sorted(endpoint.headers.items()))
    model = endpoint.identity or endpoint.model
    if endpoint.signer is not None:
        account += f"\n{endpoint.signer.account}"
    if endpoint.keepable(f"{endpoint.base_url} {model}")[1]:
        return Record()
    return records.record(endpoint.base_url, account, model)
