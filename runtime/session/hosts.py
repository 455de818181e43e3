"""The hosts that a run may reach. These are hosts that the user has named. A flow cannot add hosts by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from flowrun.dsl import dataclass, pattern

from ..dispatch.endpoint import Endpoint
from ..files.settings import settings_file, user_settings
from ..providers import NO_ENDPOINTS, base_variables, is_local, is_own
from ..providers.addresses import host_of, hostname_of, is_loopback
from ..providers.declared_endpoints import DeclaredEndpoints
from ..providers.homes import sent_by
from ..providers.named_endpoints import NamedEndpoint
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

VARIABLE = "FLOWRUN_ALLOW_HOST"
_FOREIGN = ", which is the key of another service"
_VARIABLE = pattern(r"[A-Z_][A-Z0-9_]*")
_NAME = pattern(r"(?:\*\.)?[^\s/@*?#\\]+")


@dataclass(frozen=True, slots=True)
class Reach:
    """A host that the flow itself or its project has chosen, and the model whose prompts and key would be sent there.

    ``variables`` are the environment variables that a declaration in the flow or the project sends there. ``declared``
    is the name of an endpoint that the file of the project declares, "" otherwise. It is ``foreign`` if a flow
    sends the key of another service to a host.
    """

    model: str
    host: str
    variables: tuple[str, ...] = ()
    declared: str = ""
    foreign: bool = False

    @property
    def needed(self) -> str:
        """The permission for it: the host, or the variable and the host if the key is another service's."""
        return f"{self.variables[0]}@{self.host}" if self.foreign else self.host

    @property
    def told(self) -> str:
        sent = f" with the value of {' and '.join(self.variables)}" if self.variables else ""
        return f"{self.model} at {self.host}{sent}{_FOREIGN if self.foreign else ''}"


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
    declared: DeclaredEndpoints | None = None,
) -> tuple[str, ...]:
    """Check that the user allows all hosts of a run. Return the hosts that the user allowed when asked.

    ``chosen`` are the addresses of models that the user named. ``of_project`` is True if the file of the flow's project
    names the default model. ``declared`` are the endpoints that the user, the project and the flow declare. What the
    user approves of a project's endpoints is kept. Raises UsageError if a host is not allowed.
    """
    patterns = [*map(_pattern, allowed), *from_variable(environ), *from_settings(environ)]
    by_user, named = set(chosen), NO_ENDPOINTS if declared is None else declared
    reached = [
        reach
        for address, endpoint in endpoints.items()
        for base in getattr(endpoint.provider, "addresses", (endpoint.provider.endpoint,))
        if (reach := _reach(address, base, by_user, named, environ)) is not None
    ]
    left = _unlike(reached, patterns)
    if left:
        # This loads every provider.
        bases = base_variables(environ).values()
        own = [host.lower() for base in bases if (host := host_of(base))]
        left = [one for one in left if one.declared or _unlike([one], own)]
    if declared is not None and any(one.declared for one in left):
        from .approvals import is_approved

        if is_approved(declared, environ):
            left = [one for one in left if not one.declared]
    if not left:
        return ()
    hosts = tuple(dict.fromkeys(reach.needed for reach in left))
    if ask is not None and ask(left):
        if declared is not None and any(one.declared for one in left):
            from .approvals import approve

            approve(declared, environ)
        # The user approves the endpoints of a project by their digest, and none that it may declare at this host later.
        return tuple(dict.fromkeys(one.needed for one in left if not one.declared))
    raise UsageError(_refusal(left, hosts, environ, of_project=of_project))


def _reach(
    address: str,
    base: str,
    chosen: Collection[str],
    declared: Mapping[str, NamedEndpoint],
    environ: Mapping[str, str],
) -> Reach | None:
    """Return what a model reaches that its user has not chosen; None if that is nothing."""
    name = address.partition(":")[0]
    named = None if is_own(name) else declared.get(name)
    if named is None:
        host = "" if address in chosen else _host(address, base)
        return Reach(address, host) if host else None
    if named.origin == "user":
        return None
    sent = sent_by(named)
    if named.origin == "flow":
        host, foreign = _host(address, base), False
        if sent:
            from .key_homes import is_foreign  # few flows name a key

            users = getattr(declared, "user", NO_ENDPOINTS)
            foreign = any(is_foreign(one, base, environ, users) for one in sent)
        host = host or (host_of(base).lower() if foreign else "")
        return Reach(address, host, sent, foreign=foreign) if host else None
    if is_loopback(named.base_url) and not sent:
        return None
    return Reach(address, host_of(named.base_url).lower().rstrip("."), sent, named.name)


def _refusal(left: Sequence[Reach], hosts: Sequence[str], environ: Mapping[str, str], *, of_project: bool) -> str:
    flags = " ".join(f"--allow-host {host}" for host in hosts)
    declared = [one for one in left if one.declared]
    others = [one for one in left if not one.declared]
    if not declared:
        who = "the flow or its project's flowrun.toml" if of_project else "the flow"
        return (
            f"{who} chooses its own models, and may not yet send prompts and your key there: {_listed(others)}. If you "
            f"trust it, add {flags} (from Python: RunOptions(allow_host=…)), or put the host into "
            f'{settings_file(environ)} as allow_hosts = ["{hosts[0]}"]'
        )
    rest = f"; the flow itself chooses {_listed(others)}" if others else ""
    return (
        "the flowrun.toml of the project declares endpoints that you have not approved, and may not yet send prompts "
        f"and keys there: {_listed(declared)}{rest}. If you trust it, approve its endpoints by `flowrun endpoints "
        f"approve`, or add {flags} (from Python: RunOptions(allow_host=…) or ask_hosts=…)"
    )


def _listed(reaches: Sequence[Reach]) -> str:
    return ", ".join(
        f"{shown(one.model)} at {shown(one.host)}"
        + (f" with the value of {' and '.join(one.variables)}" if one.variables else "")
        + (_FOREIGN if one.foreign else "")
        for one in reaches
    )


def from_variable(environ: Mapping[str, str]) -> list[str]:
    return [_pattern(name.strip()) for name in environ.get(VARIABLE, "").split(",") if name.strip()]


def from_settings(environ: Mapping[str, str]) -> list[str]:
    """Read the allowed hosts from the user's settings. Raises UsageError if the file exists but cannot be read."""
    hosts = user_settings(environ).get("allow_hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        path = shown(str(settings_file(environ)))
        raise UsageError(f'`allow_hosts` in {path} must be a list of hosts, such as ["api.openai.com"]')
    return [_pattern(host) for host in hosts]


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
    if (variable or reach.foreign) and variable not in reach.variables:
        return False
    host = reach.host
    if host == pattern:
        return True
    bare = hostname_of(host)
    if pattern.startswith("*."):
        return bare.endswith(pattern[1:])
    return bare.rstrip(".") == pattern
