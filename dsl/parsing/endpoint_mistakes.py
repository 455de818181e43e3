"""Mistakes in the declarations of endpoints."""

from __future__ import annotations

from ..diagnostics import Diagnostic
from .place import Place

_FORM = 'write `endpoint lab = "http://gpu:8000/v1" key "LAB_KEY"`'
_LIST = 'for several addresses write `endpoint lab at ["http://a:8000/v1", "http://b:8000/v1"]`'
_KEY = 'write `key "LAB_KEY"`, with the name of the variable, behind the address and before `with`'
_KEY_WORDS = frozenset({"key", "api_key", "apikey", "key_env", "token", "auth", "secret"})


def endpoint_mistakes(place: Place) -> Diagnostic | None:
    """Report the declaration of an endpoint in the wrong form."""
    if place.type == "NAME" and place.text == "endpoint" and place.top:
        return _head(place)
    declared = any(place.at(ahead) == "ENDPOINT" for ahead in place.line_before())
    if not declared:
        return _alone(place)
    if place.type == "NAME" and place.text in _KEY_WORDS and ("KEY" in place.expected or place.top):
        return place.error(f"`{place.text}` is not allowed here", _KEY)
    if place.type == "KEY" or place.at(-1) == "KEY":
        # The text behind the word may be the key itself, so its place is not shown.
        return place.error("the key of an endpoint has another form", _KEY, -1 if place.at(-1) == "KEY" else 0)
    if place.type == "LSQB" and place.at(-1) == "EQUAL":
        return place.error("several addresses need the word `at`", _LIST, -1)
    if place.type == "RSQB" and place.at(-1) == "LSQB":
        return place.error("an endpoint needs an address", _LIST)
    if place.at(-1) in ("EQUAL", "LSQB", "COMMA") and place.type == "NAME" and place.expected <= {"STRING", "RSQB"}:
        return place.error("the address of an endpoint is a text in quotes", _FORM)
    if "KEY" in place.expected and place.type == "COMMA":
        return place.error("the parts of an endpoint have no commas between them", _FORM)
    if "KEY" in place.expected and place.type == "ELSE":
        return place.error("an endpoint has no `else`", _LIST)
    if "WITH" in place.expected and place.type == "NAME" and place.at(1) == "COLON":
        return place.error("options must follow `with`", f"write `with {place.text}: …`")
    return None


def _head(place: Place) -> Diagnostic | None:
    """Report a declaration whose first words do not have the form of an endpoint."""
    here = "an endpoint needs a name and an address"
    if place.at(1) == "NAME" and place.at(2) == "AT":
        return place.error("several addresses of an endpoint stand in brackets", _LIST, 2)
    if place.at(1) == "NAME" and place.at(2) in ("STRING", "COLON"):
        return place.error("a `=` must follow the name of an endpoint", _FORM, 1)
    if place.at(1) in ("STRING", "EQUAL") or place.begins_line(1):
        return place.error(here, _FORM)
    return place.error(here, f"{_FORM}; the name has letters, digits and `_` alone")


def _alone(place: Place) -> Diagnostic | None:
    if place.top and place.text in ("endpoints", "provider", "server", "base_url") and place.type == "NAME":
        return place.error(f"`{place.text}` is not allowed here", f"for an address with a name {_FORM}")
    return None


ENDPOINT_MISTAKES = (endpoint_mistakes,)
