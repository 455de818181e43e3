"""Endpoints by name: an address with its key, and the API that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from flowrun.dsl import dataclass

if TYPE_CHECKING:
    from flowrun.dsl import EndpointKind

Origin = Literal["built-in", "user", "project", "flow"]


@dataclass(frozen=True, slots=True)
class NamedEndpoint:
    """The declaration of an endpoint. Models of it are written ``name:model``.

    Attributes:
        base_url: its address.
        key_env: the environment variable with its key; "" if it needs none.
        kind: the provider whose API it speaks.
        headers: further headers; ``$NAME`` in a value stands for an environment variable.
        ca: a file with the certificates that it is checked against; "" for those of the system.
        price_list: its id in the table of genai-prices; "" if its prices are not known.
        lacks: the parts of a request that it is known not to take, such as ``n`` and ``json_schema``.
        origin: the place of the declaration.
        others: the further addresses of an endpoint that has several.
    """

    name: str
    base_url: str
    key_env: str = ""
    kind: EndpointKind = "openai"
    headers: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""
    price_list: str = ""
    lacks: frozenset[str] = frozenset()
    origin: Origin = "flow"
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """A row of the table of endpoints that flowrun knows.

    Attributes:
        at: its declaration; ``base_url`` is "" if each customer has an address of their own.
        title: the service in a few words.
        example: the name of a model, without the endpoint's name.
        base_variable: the variable that replaces its address.
        bare: what completes an address without a port or a path, as its own tools take it: the port and the path.
        other_keys: further variables with its key, the last of them the first to count.
        key_header: the header with the key, if it is not that of its kind.
        optional: pairs of a variable and a header that is sent if the variable is set.
        local: it runs on this machine if its address is not replaced, needs no key and costs nothing.
        places: the requests in flight at first.
    """

    at: NamedEndpoint
    title: str
    example: str
    base_variable: str
    bare: tuple[int, str] | None = None
    other_keys: tuple[str, ...] = ()
    key_header: str = ""
    optional: tuple[tuple[str, str], ...] = ()
    local: bool = False
    places: int = 32
