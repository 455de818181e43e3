"""The reader of endpoints in files of settings: tables ``[endpoints.NAME]``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from flowrun.dsl import ABILITIES, ENDPOINT_KINDS, EndpointKind, did_you_mean, pattern

from ..files.project import project_model, project_settings
from ..files.settings import check_names
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import is_own
from .addresses import check_address, check_path
from .declared_headers import plain_part, variables_in
from .named_endpoints import NamedEndpoint, Origin
from .secret import secret

SETTINGS = ("base_url", "key_env", "headers", "kind", "ca", "lacks", "price_list")
_KEY = pattern(r"sk-|gsk_|xai-|pplx-|hf_|nvapi-|AIza|csk-|r8_")
"""The beginnings of the keys of well-known services."""
_NAME = pattern(r"[a-z][a-z0-9_]*")
_VARIABLE = pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = pattern(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SCHEME = pattern(r"\s*(?:(?:Bearer|Basic|Token|ApiKey|Key)\s+)?", re.IGNORECASE)
_SECRET = frozenset(
    "authorization auth key apikey token secret cookie password credential credentials session signature".split()
)
_OURS = frozenset(("host", "connection", "content-length", "content-type", "transfer-encoding", "idempotency-key"))


def check_project(source: str) -> None:
    """Check the file of a flow's project. Raises UsageError if it is not valid."""
    project_model(source)
    path, settings = project_settings(source)
    if path is not None:
        read_endpoints(settings.get("endpoints", {}), path, "project")


def digest_of(endpoints: Mapping[str, NamedEndpoint]) -> str:
    """Return a digest of endpoints: what their declarations say, and their certificates."""
    told = [
        {
            "name": one.name,
            "base_url": one.base_url,
            "key_env": one.key_env,
            "kind": one.kind,
            "headers": dict(one.headers),
            "ca": _bytes_of(one.ca),
        }
        for _, one in sorted(endpoints.items())
    ]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _bytes_of(file: str) -> str:
    try:
        return sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except OSError:
        return "?"


def read_endpoints(tables: object, path: Path, origin: Origin) -> dict[str, NamedEndpoint]:
    """Read the tables of endpoints in a file of settings. Raises UsageError. Its message shows no value."""
    where = shown(str(path))
    if not isinstance(tables, dict):
        raise UsageError(f"{where}: `endpoints` must be tables, such as [endpoints.lab]")
    return {name: _Reader(name, table, path, origin).endpoint() for name, table in tables.items()}


class _Reader:
    """The reader of one table ``[endpoints.NAME]``."""

    def __init__(self, name: str, table: object, path: Path, origin: Origin) -> None:
        self._where = f"{shown(str(path))}, [endpoints.{name}]" if name.isprintable() else shown(str(path))
        if not _NAME.fullmatch(name) or len(name) > 40:
            raise self._refused(
                f"{shown(name)} is not the name of an endpoint: begin with a small letter, and go on with small "
                "letters, digits and `_`"
            )
        if is_own(name):
            raise self._refused(f"flowrun itself knows an endpoint `{name}`: choose another name")
        if not isinstance(table, dict):
            raise self._refused(f"an endpoint is a table, such as [endpoints.{name}] with base_url = …")
        check_names(table, SETTINGS, self._where, "an endpoint sets")
        self._name, self._table, self._path, self._origin = name, table, path, origin

    def _refused(self, why: str) -> UsageError:
        return UsageError(f"{self._where}: {why}")

    def endpoint(self) -> NamedEndpoint:
        key = self._variable(self._text("key_env"))
        return NamedEndpoint(
            self._name,
            self._address(),
            key,
            self._kind(),
            self._headers(bool(key)),
            self._certificates(),
            self._text("price_list"),
            self._lacks(),
            self._origin,
        )

    def _text(self, setting: str) -> str:
        value: Any = self._table.get(setting, "")
        if not isinstance(value, str) or (setting in self._table and not value.strip()):
            raise self._refused(f"`{setting}` must be a text that is not empty")
        return value.strip()

    def _address(self) -> str:
        address = self._text("base_url")
        if not address:
            raise self._refused('an endpoint needs a `base_url`, such as base_url = "http://gpu.example:8000/v1"')
        where = f"{self._where}: base_url"
        parts = check_address(address, where, "http://gpu.example:8000/v1")
        check_path(address, parts, where, spoken=self._kind() == "openai")
        if any(_KEY.match(one) and secret(one).real for one in parts.path.split("/")):
            raise self._refused("the path of base_url has what looks like a key: delete it, and set `key_env`")
        return address.rstrip("/")

    def _kind(self) -> EndpointKind:
        given = self._text("kind") or "openai"
        kind = next((one for one in ENDPOINT_KINDS if one == given), None)
        if kind is None:
            guess = did_you_mean(given, ENDPOINT_KINDS) or f"an endpoint speaks one of {', '.join(ENDPOINT_KINDS)}"
            raise self._refused(f"`kind` has no value {shown(given)}; {guess}")
        return kind

    def _variable(self, name: str) -> str:
        name = name.removeprefix("$")
        if name and (not _VARIABLE.fullmatch(name) or secret(name).real):
            raise self._refused(
                "`key_env` is not the name of a variable: a key stands in the environment and never in a file, so set "
                f'a variable to it, and name that: key_env = "{self._name.upper()}_API_KEY"'
            )
        return name

    def _headers(self, keyed: bool) -> dict[str, str]:
        given = self._table.get("headers", {})
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise self._refused('`headers` must be a table of texts, such as headers = { "X-Team" = "red" }')
        for header, value in given.items():
            self._header(header, value, keyed)
        return dict(given)

    def _header(self, header: str, value: str, keyed: bool) -> None:
        if not _HEADER.fullmatch(header):
            raise self._refused(f"{shown(header)} is not the name of a header")
        if header.lower() in _OURS:
            raise self._refused(f"flowrun writes the header {header} itself: delete it here")
        if header.lower() in ("authorization", "x-api-key", "api-key", "x-goog-api-key") and keyed:
            raise self._refused(f"the key is given twice, by `key_env` and by the header {header}: give it only once")
        if not all("\x20" <= char <= "\x7e" for char in value):
            raise self._refused(f"the value of the header {header} has a character that a header cannot contain")
        plain = plain_part(value)
        if "$" in plain:
            raise self._refused(f"the value of the header {header} has a `$` that begins no name of a variable")
        variables = variables_in(value)
        if secret(value).real and not variables:
            raise self._value(header)
        if _SECRET.intersection(re.split(r"[-_.]", header.lower())) and not (variables and _SCHEME.fullmatch(plain)):
            raise self._value(header)
        if variables and secret(plain.strip()).real:
            raise self._value(header)

    def _value(self, header: str) -> UsageError:
        name = header.upper().replace("-", "_")
        return self._refused(
            f"the header {header} holds a secret, and a file may only name the variable that has it: write "
            f'"{header}" = "${name}", and set {name}'
        )

    def _certificates(self) -> str:
        file = self._text("ca")
        return str(self._path.parent / os.path.expanduser(file)) if file else ""

    def _lacks(self) -> frozenset[str]:
        given = self._table.get("lacks", [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise self._refused('`lacks` must be a list of texts, such as lacks = ["n", "json_schema"]')
        for one in given:
            if one not in ABILITIES:
                guess = did_you_mean(one, ABILITIES) or f"it may have {', '.join(ABILITIES)}"
                raise self._refused(f"`lacks` has no word {shown(one)}; {guess}")
        return frozenset(given)
