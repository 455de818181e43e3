"""Says in the engine's words what an answer must look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...vocabulary.call import Request

_TEXT_TOKENS = 512
_CLASSIFY = "You are a careful classifier. Read the text, decide which label fits it, and answer with that label alone."


def choice_grammar(choices: Sequence[str]) -> str:
    """Return the GBNF grammar whose sentences are exactly ``choices``.

    The escapes are those of llama.cpp's ``grammars/README.md``; whatever is not plain ASCII is written by its number.
    """
    return "root ::= " + " | ".join(f'"{"".join(map(_escaped, choice))}"' for choice in choices)


def messages(request: Request) -> list[dict[str, str]]:
    """Return the request's messages, and before a bare choice a word on what is wanted.

    The chat templates put a general greeting where no system message is, and a small model under a grammar then
    gives labels far less often right.
    """
    said = [{"role": message.role, "content": _inert(message.text)} for message in request.messages]
    if request.choices and all(message.role != "system" for message in request.messages):
        labels = ", ".join(request.choices)
        said.insert(0, {"role": "system", "content": f"{_CLASSIFY} Labels: {labels}."})
    return said


def _inert(text: str) -> str:
    """The engine reads ``<|im_end|>`` in a document as the end of the message, so the mark is taken apart."""
    return text.replace("<|", "< |")


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"


def constraint(request: Request) -> dict[str, Any]:
    """Return the fields of the engine's request that bind the form of the answer."""
    if request.choices:
        return {"grammar": choice_grammar(request.choices)}
    if request.schema is not None:
        schema = {"name": "answer", "schema": dict(request.schema)}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {}


def token_limit(request: Request, context: int) -> int:
    """Return the most tokens an answer may have; a token is at least one byte of a choice, and one token ends it."""
    if request.max_tokens is not None:
        return min(request.max_tokens, context)
    if request.choices:
        return max(len(choice.encode()) for choice in request.choices) + 1
    return min(_TEXT_TOKENS, context)
