"""Facts about the tags of unions: a value is one of some words, or it is not a word.

A fact is a text: the path of the value, a sign, and the words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from . import types as t

_IS, _NOT, _OR = "\0=", "\0!", "\0|"


def is_one_of(path: str, words: Iterable[str]) -> str:
    return f"{path}{_IS}{_OR.join(words)}"


def is_not(path: str, word: str) -> str:
    return f"{path}{_NOT}{word}"


def allowed(path: str, word: str, facts: Collection[str]) -> bool:
    """Return False if the facts say that the value at a path is not this word."""
    for fact in facts:
        place, sign, said = fact.partition(_IS)
        if sign and place == path and word not in said.split(_OR):
            return False
    return is_not(path, word) not in facts


def told_apart(type_: t.Type, path: str, facts: Collection[str]) -> t.Type:
    """Return the type of the value at a path, without the members of a union that the facts rule out."""
    inner = t.unwrapped(type_)
    if not isinstance(inner, t.Union) or not facts:
        return type_
    words = {word for word in inner.words if allowed(f"{path}.{inner.tag}", word, facts)}
    left = inner.among(words)
    return t.Optional(left) if isinstance(type_, t.Optional) else left
