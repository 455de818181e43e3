"""The recognition of errors that close a model.

It does not exist, or this key may not use it, so no request can succeed.

A wrong path has the same status 404, and a prompt that a policy forbids has the same 403. Those errors tell nothing
about the next request. The codes, types and parameters of the providers tell the errors apart; without them, the
sentence does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# OpenAI, Azure, Mistral, Groq, Together, Hugging Face and LiteLLM name it in codes or types.
_CODES = re.compile(
    r"model_?not_?(?:found|available|supported|exist|allowed)|(?:invalid|unknown|unsupported)_?model|"
    r"model_(?:decommissioned|deprecated|terms_required)|model_access_denied|deployment_?not_?found",
    re.IGNORECASE,
)
# The key may not use the model, whatever the prompt (Anthropic, Google, OpenAI's regions).
_FORBIDDEN = frozenset({"permission_error", "permission_denied", "unsupported_country_region_territory", "no_access"})
_POLICY = re.compile(
    r"moderat|flagged|content[ _-]?(?:policy|filter|management)|policy|policies|safety|violat|harmful|recitation",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"\b(?:url|uri|path|route|page|method|api endpoint|resource path)\b|unexpected endpoint|^not found\.?$",
    re.IGNORECASE,
)
_ABSENT = (
    r"(?:does(?: not|n't|n’t) exist|not exist|not found|not available|unavailable|not supported|not enabled|"
    r"not (?:be )?(?:accessed|allowed|permitted|authorized)|no longer|decommissioned|deprecated|not a valid)"
)
_SENTENCE = re.compile(
    rf"^models?: |\b(?:model|models/\S+|deployment|engine)\b.{{0,160}}?{_ABSENT}|no endpoints? (?:found|available) for|"
    r"(?:no|not have|n['’]t have|without|lacks?) (?:access|permission).{0,120}\b(?:model|deployment|engine)s?\b|"
    r"(?:not|n't) (?:allowed|permitted|authorized|entitled).{0,120}\b(?:model|deployment|engine)s?\b|"
    r"not a valid model|invalid model\b",
    re.IGNORECASE | re.DOTALL,
)
# Bedrock's sentences, under three statuses.
_UNSERVED = re.compile(
    r"model identifier is invalid|on-demand throughput isn.t supported|end of its life|"
    r"use case details have not been submitted|^model access is denied",
    re.IGNORECASE,
)
_READ = 2000
"""The most characters of a sentence that are searched."""


def closes_model(status: int, error: Mapping[str, Any], words: Sequence[str], sentence: str, name: str) -> bool:
    """Tell whether an error closes the model ``name``, and not only one request. ``words`` are its codes and types."""
    if status not in (400, 403, 404):
        return False
    sentence = sentence[:_READ]
    # OpenRouter tells of a flagged prompt in its metadata alone.
    metadata = error.get("metadata")
    flagged = isinstance(metadata, Mapping) and "flagged_input" in metadata
    if flagged or any(_POLICY.search(word) for word in words):
        return False
    if any(_CODES.search(word) for word in words) or _UNSERVED.search(sentence):
        return True
    if status == 400:
        # Most errors about a request name the model in passing.
        return bool(re.search(r"not a valid model|^model not exist", sentence, re.IGNORECASE))
    if _POLICY.search(sentence):
        return False
    if status == 403 and any(word.lower() in _FORBIDDEN for word in words):
        return True
    if error.get("param") == "model":
        return True
    if _PATH.search(sentence) or any("url" in word.lower() for word in words):
        return False
    named = bool(name) and name in sentence and bool(re.search(_ABSENT, sentence, re.IGNORECASE))
    return named or bool(_SENTENCE.search(sentence))
