"""Answers that know how sure the model was: the probability of a word among the words that the answer could be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..vocabulary.json_value import Json


class SureWord(str):
    """The answer to a choice, with its probability from 0 to 1."""

    _sure: float


def sure_word(word: str, words: Sequence[str], more: Mapping[str, Json] | None) -> str:
    """Return the answer to a choice. It knows its probability if its further facts have the tokens of the answer."""
    logprobs = None if more is None else more.get("logprobs")
    if not logprobs:
        return word
    from .certainty import certainty, tokens_of  # few asks keep their tokens

    found = certainty(tokens_of(logprobs), word, words)
    if found is None:
        return word
    sure = SureWord(word)
    sure._sure = found
    return sure


def sureness(value: Json) -> float | None:
    """Return the probability of an answer. None if it is not known."""
    return value._sure if isinstance(value, SureWord) else None
