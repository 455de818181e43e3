"""The price of a call to a batch API: half of the live price.

The pages of OpenAI ("Batch API"), Anthropic ("Batch processing"), Google ("Batch API") and Mistral ("Batch inference")
all say 50 %. Every figure that depends on it asks here.
"""

from __future__ import annotations

from .usage import Usage

BATCH_TIER = "batch"
"""The tier of a usage that a batch API bills."""
BATCH_SHARE = 0.5
"""The part of the live price that a batch API takes."""


def share_of(usage: Usage) -> float:
    """Return the part of the live price that a usage costs."""
    return BATCH_SHARE if usage.tier == BATCH_TIER else 1.0
