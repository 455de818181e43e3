"""The reading of a server's answer: its JSON, or the class of error that decides what may be done next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowrun.dsl import pattern

from ..vocabulary.errors import (
    AnswerError,
    CallError,
    EndpointError,
    InDoubtError,
    MalformedError,
    ModelError,
    PermanentError,
    RefusedError,
    mistake_in,
)
from ..vocabulary.usage import Rates, Usage
from .addresses import host_of
from .amazon_errors import AMAZON_STATUS, amazon_name
from .endpoints import HttpEndpoint
from .pauses import details_of, retry_after
from .rate_headers import read_rates
from .structured import clean
from .wire import decode

DEPTH = 64
KEPT = 64 * 1024
"""The most characters that are kept of an answer that was paid for and cannot be read."""
_REFUSED = frozenset({408, 409, 425, 429, 503, 529})
# The status for each type of error, for servers that send an error under status 200 (Anthropic's types, Google's
# status words, OpenAI's types and codes).
_STATUS = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "slow_down": 429,
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "unavailable": 503,
    "api_error": 500,
    "server_error": 500,
    "internal": 500,
    "internalservererror": 500,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "invalid_argument": 400,
    "context_length_exceeded": 400,
    "exceed_context_size_error": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "invalid_prompt": 400,
    "failed_precondition": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "billing_error": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "not_found": 404,
    "request_too_large": 413,
    **AMAZON_STATUS,
}
_QUOTA = pattern(r"insufficient_quota|billing|spend_limit|usage_limit|credit_balance", re.IGNORECASE)
# Anthropic reports an empty account by the sentence alone, under 400 ("Errors"); Bedrock so reports the quota of a day.
_NO_CREDIT = pattern(
    r"credit balance is too low|insufficient (?:credits|balance|funds)|"
    r"too many (?:tokens|requests) per day",
    re.IGNORECASE,
)
# A gateway answers in this way if no server takes the parameters of a request (OpenRouter, "Provider Routing").
_DOUBTFUL = frozenset({404, 405, 501})
_PARAMETERS = pattern(r"parameter|response_?format|structured|json_schema|\bn\b", re.IGNORECASE)


class RejectedError(PermanentError):
    """The server rejects the request as it is (400, 422).

    ``parameter`` is the part that the server names, "" if it names none. ``sentence`` is the whole objection, and
    ``words`` are its code and type, for a provider that can ask in another way. A rejection is ``billed`` if it may be
    on the bill, because its status was a success.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        sentence: str,
        parameter: str = "",
        words: tuple[str, ...] = (),
        billed: bool = False,
    ) -> None:
        super().__init__(message, status=status)
        self.sentence = sentence
        self.parameter = parameter
        self.words = words
        self.billed = billed


def read_answer(
    endpoint: HttpEndpoint, status: int, headers: Mapping[str, str], raw: bytes | bytearray
) -> dict[str, Any]:
    """Return the JSON object of a good answer; raise the fitting class of error for any other answer."""
    if not 200 <= status < 300:
        raise failure(endpoint, status, headers, raw)
    kind = headers.get("Content-Type", "application/json")
    if kind != "application/json":
        kind = kind.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise _useless(endpoint, f"the answer is {endpoint.quote(kind) or 'without a type'}, not JSON", raw)
    try:
        data = decode(raw)
    except UnicodeDecodeError:
        raise _useless(endpoint, "the answer is not UTF-8", raw) from None
    except ValueError:
        raise _useless(endpoint, "the answer is incomplete JSON", raw) from None
    except RecursionError:
        raise _useless(endpoint, f"the answer is nested deeper than {DEPTH} levels", raw) from None
    if len(raw) > DEPTH and raw.count(b"[") + raw.count(b"{") > DEPTH and _deeper(data):
        raise _useless(endpoint, f"the answer is nested deeper than {DEPTH} levels", raw)
    if not isinstance(data, dict):
        raise _useless(endpoint, "the answer is JSON, but not an object", raw)
    if data.get("error"):
        raise failure(endpoint, status, headers, raw)
    return data


def failure(endpoint: HttpEndpoint, status: int, headers: Mapping[str, str], raw: bytes | bytearray) -> CallError:
    """Return the error for an answer that failed, by its status and error object, with the rates from its headers."""
    error: CallError
    try:
        error = _failure(endpoint, status, headers, raw)
        error.rates = read_rates(headers)
    except Exception as mistake:  # noqa: BLE001 (whatever the body has in it, the status still tells what may be done)
        message = f"{unforeseen(endpoint, mistake)}, and its status is {status}"
        kind = RefusedError if status in _REFUSED else PermanentError if 300 <= status < 500 else InDoubtError
        error = kind(message, status=status)
    return error


def unforeseen(endpoint: HttpEndpoint, mistake: Exception) -> str:
    """Return the message for a reply that makes flowrun's own code fail: it names the mistake and its place."""
    what = mistake_in(mistake, endpoint.redact)
    return (
        f"{endpoint.model}: flowrun cannot read the answer of {endpoint.host} ({what}); this is a bug in "
        "flowrun: please report it"
    )


