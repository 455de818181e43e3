"""The hosted APIs: their addresses, and the variables that their SDKs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flowrun.dsl import dataclass

from .addresses import complete
from .declared_headers import variables_in
from .named_endpoints import BuiltIn, NamedEndpoint
from .traits import ProviderSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(ProviderSpec):
    """A hosted API: its address, and the environment variables that its SDK reads, in order of precedence.

    Attributes:
        base_url: the address if ``base_variable`` is not set.
        key_prefix: the text before the key in the header.
        other_headers: optional headers, as pairs of a variable and a header.
        versions: endings of a base URL that some clients of this API want. They are cut off: each call names its
            version.
        spoken: many other servers speak this API, and their users set its variables.
        named: the declaration of an endpoint that speaks it.
        row: its row in the table of the endpoints that flowrun knows.
    """

    base_url: str
    key_variables: tuple[str, ...]
    key_header: str
    key_prefix: str = ""
    other_headers: tuple[tuple[str, str], ...] = ()
    versions: tuple[str, ...] = ()
    spoken: bool = False
    named: NamedEndpoint | None = None
    row: BuiltIn | None = None

    def __post_init__(self) -> None:
        others = [variable for variable, _ in self.other_headers]
        if self.named is not None:
            others += [one for value in self.named.headers.values() for one in variables_in(value)]
        base = (self.base_variable,) if self.base_variable else ()
        object.__setattr__(self, "variables", (*self.key_variables, *base, *others))

    @property
    def api(self) -> str:
        """The name of the provider whose API it speaks."""
        return self.name if self.named is None else self.named.kind

    def address(self, environ: Mapping[str, str]) -> str:
        own = environ.get(self.base_variable, "").strip() if self.base_variable else ""
        if own and self.row is not None and self.row.bare is not None:
            own = complete(own, *self.row.bare)
        given = own or self.base_url
        return given if given.endswith("://") else given.rstrip("/")

    def places(self, environ: Mapping[str, str]) -> int:
        return self.traits.concurrency or 1


def service_of(named: NamedEndpoint, spoken: Service) -> Service:
    """Return the service at a named endpoint. ``spoken`` is the service whose API it speaks."""
    traits = spoken.traits
    return replace(
        spoken,
        name=named.name,
        title=named.name,
        example=f"{named.name}:NAME",
        base_url=named.base_url,
        base_variable="",
        key_variables=(named.key_env,) if named.key_env else (),
        other_headers=(),
        traits=replace(traits, price_list=named.price_list, price_variable="", lacks=traits.lacks | named.lacks),
        named=named,
    )


def service_of_row(row: BuiltIn, spoken: Service) -> Service:
    """Return the service of a row of the table. ``spoken`` is the service whose API it speaks."""
    service = service_of(row.at, spoken)
    return replace(
        service,
        title=row.title,
        example=f"{row.at.name}:{row.example}",
        base_variable=row.base_variable,
        key_variables=(*row.other_keys, row.at.key_env),
        key_header=row.key_header or spoken.key_header,
        key_prefix="" if row.key_header else spoken.key_prefix,
        other_headers=row.optional,
        traits=replace(service.traits, local=row.local, price_variable=row.base_variable, concurrency=row.places),
        row=row,
    )
