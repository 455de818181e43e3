"""The batch APIs of hosted services: many requests in one submission, at half the price, within 24 hours.

``api_of`` finds the batch API of a provider. Each API is a module of this folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..hosted import ServedProvider
    from .protocol import SubmissionApi


def lacks_batch(provider: object) -> str:
    """Say why a provider has no batch API. "" if it has one, or if its server may have one."""
    served = served_by(provider)
    if served is None or _kind(served) is None or "batch" in served._at.lacks:
        return "has no batch API"
    return ""


def served_by(provider: object) -> ServedProvider | None:
    """Return the provider whose batch API a model has: of several addresses the first. None if it has none."""
    from ..hosted import ServedProvider

    first = getattr(provider, "first", provider)
    return first if isinstance(first, ServedProvider) else None


def api_of(provider: ServedProvider) -> SubmissionApi:
    """Return the batch API of a provider, at its own endpoint. Nothing is sent yet."""
    from .transport import Transport

    transport, name = Transport(provider._at), provider.model.partition(":")[2]
    match _kind(provider):
        case "anthropic":
            from .anthropic import AnthropicBatches

            return AnthropicBatches(transport, name)
        case "gemini":
            from .gemini import GeminiBatches

            return GeminiBatches(transport, name)
        case "mistral":
            from .mistral import MistralBatches

            return MistralBatches(transport, name)
        case _:
            from .openai import OpenAIBatches

            return OpenAIBatches(transport, name)


def _kind(provider: ServedProvider) -> str | None:
    """Return the API by the class of the provider and, for servers that speak Chat Completions, by its address."""
    spoken = type(provider).__module__.rpartition(".")[2]
    if spoken not in ("openai", "anthropic", "gemini"):
        return None
    host = provider.endpoint.partition("://")[2].partition("/")[0]
    mistral = provider.model.startswith("mistral:") or host.endswith("mistral.ai")
    return "mistral" if spoken == "openai" and mistral else spoken
