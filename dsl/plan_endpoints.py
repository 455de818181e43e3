"""The endpoints of a plan, and the words for what an endpoint may not serve."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from .plain_data import OMITTED
from .records import dataclass

EndpointKind = Literal["openai", "anthropic", "gemini"]
ENDPOINT_KINDS: tuple[EndpointKind, ...] = ("openai", "anthropic", "gemini")
"""The providers whose API an endpoint may speak."""
ABILITIES = (
    "batch",
    "frequency_penalty",
    "images",
    "json_object",
    "json_schema",
    "logprobs",
    "n",
    "presence_penalty",
    "reasoning",
    "seed",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "usage",
    "user",
    "verbosity",
)
"""The words for what a request may ask of an endpoint, in the order of the alphabet."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that the flow declares. Its models are written ``name:model``.

    ``key`` is the name of the environment variable with its key; "" if it needs none. ``kind`` is the provider whose
    API it speaks. ``lacks`` has what it does not serve.
    """

    name: str
    addresses: tuple[str, ...]
    key: str = field(default="", metadata={OMITTED: ""})
    kind: EndpointKind = field(default="openai", metadata={OMITTED: "openai"})
    lacks: tuple[str, ...] = field(default=(), metadata={OMITTED: ()})
