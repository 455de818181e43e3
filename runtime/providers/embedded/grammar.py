"""The translation of a request's demands on the answer into the engine's terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...vocabulary.call import Request
from ..lengths import without_long_lengths

_TEXT_TOKENS = 512
_CLASSIFY = "You are a careful classifier. Read the text, decide which label fits it, and answer with that label alone."


def choice_grammar(choices: Sequence[str]) -> str:
    """Return the GBNF grammar whose sentences are exactly ``choices``.

    The escapes are those of llama.cpp's ``grammars/README.md``. A character outside of plain ASCII is written by its
    number.
    """
    return "root ::= " + " | ".join(f'"{"".join(map(_escaped, choice))}"' for choice in choices)


def messages(request: Request) -> list[dict[str, str]]:
    """Return the request's messages. For a choice without a system message, add one that explains the task.

    Without a system message the chat templates add a general greeting. With that greeting, a small model under a
    grammar gives the right label far less often.
    """
    said = [{"role": message.role, "content": inert(message.text)} for message in request.messages]
    if request.choices and all(message.role != "system" for message in request.messages):
        labels = ", ".join(request.choices)
        said.insert(0, {"role": "system", "content": f"{_CLASSIFY} Labels: {labels}."})
    return said


def inert(text: str) -> str:
    """Break up every ``<|`` in a text. A ``<|im_end|>`` in a document would end the message for the engine."""
    return text.replace("<|", "< |")


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"


def constraint(request: Request) -> dict[str, Any]:
    """Return the fields of the engine's request that constrain the form of the answer."""
    if request.choices:
        return {"grammar": choice_grammar(request.choices)}
    if request.schema is not None:
        schema = {"name": "answer", "schema": without_long_lengths(request.schema)}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {}


def token_limit(request: Request, context: int) -> int:
    """Return the most tokens that an answer may have.

    For a choice, that is one token for each byte, and one more for its end.
    """
    if request.max_tokens is not None:
        return min(request.max_tokens, context)
    if request.choices:
        return max(len(choice.encode()) for choice in request.choices) + 1
    return min(_TEXT_TOKENS, context)
