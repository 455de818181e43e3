"""The probability of a word among the words that an answer could be, from the log-probabilities of its tokens.

A server reports for each token of an answer its probability, and those of the likeliest others in its place. Tokens
that lead to none of the words do not count, as if the grammar of the words forbade them. Of the rest, the share of
those that lead to the chosen word alone is its probability, and a token that may still lead to several words is
followed to the next token. A token that was not chosen and may lead to several words counts against the chosen one.
Tokens that the server does not report are left out. Where it reports none beside the chosen one, all that is left of
the probability counts against the chosen word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from math import exp
from typing import NamedTuple

from ..vocabulary.json_value import Json


class Token(NamedTuple):
    """A token of an answer: its bytes, its log-probability, and the reported tokens in its place."""

    data: bytes
    logprob: float
    others: tuple[tuple[bytes, float], ...] = ()


def certainty(tokens: Sequence[Token], word: str, words: Iterable[str]) -> float | None:
    """Return the probability of ``word`` among ``words``, from 0 to 1. None if the tokens do not contain it."""
    whole = b"".join(token.data for token in tokens)
    found = _placed(whole, word)
    if found is None:
        return None
    start, write = found
    alive = [write(one) for one in words]
    chosen = write(word)
    sure, path, at = 0.0, 1.0, 0
    for token in tokens:
        begin, at = at, at + len(token.data)
        if at <= start:
            continue
        done = chosen[: max(0, begin - start)]
        alive = [one for one in alive if one.startswith(done)]
        if len(alive) < 2 or begin - start >= len(chosen):
            break
        lead = token.data[: max(0, start - begin)]
        rests = [one[len(done) :] for one in alive]
        own, total, ambiguous = 0.0, 0.0, 0.0
        for data, logprob in {token.data: token.logprob, **dict(token.others)}.items():
            led = _led(data[len(lead) :], rests) if data.startswith(lead) else []
            total += exp(logprob) if led else 0.0
            if led == [chosen[len(done) :]]:
                own += exp(logprob)
            elif led and data == token.data:
                ambiguous = exp(logprob)
        if not total:
            return None
        if all(data == token.data for data, _ in token.others) and len(_led(token.data[len(lead) :], rests)) < len(
            alive
        ):
            # The server tells no other token here. What it leaves of the probability may lead to another word.
            total = max(total, 1.0)
        sure += path * own / total
        path *= ambiguous / total
        if not ambiguous:
            return min(1.0, sure)
    return min(1.0, sure + path)


def _led(data: bytes, words: Sequence[bytes]) -> list[bytes]:
    """Return the words that a token leads to, from their beginning on, or beyond their end."""
    return [word for word in words if word.startswith(data) or data.startswith(word)] if data else []


def _placed(whole: bytes, word: str) -> tuple[int, Callable[[str], bytes]] | None:
    """Find a word in an answer: where it begins, and how the model writes words there. The last place counts.

    None if it is not there.
    """
    for write in (_quoted, _escaped):
        if (at := whole.rfind(b'"' + write(word))) >= 0:
            return at + 1, write
    at = whole.rfind(word.encode())
    return None if at < 0 else (at, str.encode)


def _quoted(word: str) -> bytes:
    """Write a word in quotes, without the first one. The last one tells it from a longer word."""
    return json.dumps(word, ensure_ascii=False).encode()[1:]


def _escaped(word: str) -> bytes:
    """Write a word as ``_quoted`` does, with a code for each letter that is not ASCII."""
    return json.dumps(word).encode()[1:]


def tokens_of(logprobs: Json) -> list[Token]:
    """Read the tokens among the further facts of an answer: ``[token, logprob, [[token, logprob], …]]`` for each.

    A token is a text or a list of bytes.

    There are none if a token has no number, because the probability of the word then cannot be known.
    """
    found: list[Token] = []
    for one in logprobs if isinstance(logprobs, list) else ():
        pair = _pair(one)
        if pair is None:
            return []
        others = one[2] if len(one) > 2 and isinstance(one[2], list) else ()
        found.append(Token(*pair, tuple(other for each in others if (other := _pair(each)) is not None)))
    return found


def _pair(one: Json) -> tuple[bytes, float] | None:
    if not isinstance(one, list) or len(one) < 2:
        return None
    token, logprob = one[0], one[1]
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not logprob <= 0:
        return None
    if isinstance(token, list) and all(type(part) is int and 0 <= part < 256 for part in token):
        return bytes(token), float(logprob)
    return (token.encode("utf-8", "replace"), float(logprob)) if isinstance(token, str) else None
