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


def told_apart(type_: t.Type, path: str, facts: Collection[str]) -> t.Type:
    """Return the type of the value at a path, without the members of a union that the facts rule out."""
    inner = t.unwrapped(type_)
    if not isinstance(inner, t.Union) or not facts:
        return type_
    words = set(inner.words)
    for fact in facts:
        place, sign, said = fact.partition(_IS)
        if sign and place == f"{path}.{inner.tag}":
            words &= set(said.split(_OR))
        place, sign, said = fact.partition(_NOT)
        if sign and place == f"{path}.{inner.tag}":
            words.discard(said)
    left = inner.among(words)
    return t.Optional(left) if isinstance(type_, t.Optional) else left