def spoiled(
    endpoint: HttpEndpoint,
    message: str,
    text: str,
    usage: Usage | None = None,
    rates: Rates | None = None,
    *,
    final: bool = False,
) -> AnswerError:
    """Return the error for a reply that was paid but is not an answer.

    The error keeps the beginning of ``text``, unless the key is in it.
    """
    kept, why = endpoint.keepable(text)
    said = f"{message}; {why}" if why else message
    return AnswerError(said, text=clean(kept[:KEPT]), usage=usage, rates=rates, final=final)


def _failure(endpoint: HttpEndpoint, status: int, headers: Mapping[str, str], raw: bytes | bytearray) -> CallError:
    if 300 <= status < 400:
        target = host_of(headers.get("Location", "")) or "an address of its own"
        return PermanentError(
            f"{endpoint.model}: {endpoint.host} redirects to {endpoint.quote(target)}. flowrun never sends a "
            "key to another host: set the base URL to the final address",
            status=status,
        )
    error = _error_object(raw)
    named = amazon_name(headers)
    words = [*_words(error), *([named] if named else ())]
    if named.lower() in AMAZON_STATUS:
        meant = AMAZON_STATUS[named.lower()]
    elif status < 300:
        code = error.get("code")
        known = [_STATUS[word.lower()] for word in words if word.lower() in _STATUS]
        meant = code if isinstance(code, int) and 400 <= code < 600 else (known or [200])[0]
    else:
        meant = status
    sentence = endpoint.redact(_sentence(error, raw))
    said = endpoint.quote(sentence)
    message = f"{endpoint.model}: {endpoint.host} answered {status}" + (f": {said}" if said else "")
    quota = any(_QUOTA.search(word) for word in words) or _daily(error) or bool(_NO_CREDIT.search(sentence[:4096]))
    if (quota and meant not in (500, 502, 504)) or meant == 402:
        used_up = (
            "the quota or credit of the account is used up: flowrun sends no more requests there; check "
            "the billing page of the account"
        )
        return EndpointError(f"{message} ({used_up})", status=status)
    generated = error.get("failed_generation")
    if meant == 400 and (generated or "json_validate_failed" in words):
        # The server itself checked the answer against the schema (Groq, "Structured Outputs", error handling).
        written = generated if isinstance(generated, str) else json.dumps(generated, ensure_ascii=False)
        text, hidden = endpoint.keepable(written)
        said = f"{message}; {hidden}" if hidden else message
        return MalformedError(said, text=clean(text[:KEPT]), why="is not of the form that was asked for, by the server")
    hint = endpoint.advice(meant)
    # Most runs meet no such error.
    from .closures import closes_model

    if closes_model(meant, error, words, sentence, endpoint.model.partition(":")[2]):
        also = f"{hint}; " if hint else ""
        return ModelError(f"{message} ({also}flowrun sends no more requests to this model)", status=status)
    if meant in (400, 422) or (meant in _DOUBTFUL and _PARAMETERS.search(sentence[:4096])):
        parameter = error.get("param")
        named = parameter if isinstance(parameter, str) else ""
        return RejectedError(
            message, status=meant, sentence=sentence, parameter=named, words=tuple(words), billed=status < 300
        )
    if meant in _REFUSED or meant >= 500:
        if headers.get("x-should-retry") == "false":
            return PermanentError(message, status=status)
        kind = RefusedError if meant in _REFUSED else InDoubtError
        return kind(message, status=status, retry_after=retry_after(headers, error))
    if meant < 300:
        return InDoubtError(f"{message} (an error under a status of success)", status=status)
    if meant == 401:
        return EndpointError(f"{message} ({hint})", status=status)
    return PermanentError(f"{message} ({hint})" if hint else message, status=status)


def _useless(endpoint: HttpEndpoint, what: str, raw: bytes | bytearray) -> AnswerError:
    # Twice as much as is kept, so that the search for the key sees it whole at the cut.
    return spoiled(
        endpoint, f"{endpoint.model}: {what} (from {endpoint.host})", raw[: 2 * KEPT].decode("utf-8", "replace")
    )


def _deeper(data: object) -> bool:
    level = [data]
    for _ in range(DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _error_object(raw: bytes | bytearray) -> dict[str, Any]:
    """Return the error object of a body, in any of the forms that servers use. Empty if the body is not JSON."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return {}
    error = data.get("error", data)
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else {}


def sentence_of(error: object) -> str:
    """Return the sentence of an error object, in any of its forms."""
    if isinstance(error, Mapping):
        for name in ("message", "detail", "error", "msg", "code", "type"):
            if error.get(name):
                return sentence_of(error[name])
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)


def _sentence(error: Mapping[str, Any], raw: bytes | bytearray) -> str:
    if error.get("message") or error.get("detail"):
        return sentence_of(error)
    text = raw[:4096].decode("utf-8", "replace").strip()
    return "an HTML page" if text.startswith("<") else text


def _words(error: Mapping[str, Any]) -> Iterator[str]:
    named = [error.get("code"), error.get("type"), error.get("status")]
    named += [detail.get("error_code") for detail in details_of(error)]
    yield from (word for word in named if isinstance(word, str))


def _daily(error: Mapping[str, Any]) -> bool:
    """Tell whether a daily quota of Google's is used up. Its retryDelay is as short as that of a minute's quota."""
    violations = [found for detail in details_of(error) if isinstance(found := detail.get("violations"), list)]
    return any("PerDay" in str(one.get("quotaId", "")) for many in violations for one in many if isinstance(one, dict))
