"""Endpoints by name: an address with its key, and the API that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from flowrun.dsl import dataclass

Kind = Literal["openai", "anthropic", "gemini"]


@dataclass(frozen=True, slots=True)
class NamedEndpoint:
    """The declaration of an endpoint. Models of it are written ``name:model``.

    Attributes:
        base_url: its address.
        key_env: the environment variable with its key; "" if it needs none.
        kind: the provider whose API it speaks.
        headers: further headers; ``$NAME`` in a value stands for an environment variable.
        ca: a file with the certificates that it is checked against; "" for those of the system.
        lacks: what it is known not to serve.
        others: the further addresses of an endpoint that has several.
        price_list: its id in the table of genai-prices; "" if its prices are not known.
    """

    name: str
    base_url: str
    key_env: str = ""
    kind: Kind = "openai"
    headers: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""
    price_list: str = ""
    lacks: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()
