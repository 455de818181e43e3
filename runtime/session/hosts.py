"""The hosts that a run may reach. These are hosts that the user has named. A flow cannot add hosts by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from flowrun.dsl import dataclass, pattern

from ..dispatch.endpoint import Endpoint
from ..files.settings import settings_file, user_settings
from ..providers import base_variables, is_local
from ..providers.addresses import host_of, hostname_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown

VARIABLE = "FLOWRUN_ALLOW_HOST"
_NAME = pattern(r"(?:\*\.)?[^\s/@*?#\\]+")


@dataclass(frozen=True, slots=True)
class Reach:
    """A host that the flow itself has chosen, and the model whose prompts and key would be sent there."""

    model: str
    host: str


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
) -> tuple[str, ...]:
    """Check that the user allows all hosts of a run. Return the hosts that the user allowed when asked.

    ``chosen`` are the addresses of models that the user named. ``of_project`` is True if the file of the flow's project
    names the default model. Raises UsageError if a host is not allowed.
    """
    patterns = [*map(_pattern, allowed), *from_variable(environ), *from_settings(environ)]
    by_user = set(chosen)
    reached = [
        Reach(address, host)
        for address, endpoint in endpoints.items()
        if address not in by_user and (host := _host(address, endpoint))
    ]
    left = _unlike(reached, patterns)
    if left:
        # This loads every provider.
        bases = base_variables(environ).values()
        left = _unlike(left, [host.lower() for base in bases if (host := host_of(base))])
    if not left:
        return ()
    hosts = tuple(dict.fromkeys(reach.host for reach in left))
    if ask is not None and ask(left):
        return hosts
    listed = ", ".join(f"{shown(reach.model)} at {shown(reach.host)}" for reach in left)
    flags = " ".join(f"--allow-host {host}" for host in hosts)
    who = "the flow or its project's flowrun.toml" if of_project else "the flow"
    raise UsageError(
        f"{who} chooses its own models, and may not yet send prompts and your key there: {listed}. If you "
        f"trust it, add {flags} (from Python: RunOptions(allow_host=…)), or put the host into "
        f'{settings_file(environ)} as allow_hosts = ["{hosts[0]}"]'
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
    host = text.strip().lower().rstrip(".")
    if not _NAME.fullmatch(host):
        raise UsageError(
            f"{shown(text)} is not a host: write a host as in api.openai.com, 10.0.0.5:8000 or *.example.com"
        )
    return host


def _host(address: str, endpoint: Endpoint) -> str:
    """Return the host of an endpoint, with its port if it has one. "" if requests stay on this machine.

    For another package's provider without an address, return the provider's name with a colon.
    """
    base = endpoint.provider.endpoint
    if is_local(address, base):
        return ""
    if "://" not in base:
        return f"{address.partition(':')[0]}:".lower()
    return host_of(base).lower().rstrip(".") or f"{address.partition(':')[0]}:".lower()


def _unlike(reached: Iterable[Reach], patterns: Collection[str]) -> list[Reach]:
    return [one for one in reached if not any(_fits(one.host, pattern) for pattern in patterns)]


def _fits(host: str, pattern: str) -> bool:
    if host == pattern:
        return True
    bare = hostname_of(host)
    if pattern.startswith("*."):
        return bare.endswith(pattern[1:])
    return bare.rstrip(".") == pattern
