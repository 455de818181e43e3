"""Answers that know how sure the model was: the probability of a word among the words that the answer could be."""

from __future__ import annotations

from collections.abc import Mapping

from .json_value import Json

SURE = "sure"
"""The name of the probability among the further facts of an answer."""


class SureWord(str):
    """The answer to a choice, with its probability from 0 to 1."""

    _sure: float


def sure_word(word: str, more: Mapping[str, Json] | None) -> str:
    """Return a word that knows its probability, if the further facts of its answer tell it."""
    found = None if more is None else more.get(SURE)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        return word
    sure = SureWord(word)
    sure._sure = float(found)
    return sure


def sureness(value: Json) -> float | None:
    """Return the probability of an answer. None if it is not known."""
    return value._sure if isinstance(value, SureWord) else None
