"""The homes of keys. A key goes to the host that it was declared for, and to no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowrun.dsl import ENDPOINT_KINDS

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .addresses import host_of
from .declared_headers import variables_in
from .named_endpoints import NamedEndpoint
from .services import Service
from .traits import ProviderSpec

_MODULES = frozenset((*ENDPOINT_KINDS, "embedded"))
"""The providers of most runs, for which no file of settings is read."""


def sent_by(named: NamedEndpoint) -> tuple[str, ...]:
    """Return the environment variables whose values an endpoint gets."""
    others = [one for value in named.headers.values() for one in variables_in(value)]
    return tuple(dict.fromkeys((*([named.key_env] if named.key_env else []), *others)))


def sent_to(addresses: Iterable[str], declared: Mapping[str, NamedEndpoint]) -> tuple[str, ...]:
    """Return the environment variables whose values the declared endpoints of these models get."""
    names = dict.fromkeys(address.partition(":")[0] for address in addresses)
    return tuple(one for name in names if name not in _MODULES and name in declared for one in sent_by(declared[name]))


def check_home(
    named: NamedEndpoint,
    known: Iterable[ProviderSpec],
    users: Mapping[str, NamedEndpoint],
    environ: Mapping[str, str],
) -> None:
    """Check that an endpoint of a project does not send the key of another endpoint to another host.

    ``known`` are the endpoints that flowrun knows, ``users`` those of the user's own settings. Raises: UsageError.
    """
    if named.origin != "project":
        # A flow that sends a key elsewhere needs a permission that names the variable: see ``session.hosts``.
        return
    of_known = [(one.name, one.address(environ), one.key_variables) for one in known if isinstance(one, Service)]
    services = [*of_known, *((one.name, one.base_url, sent_by(one)) for one in users.values())]
    host = host_of(named.base_url).lower()
    for variable in sent_by(named):
        homes = {name: host_of(address).lower() for name, address, variables in services if variable in variables}
        if homes and host not in homes.values():
            raise UsageError(
                f"the endpoint `{named.name}` of the {named.origin} would send {variable}, the key of "
                f"{' and '.join(homes)}, to {shown(host)}: name a variable of its own, or declare the endpoint in "
                "your own settings (~/.config/flowrun/settings.toml)"
            )
