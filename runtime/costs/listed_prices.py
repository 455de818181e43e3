"""The prices that genai-prices knows, by service tier, class of tokens and length of the prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time
from typing import TYPE_CHECKING, Any

from ..vocabulary.tariff import Stores, Tariff
from ..vocabulary.usage import Price

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_CLASSES = {
    "read": "input_mtok",
    "written": "output_mtok",
    "cached": "cache_read_mtok",
    "stored": "cache_write_mtok",
    "long_stored": "cache_write_1h_mtok",
    "images": "input_image_mtok",
    "reasoning": "output_reasoning_mtok",
}
"""The names that genai-prices gives the prices of the classes."""
_HALF_HOUR = 1800
_ASKED = frozenset({"anthropic", "aws", "google"})
"""The services that write to a cache only if a request asks for it. Others do so by themselves."""


def listed(service: str, name: str, sent: int | None) -> Price | None:
    """Look up the prices of a model of a service; None if genai-prices does not know it or is not installed."""
    # Some services charge less at night. Their hours begin at a half hour.
    return _at(service, name, sent, int(time()) // _HALF_HOUR)


@lru_cache(maxsize=256)
def _at(service: str, name: str, sent: int | None, half_hours: int) -> Price | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    try:
        model = calc_price(Usage(input_tokens=1), model_ref=name, provider_id=service).model
    except LookupError:
        return None
    at = datetime.fromtimestamp(half_hours * _HALF_HOUR, tz=UTC)
    tariffs = {tier: _tariffs(model.get_prices(at, context)) for tier, context in _tiers(model)}
    day = [at + timedelta(seconds=_HALF_HOUR * later) for later in range(48 if isinstance(model.prices, list) else 1)]
    whole_day = [one for moment in day for one in _tariffs(model.get_prices(moment))]
    usual = tariffs[""][0]
    stores: Stores = "" if service in _ASKED or usual.stored is None else "short"
    return Price(
        max(one.read for one in whole_day),
        max(one.written for one in whole_day),
        sent,
        model.context_window,
        (usual.read, usual.written),
        usual.cached,
        usual.stored,
        tuple(tariffs.items()),
        stores,
    )


def _tiers(model: ModelInfo) -> Iterator[tuple[str, Mapping[str, str] | None]]:
    """Yield the service tiers of a model, and how genai-prices calls them. "" is the ordinary one."""
    yield "", None
    for variant in model.price_variants or ():
        if variant.when.keys() == {"service_tier"}:
            yield variant.when["service_tier"], variant.when
        elif variant.when == {"processing": "batch"}:
            yield "batch", variant.when


def _tariffs(prices: ModelPrice) -> tuple[Tariff, ...]:
    """Return the prices of a token by class, for short prompts and for each greater length."""
    found = {name: getattr(prices, key) for name, key in _CLASSES.items()}
    lengths = {0}.union(*({tier.start for tier in getattr(one, "tiers", ())} for one in found.values()))
    return tuple(_tariff(found, above) for above in sorted(lengths))


def _tariff(found: Mapping[str, object], above: int) -> Tariff:
    each = {name: _dollars(price, above) for name, price in found.items()}
    return Tariff(each.pop("read") or 0.0, each.pop("written") or 0.0, **each, above=above)


def _dollars(price: Any, above: int) -> float | None:
    """Return the dollars for a token in a prompt longer than this many tokens."""
    if price is None:
        return None
    chosen = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if tier.start <= above and above:
            chosen = tier.price
    return float(chosen) / 1_000_000
