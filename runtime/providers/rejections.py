"""The reading of a rejection. It names a part of the request, or a cause that no other form of it can avoid."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from flowrun.dsl import pattern

from .failures import RejectedError

SAMPLES = "samples"
SHAPE = "shape"

# Causes that no other way of asking mends, by the code or the type of the error (OpenAI's, Azure's, llama.cpp's,
# Google's and Anthropic's pages of errors), or by a sentence that can mean nothing else.
_OTHER_CODES = frozenset(
    "context_length_exceeded exceed_context_size_error string_above_max_length request_too_large invalid_api_key "
    "authentication_error permission_error model_not_found not_found_error content_filter content_policy_violation "
    "responsibleaipolicyviolation invalid_prompt billing_error insufficient_quota rate_limit_exceeded "
    "unsupported_country_region_territory".split()
)
_OTHER_CAUSE = pattern(
    r"context (?:length|size|window)|maximum (?:context|prompt|input)|(?:prompt|input|message)s? (?:is|are) too long|"
    r"too many (?:input )?tokens|tokens? (?:count )?exceeds?|reduce the length|api key|"
    r"model\S* .{0,80}(?:does not exist|not found|not exist)|content (?:management|policy|filter)|"
    r"safety (?:system|filter|reasons)|flagged|credit|billing|quota",
    re.IGNORECASE,
)
# The words of servers that do not know a parameter at all; a wrong value of a known parameter has other words.
_UNKNOWN = pattern(
    r"unsupported|not support|not permitted|not allowed|unrecognized|unknown|deprecated|extra (?:inputs|fields)|"
    r"unexpected|only the default|not enabled|unavailable|not available|not implemented|cannot find field",
    re.IGNORECASE,
)
_OF_ONE_SCHEMA = pattern(
    r"too (?:large|many|complex|deep|big|long)|keyword|invalid (?:json )?schema|schema (?:for|at|is)|in context|"
    r"propert|depth|nest|compil|enum|\bpattern\b|(?:min|max)(?:imum|Items|Length)|(?:any|one|all)Of|\$ref|additional|"
    r"in (?:the |your |this )?(?:json )?schema|"
    r"['\"`](?:type|format|items|not|const|default|title|description|if|required|\w+Items|examples)['\"`]",
    re.IGNORECASE,
)
_PATTERNS = {
    SHAPE: pattern(
        r"response_?format|response_?(?:json_?)?schema|response_?mime|json_schema|json_object|json mode|schema|"
        r"structured|guided|grammar|output_?(?:config|format)|text_?format|tool_?(?:choice|config)|\btools\b",
        re.IGNORECASE,
    ),
    SAMPLES: pattern(
        r"['\"`]n['\"`]|\bn\s*(?:=|>|<|:|must|should|has to|cannot|can only|is\b)|\b(?:parameter|value of|field) n\b|"
        r"\bn_?cmpl\b|candidate|completion choices?|(?:multiple|several) (?:choices|completions)|best_of",
        re.IGNORECASE,
    ),
}
_PARAMETERS = {
    SHAPE: pattern(
        r"response_?format|response_?(?:json_?)?schema|response_?mime|text\.format|json_schema|output_config|"
        r"output_?(?:config|format)|text_?format|tools|tool_?(?:choice|config)|guided|grammar",
        re.IGNORECASE,
    ),
    SAMPLES: pattern(r"(?:.*\.)?(?:n|n_cmpl|candidate_?count)\Z", re.IGNORECASE),
}
_ONLY_ONE = pattern(r"\b(?:only|exactly|more than|at most)\s+(?:one|1)\b|\bmultiple\b", re.IGNORECASE)
_NUMBERS = pattern(r"(?<![\w.-])\d{1,4}(?![\w.]*\w)")
_READ = 4096
"""The most characters of a sentence that are searched."""
_VALUES = ("temperature", "max_tokens", "max_completion_tokens")
"""Parameters whose values come from the user: leaving one out would change the answer."""


def suspects(rejected: RejectedError, present: Sequence[str], proven: Collection[str] = ()) -> list[str]:
    """Return the parts among those ``present`` in a request that the server may object to, the likeliest first.

    The list is empty if the server objects to something else. A part that the server is ``proven`` to accept is
    included only if the server names it.
    """
    if means_another_cause(rejected):
        return []
    named = [part for part in present if is_named(part, rejected)]
    if named:
        return [] if any(part in _VALUES and not unknown(rejected, part) for part in named) else named
    if rejected.parameter or rejected.billed:
        return []
    return [part for part in present if part not in _VALUES and part not in proven]


def means_another_cause(rejected: RejectedError) -> bool:
    """Tell whether the server names a cause that no other form of the request can avoid."""
    if any(word.lower() in _OTHER_CODES for word in rejected.words):
        return True
    return bool(_OTHER_CAUSE.search(rejected.sentence[:_READ]))


def is_named(part: str, rejected: RejectedError) -> bool:
    """Tell whether the server names a part of the request, in the parameter or in the sentence of its rejection."""
    if part not in _PATTERNS:
        return _mentions(rejected, part)
    if rejected.parameter:
        return bool(_PARAMETERS[part].match(rejected.parameter))
    return bool(_PATTERNS[part].search(rejected.sentence[:_READ]))


def unknown(rejected: RejectedError, parameter: str) -> bool:
    """Tell whether the server objects to the parameter itself. The user must correct a value that is out of range."""
    return _mentions(rejected, parameter) and bool(_UNKNOWN.search(rejected.sentence[:_READ]))


def _mentions(rejected: RejectedError, parameter: str) -> bool:
    if rejected.parameter == parameter or rejected.parameter.endswith(f".{parameter}"):
        return True
    # No sentence has this word for another reason, so it may also begin one.
    case = re.IGNORECASE if parameter == "logprobs" else re.NOFLAG
    return bool(re.search(rf"(?<!\w){re.escape(parameter)}(?!\w)", rejected.sentence[:_READ], case))


def of_every_schema(rejected: RejectedError) -> bool:
    """Tell whether the server says that it does not know this form at all, whatever the schema is."""
    said = rejected.sentence[:_READ]
    return bool(_UNKNOWN.search(said)) and not _OF_ONE_SCHEMA.search(said)


def fewer_samples(rejected: RejectedError, asked: int, served: int) -> tuple[int, bool]:
    """Return the number of samples to ask for instead, and whether the server has said that it gives no more.

    The server may name the number. Otherwise it is the number that it has ``served``, or half way from there to the
    number ``asked`` for.
    """
    said = rejected.sentence[:_READ]
    numbers = [int(found) for found in _NUMBERS.findall(said)]
    fewer = [number for number in numbers if 1 <= number < asked]
    if fewer and is_named(SAMPLES, rejected):
        return max(fewer), True
    # A rejection that names the number asked for objects to that value, perhaps to no other.
    if _ONLY_ONE.search(said) or (_UNKNOWN.search(said) and asked not in numbers):
        return min(served, asked - 1), True
    return max(1, (asked + min(served, asked - 1)) // 2), False


def signature(rejected: RejectedError) -> str:
    """Return a text that is equal for two rejections which differ only in numbers and in the names of requests."""
    said = re.sub(r"\w*\d\w*", "#", rejected.sentence[:300])
    return f"{rejected.status} {rejected.parameter} {said}"
