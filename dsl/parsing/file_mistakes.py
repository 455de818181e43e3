"""Mistakes in the declarations of texts and prompts, and in options for many asks."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from .place import Place

_DEFAULTS = frozenset({"default", "defaults", "config", "settings", "options", "with"})
_HEAD = frozenset({"LBRACE", "WITH"})


def file_declaration(place: Place) -> Diagnostic | None:
    """Report a declaration of a text, of a prompt or of defaults in the wrong form."""
    here = f"`{place.text}` is not allowed here"
    if place.top and place.type in ("NAME", "WITH"):
        if place.text == "text":
            return place.error("a text needs a name and a `=`", 'write `text NAME = "…"`')
        if place.text == "prompt":
            return place.error(
                "a prompt needs a name and brackets for its parameters", 'write `prompt NAME(…) from "FILE.md"`'
            )
        if place.text in _DEFAULTS:
            return place.error(here, "for asks that name no model write `model default with temperature: 0.2`")
        for ahead in (0, 1):
            if (place.at(ahead), place.at(ahead + 1), place.at(ahead + 2)) == ("NAME", "EQUAL", "STRING"):
                help = f'for a text with a name write `text {place.word(ahead)} = "…"`; write steps inside a flow'
                return place.error(here, help)
    if place.expected == {"LPAR"} and place.at(-2) == "PROMPT":
        name = place.word(-1)
        return place.error("the brackets for the parameters are missing", f'write `prompt {name}() from "FILE.md"`', -1)
    if place.expected == {"FROM"} and any(place.at(ahead) == "PROMPT" for ahead in place.line_before()):
        return place.error("the file of the prompt is missing", 'write `prompt NAME(…) from "FILE.md"`')
    if place.at(-2) == "MODEL" and place.type == "NAME" and {"EQUAL", "WITH"} <= place.expected:
        help = f"write `model {place.word(-1)} with {place.text}: …`" if place.word(-1) == "default" else ""
        return place.error("options must follow `with`", help) if help and place.at(1) == "COLON" else None
    return None


def head_of_flow(place: Place) -> Diagnostic | None:
    """Report options in the head of a flow that have no `with`, or that stand before the budget."""
    if (
        place.type == "BUDGET"
        and "LBRACE" in place.expected
        and any(place.at(a) == "WITH" for a in place.line_before())
    ):
        return place.error("`budget` must come before `with`", "write `flow NAME(…) budget 400 calls with … { … }`")
    if place.type == "NAME" and place.at(1) == "COLON" and place.expected >= _HEAD and "EQUAL" not in place.expected:
        return place.error("options must follow `with`", f"write `with {place.text}: …`")
    return None


def prompt_names(place: Place) -> set[str]:
    """Collect the names that are declared as prompts."""
    tokens = place.tokens
    return {str(tokens[at + 1]) for at, token in enumerate(tokens[:-1]) if token.type == "PROMPT"}


def prompt_of_ask(place: Place) -> Diagnostic | None:
    """Report a prompt in an ask without brackets, or behind the role of a message."""
    if place.at(-1) == "NAME" and place.at(-2) in ("ASK", "NAME") and place.word(-1) in prompt_names(place):
        ahead = -2 if place.at(-2) == "ASK" else -3
        if place.at(ahead) == "ASK" and "LPAR" in place.expected:
            name = place.word(-1)
            return place.error(f"`{name}` is a prompt, and its arguments are missing", f"write `ask {name}(…)`", -1)
    if place.at(-1) in ("SYSTEM", "USER", "ASSISTANT") and place.text in prompt_names(place):
        help = f"write `ask {place.text}(…)`"
        return place.error("a prompt from a file is the only message of its ask", help)
    return None


FILE_MISTAKES = (file_declaration, head_of_flow, prompt_of_ask)
