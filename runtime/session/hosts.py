"""The hosts that a run may reach. These are hosts that the user has named. A flow cannot add hosts by itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from flowrun.dsl import dataclass, pattern

from ..dispatch.endpoint import Endpoint
from ..providers import base_variables, is_local
from ..providers.addresses import host_of, hostname_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

VARIABLE = "FLOWRUN_ALLOW_HOST"
_VARIABLE = pattern(r"[A-Z_][A-Z0-9_]*")
_NAME = pattern(r"(?:\*\.)?[^\s/@*?#\\]+")


@dataclass(frozen=True, slots=True)
class Reach:
    """A host that the flow itself has chosen, and the model whose prompts and key would be sent there."""

    model: str
    host: str
    key: str = ""
    """The environment variable that the flow names for the key; "" if the key is that of the model's provider."""
    foreign: bool = False
    """True if the variable is that of a well-known service, and the host is another's."""

    @property
    def needed(self) -> str:
        """The permission for it: the host, or the variable and the host if the key is another service's."""
        return f"{self.key}@{self.host}" if self.foreign else self.host

    @property
    def told(self) -> str:
        """The words about its key, to be put behind the host; "" if the flow names no key."""
        key = f" with the key in {self.key}" if self.key else ""
        return f"{key}, which is the key of another service" if self.foreign else key


Ask = Callable[[Sequence[Reach]], bool]
"""A function that asks the user whether these hosts may be reached."""


def permit_hosts(
    endpoints: Mapping[str, Endpoint],
    chosen: Iterable[str],
    allowed: Iterable[str],
    environ: Mapping[str, str],
    ask: Ask | None = None,
    *,
    of_project: bool = False,
    keys: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Check that the user allows all hosts of a run. Return the hosts that the user allowed when asked.

    ``chosen`` are the addresses of models that the user named. ``of_project`` is True if the file of the flow's project
    names the default model. ``keys`` has the key variables that the flow itself names ("" for none), by the
    addresses of models. Raises UsageError if a host is not allowed.
    """
    patterns = [*map(_pattern, allowed), *from_variable(environ), *from_settings(environ)]
    by_user = set(chosen)
    keys = keys or {}
    reached = [
        reach
        for address, endpoint in endpoints.items()
        if address in keys or address not in by_user
        for base in getattr(endpoint.provider, "addresses", (endpoint.provider.endpoint,))
        if (reach := _reach(address, base, keys.get(address, ""), environ))
    ]
    left = _unlike(reached, patterns)
    if left:
        # This loads every provider.
        bases = base_variables(environ).values()
        left = _unlike(left, [host.lower() for base in bases if (host := host_of(base))])
    if not left:
        return ()
    hosts = tuple(dict.fromkeys(reach.needed for reach in left))
    if ask is not None and ask(left):
        return hosts
    listed = ", ".join(f"{shown(reach.model)} at {shown(reach.host)}{reach.told}" for reach in left)
    flags = " ".join(f"--allow-host {host}" for host in hosts)
    who = "the flow or its project's flowrun.toml" if of_project else "the flow"
    raise UsageError(
        f"{who} chooses its own models, and may not yet send prompts and your key there: {listed}. If you "
        f"trust it, add {flags} (from Python: RunOptions(allow_host=…)), or put the host into "
        f'{settings_file(environ)} as allow_hosts = ["{hosts[0]}"]'
    )


def from_variable(environ: Mapping[str, str]) -> list[str]:
    return [_pattern(name.strip()) for name in environ.get(VARIABLE, "").split(",") if name.strip()]


def settings_file(environ: Mapping[str, str]) -> Path:
    """Return the path of the user's own settings. It is never in the flow's folder, which may come from anybody."""
    base = environ.get("XDG_CONFIG_HOME", "").strip() or os.path.join(environ.get("HOME") or "~", ".config")
    return Path(os.path.expanduser(base), "flowrun", "settings.toml")


def from_settings(environ: Mapping[str, str]) -> list[str]:
    """Read the allowed hosts from the user's settings. Raises UsageError if the file exists but cannot be read."""
    path = settings_file(environ)
    try:
        text = path.read_text(encoding="utf-8")
        # Few users have this file.
        import tomllib

        data = tomllib.loads(text)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the settings {shown(str(path))} cannot be read: {error}") from None
    hosts = data.get("allow_hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise UsageError(f'`allow_hosts` in {shown(str(path))} must be a list of hosts, such as ["api.openai.com"]')
    return [_pattern(host) for host in hosts]


def _reach(address: str, base: str, key: str, environ: Mapping[str, str]) -> Reach | None:
    """Return the host of a model that a flow has chosen. None if nothing leaves this machine."""
    host, foreign = _host(address, base), False
    if key:
        from .key_homes import is_foreign  # few flows name a key

        foreign = is_foreign(key, base, environ)
    host = host or (host_of(base).lower() if foreign else "")
    return Reach(address, host, key, foreign) if host else None


def _pattern(text: str) -> str:
    variable, at, host = text.strip().rpartition("@")
    host = host.lower().rstrip(".")
    if at and _VARIABLE.fullmatch(variable) and _NAME.fullmatch(host):
        return f"{variable}@{host}"
    host = text.strip().lower().rstrip(".")
    if not _NAME.fullmatch(host):
        raise UsageError(
            f"{shown(text)} is not a host: write a host as in api.openai.com, 10.0.0.5:8000 or *.example.com"
        )
    return host


def _host(address: str, base: str) -> str:
    """Return the host of an address of a model, with its port if it has one. "" if requests stay on this machine.

    For another package's provider without an address, return the provider's name with a colon.
    """
    if is_local(address, base):
        return ""
    if "://" not in base:
        return f"{address.partition(':')[0]}:".lower()
    return host_of(base).lower().rstrip(".") or f"{address.partition(':')[0]}:".lower()


def _unlike(reached: Iterable[Reach], patterns: Collection[str]) -> list[Reach]:
    return [one for one in reached if not any(_fits(one, pattern) for pattern in patterns)]


def _fits(reach: Reach, pattern: str) -> bool:
    variable, _, pattern = pattern.rpartition("@")
    if (variable or reach.foreign) and variable != reach.key:
        return False
    host = reach.host
    if host == pattern:
        return True
    bare = hostname_of(host)
    if pattern.startswith("*."):
        return bare.endswith(pattern[1:])
    return bare.rstrip(".") == pattern
