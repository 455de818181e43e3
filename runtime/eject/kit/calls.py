"""The calls of models: HTTP in threads, with the standard library alone."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from flowrun.runtime.vocabulary.json_text import JsonError, read_json, unfenced
from flowrun.runtime.vocabulary.tokens import shortened

from .failures import BadAnswer, FailedCheck, Failure

ATTEMPTS = 5
"""A request is sent at most so many times, if the server is out of reach or refuses it for now."""
POOL = ThreadPoolExecutor(32)


@dataclass(frozen=True)
class Model:
    """A model behind Chat Completions. ``base`` and ``keys`` are variables of the environment."""

    name: str
    url: str
    base: str = ""
    keys: tuple[str, ...] = ()
    other: Model | None = None


@dataclass(frozen=True)
class Kind:
    """The kind of an answer: its reader, its type as a correction shows it, and the form that a server enforces."""

    read: Callable[[str], Any]
    type: str
    form: dict[str, Any] | None = None
    wrapped: bool = False
    words: bool = False


@dataclass(frozen=True)
class Options:
    """The fields of a request beside the model, the messages and the form, and how often an answer is corrected."""

    body: dict[str, Any] = field(default_factory=dict)
    tries: int = 2
    timeout: float = 600.0
    sends: int = ATTEMPTS


async def ask(
    model: Model,
    messages: list[tuple[str, str]],
    kind: Kind,
    options: Options,
    seed: int | None = None,
    check: Callable[[Any], str] | None = None,
) -> Any:
    """Ask a model until an answer fits, and return its value. ``check`` returns why an answer does not, or ""."""
    loop = asyncio.get_running_loop()
    first = [{"role": role, "content": text} for role, text in messages]
    sent, tries = first, options.tries
    while True:
        body = {
            "model": model.name,
            **({"response_format": kind.form} if kind.form else {}),
            "messages": sent,
            **options.body,
        }
        if seed is not None:
            body["seed"] = seed
        try:
            text = await loop.run_in_executor(POOL, post, model, body, options)
            value = kind.read(unwrapped(text, kind))
            if check is not None and (why := check(value)):
                raise FailedCheck(text if kind.form is None else unwrapped(text, kind), why)
            return value
        except BadAnswer as error:
            if error.final and model.other is not None:
                model, sent = model.other, first
                continue
            if error.final or not tries:
                raise
            tries -= 1
            sent = corrected(first, error, kind) if error.told else sent
        except Failure:
            if model.other is None:
                raise
            model, sent = model.other, first


def post(model: Model, body: dict[str, Any], options: Options) -> str:
    """Send a request and return the text of its answer."""
    url = (os.environ.get(model.base, "").strip() or model.url).rstrip("/") + "/chat/completions"
    key = next((os.environ[name].strip() for name in model.keys if os.environ.get(name, "").strip()), "")
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    if "max_tokens" in body and url.partition("://")[2].partition("/")[0].endswith(".openai.com"):
        body = {"max_completion_tokens" if name == "max_tokens" else name: value for name, value in body.items()}
    data = json.dumps(body).encode()
    for attempt in range(options.sends):
        if attempt:
            time.sleep(min(60.0, 2**attempt / 2) * random.uniform(0.5, 1.0))
        request = urllib.request.Request(url, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=options.timeout) as response:
                return answer_of(json.load(response), body)
        except urllib.error.HTTPError as error:
            said = f"{model.name}: the server says {error.code}: {error.read()[:200].decode(errors='replace')}"
            if error.code not in (408, 409, 425, 429) and error.code < 500:
                raise Failure(said) from None
        except (OSError, ValueError) as error:
            said = f"{model.name}: {error}"
    raise Failure(said)


def answer_of(reply: Any, body: dict[str, Any]) -> str:
    """Return the text of a reply. An answer that was cut off or refused has no text."""
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
    except (KeyError, IndexError, TypeError, AttributeError):
        raise BadAnswer("", "sent no choices", told=False) from None
    if message.get("refusal"):
        raise BadAnswer(message["refusal"], "is a refusal", final=True)
    if choice.get("finish_reason") == "content_filter":
        raise BadAnswer(text, "was blocked by a filter", final=True)
    if choice.get("finish_reason") == "length":
        same = body.get("temperature") == 0 or "seed" in body
        raise BadAnswer(text, "was cut off at its greatest length", final=same, told=False)
    if not text.strip():
        raise BadAnswer(text, "is empty", told=False)
    return str(text)


def unwrapped(text: str, kind: Kind) -> str:
    """Return the answer in an object that the form of the request demands, or else the text."""
    if kind.form is None:
        return text
    try:
        value = read_json(text, halves=True)
    except JsonError:
        value = None
    if isinstance(value, dict) and kind.wrapped and value.keys() == {"answer"}:
        value = value["answer"]
        if not kind.words:
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, str):
            return value.strip()
    return unfenced(text)


def corrected(messages: list[dict[str, str]], error: BadAnswer, kind: Kind) -> list[dict[str, str]]:
    """Add the answer that did not fit, and the reason."""
    said = (
        f"That answer cannot be used: it {shortened(error.why, error.room) or 'has another form than was asked for'}. "
        f"Expected: {shortened(kind.type, 48)}. Answer the question again, whole and in that form alone."
    )
    answer = shortened(error.text.strip(), 96)
    return [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": said}]
