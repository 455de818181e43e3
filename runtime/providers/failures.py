"""From a server's answer to the JSON in it, or to the error class that says what may be done next."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ..errors import AnswerError, CallError, EndpointError, InDoubtError, ModelError, PermanentError, RefusedError
from .closures import closes_model
from .endpoints import Endpoint
from .rate_headers import read_rates
from .wire import decode

DEPTH = 64
KEPT = 64 * 1024
"""Characters that are kept of an answer which was paid and cannot be read."""
_REFUSED = frozenset({408, 409, 425, 429, 503, 529})
# What each error type means, for servers that send an error under status 200 (Anthropic's types, Google's status
# words, OpenAI's types and codes).
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
}
_QUOTA = re.compile(r"insufficient_quota|billing|spend_limit|usage_limit|credit_balance", re.IGNORECASE)
# Anthropic tells an empty account by the sentence alone, under 400 (its "Errors" page).
_NO_CREDIT = re.compile(r"credit balance is too low|insufficient (?:credits|balance|funds)", re.IGNORECASE)
_HINTS = {
    401: "check {key}",
    403: "check what {key} may use",
    404: "check the model's name and the base URL",
    413: "send a shorter prompt",
}


class RejectedError(PermanentError):
    """The server would not read the request as it stands (400, 422); ``parameter`` is what it objects to, if it says.

    ``sentence`` holds the objection in full, for a provider that can ask in another way.
    """

    def __init__(self, message: str, *, status: int, sentence: str, parameter: str) -> None:
        super().__init__(message, status=status)
        self.sentence = sentence
        self.parameter = parameter


def read_answer(endpoint: Endpoint, status: int, headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
    """The JSON object of a good answer; raises the error class that fits any other."""
    if not 200 <= status < 300:
        raise failure(endpoint, status, headers, raw)
    kind = headers.get("Content-Type", "application/json")
    if kind != "application/json":
        kind = kind.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise _useless(endpoint, f"the answer is {endpoint.quote(kind) or 'of no type'}, not JSON", raw)
    try:
        data = decode(raw)
    except UnicodeDecodeError:
        raise _useless(endpoint, "the answer is not UTF-8", raw) from None
    except ValueError:
        raise _useless(endpoint, "the answer is not whole JSON", raw) from None
    except RecursionError:
        raise _useless(endpoint, f"the answer nests deeper than {DEPTH}", raw) from None
    if len(raw) > DEPTH and raw.count(b"[") + raw.count(b"{") > DEPTH and _deeper(data):
        raise _useless(endpoint, f"the answer nests deeper than {DEPTH}", raw)
    if not isinstance(data, dict):
        raise _useless(endpoint, "the answer is JSON, but no object", raw)
    if data.get("error"):
        raise failure(endpoint, status, headers, raw)
    return data


def failure(endpoint: Endpoint, status: int, headers: Mapping[str, str], raw: bytes) -> CallError:
    """The error for an answer that is no success, by its status and its error object, with the rates of its headers."""
    error = _failure(endpoint, status, headers, raw)
    error.rates = read_rates(headers)
    return error


def _failure(endpoint: Endpoint, status: int, headers: Mapping[str, str], raw: bytes) -> CallError:
    if 300 <= status < 400:
        target = urlsplit(headers.get("Location", "")).netloc or "an address of its own"
        return PermanentError(
            f"{endpoint.model}: {endpoint.host} redirects to {endpoint.quote(target)}. A key is never sent on to "
            f"another host: set the base URL to the address itself",
            status=status,
        )
    error = _error_object(raw)
    words = list(_words(error))
    if status < 300:
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
        used_up = "the account's quota or credit is used up: nothing more is sent there; check its billing page"
        return EndpointError(f"{message} ({used_up})", status=status)
    hint = _HINTS.get(meant, "").format(key=endpoint.key_variable)
    if closes_model(meant, error, words, sentence, endpoint.model.partition(":")[2]):
        also = f"{hint}; " if hint else ""
        return ModelError(f"{message} ({also}nothing more is asked of this model)", status=status)
    if meant in (400, 422):
        parameter = error.get("param")
        return RejectedError(
            message, status=meant, sentence=sentence, parameter=parameter if isinstance(parameter, str) else ""
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


def retry_after(headers: Mapping[str, str], error: Mapping[str, Any]) -> float | None:
    """The seconds that the server asks to be left alone: ``retry-after-ms``, ``Retry-After``, Google's RetryInfo."""
    waits = [_number(headers.get("retry-after-ms", ""), 0.001)]
    text = headers.get("Retry-After", "")
    waits.append(_number(text, 1.0))
    if waits == [None, None] and text:
        try:
            until = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError):
            until = 0.0
        # Measured against the server's own clock where it tells it: ours may be off.
        try:
            now = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except (ValueError, OverflowError):
            now = time.time()
        waits.append(max(0.0, until - now) if until else None)
    for detail in _details(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            waits.append(_number(delay[:-1], 1.0))
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _number(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _useless(endpoint: Endpoint, what: str, raw: bytes) -> AnswerError:
    text = endpoint.redact(raw.decode("utf-8", "replace")[:KEPT])
    return AnswerError(f"{endpoint.model}: {what} (from {endpoint.host})", text=text)


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


def _error_object(raw: bytes) -> dict[str, Any]:
    """What the body says of the error, whichever form the server gives it; empty where it is no JSON."""
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


def _sentence(error: Mapping[str, Any], raw: bytes) -> str:
    for name in ("message", "detail"):
        said = error.get(name)
        if said:
            return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    text = raw[:4096].decode("utf-8", "replace").strip()
    return "an HTML page" if text.startswith("<") else text


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else [details]:
        if isinstance(detail, dict):
            yield detail


def _words(error: Mapping[str, Any]) -> Iterator[str]:
    named = [error.get("code"), error.get("type"), error.get("status")]
    named += [detail.get("error_code") for detail in _details(error)]
    yield from (word for word in named if isinstance(word, str))


def _daily(error: Mapping[str, Any]) -> bool:
    """Google counts per day as well as per minute, and names a short retryDelay for both."""
    violations = [v for detail in _details(error) for v in detail.get("violations") or () if isinstance(v, dict)]
    return any("PerDay" in str(violation.get("quotaId", "")) for violation in violations)
