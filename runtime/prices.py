"""What tokens cost, where that is known: the table of genai-prices, an extra that is loaded only when it is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

_SERVICES = {
    "openai": ("openai", "OPENAI_BASE_URL"),
    "anthropic": ("anthropic", "ANTHROPIC_BASE_URL"),
    "gemini": ("google", "GOOGLE_GEMINI_BASE_URL"),
}


def cost(model: str, input_tokens: int, output_tokens: int, environ: Mapping[str, str] | None = None) -> float | None:
    """Dollars for so many tokens of ``provider:name``; None where no price is known.

    A local model costs nothing. Behind a base URL of the user's own the price is the user's own, too: unknown.
    """
    provider, _, name = model.partition(":")
    if provider == "embedded":
        return 0.0
    service, variable = _SERVICES.get(provider, ("", ""))
    if not service or (os.environ if environ is None else environ).get(variable, "").strip():
        return None
    each = _prices(service, name)
    return None if each is None else (input_tokens * each[0] + output_tokens * each[1]) / 1_000_000


@lru_cache(maxsize=256)
def _prices(service: str, name: str) -> tuple[float, float] | None:
    """Dollars for a million tokens in and out."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    try:
        million_in = calc_price(Usage(input_tokens=1_000_000), model_ref=name, provider_id=service).total_price
        million_out = calc_price(Usage(output_tokens=1_000_000), model_ref=name, provider_id=service).total_price
    except LookupError:
        return None
    return float(million_in), float(million_out)
