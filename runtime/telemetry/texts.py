"""Prompts and answers in the form of the conventions. They go into spans only if the user asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..vocabulary.call import Answer, Message
from . import names

_ON = frozenset({"true", "1", "span_only", "span_and_event"})


def captures_texts(environ: Mapping[str, str]) -> bool:
    """Tell whether the user lets prompts and answers into spans, by the standard variable."""
    return environ.get(names.CAPTURE, "").strip().lower() in _ON


def prompt_attributes(messages: Iterable[Message]) -> dict[str, str]:
    """Write a prompt as the JSON of gen-ai-input-messages.json; the system's part stands apart."""
    told = list(messages)
    system = [_part(one.text) for one in told if one.role == "system"]
    rest = [{"role": one.role, "parts": [_part(one.text)]} for one in told if one.role != "system"]
    found = {names.INPUT_MESSAGES: _json(rest)}
    return found | {names.SYSTEM_INSTRUCTIONS: _json(system)} if system else found


def answer_attributes(answers: Iterable[Answer]) -> dict[str, str]:
    """Write answers as the JSON of gen-ai-output-messages.json."""
    written = [
        {"role": "assistant", "parts": [_part(one.text)], "finish_reason": reason_of(one.finish)} for one in answers
    ]
    return {names.OUTPUT_MESSAGES: _json(written)}


def reason_of(finish: str) -> str:
    """Return the conventions' word for the end of an answer."""
    return {"filtered": "content_filter", "unterminated": "error", "other": "error"}.get(finish, finish)


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _json(value: Any) -> str:
    # Half a character, which a model may send, becomes an escape: the exporters write UTF-8.
    return json.dumps(value, ensure_ascii=True)
