"""The probabilities of an answer's tokens as text: a line for each token."""

from __future__ import annotations

import json
from math import exp

from ...vocabulary.json_value import Json


def probabilities_text(logprobs: Json) -> str | None:
    """Write a line for each token: the token, its probability, and those of the likeliest tokens of its place.

    Return None if the value has another form than that of flowrun's own providers.
    """
    if not isinstance(logprobs, list):
        return None
    lines = []
    for row in logprobs:
        match row:
            case [str() | list(), float() | int() | None, list(top)] if all(map(_is_pair, top)):
                others = ", ".join(_pair(*one) for one in top if one[0] != row[0])
                lines.append(_pair(row[0], row[1]) + (f"  ({others})" if others else ""))
            case _:
                return None
    return "\n".join(lines)


def _is_pair(one: Json) -> bool:
    match one:
        case [str() | list(), float() | int() | None]:
            return True
    return False


def _pair(token: str | list[Json], logprob: float | None) -> str:
    """Write a token, or the bytes of a part of a character, with its probability."""
    share = "?" if logprob is None else f"{exp(min(0.0, logprob)) * 100:.1f} %"
    return f"{json.dumps(token, ensure_ascii=False)} {share}"
