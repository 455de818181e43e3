"""The probability of a word among the words that an answer could be, from the log-probabilities of its tokens.

A server reports for each token of an answer its probability, and those of the likeliest others in its place. Tokens
that lead to none of the words do not count, as if the grammar of the words forbade them. Of the rest, the share of
those that lead to the chosen word alone is its probability, and a token that may still lead to several words is
followed to the next token. A token that was not chosen and may lead to several words counts against the chosen one.
Tokens that the server does not report are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import exp
from typing import Any, NamedTuple

_END = b'"'


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
    start, quoted = found
    alive = [_written(one, quoted=quoted) for one in words]
    chosen = _written(word, quoted=quoted)
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
            break
        sure += path * own / total
        path *= ambiguous / total
        if not ambiguous:
            return min(1.0, sure)
    return min(1.0, sure + path)


def _led(data: bytes, words: Sequence[bytes]) -> list[bytes]:
    """Return the words that a token leads to, from their beginning on, or beyond their end."""
    return [word for word in words if word.startswith(data) or data.startswith(word)] if data else []


def _placed(whole: bytes, word: str) -> tuple[int, bool] | None:
    """Find a word in an answer: where it begins, and whether it stands in quotes. The last place counts.

    None if it is not there.
    """
    written = json.dumps(word, ensure_ascii=False).encode()
    for form in (written, json.dumps(word).encode()):
        if (at := whole.rfind(form)) >= 0:
            return at + 1, True
    at = whole.rfind(word.encode())
    return None if at < 0 else (at, False)


def _written(word: str, *, quoted: bool) -> bytes:
    """Write a word as the model does. A quoted word has an end, which tells it from a longer one."""
    return json.dumps(word, ensure_ascii=False).encode()[1:-1] + _END if quoted else word.encode()


def chat_tokens(logprobs: Any) -> list[Token]:
    """Read the tokens of a choice of Chat Completions (platform.openai.com/docs/api-reference/chat/object)."""
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [found for one in content if (found := _chat_token(one))] if isinstance(content, list) else []


def _chat_token(token: Any) -> Token | None:
    head = _chat_pair(token)
    if head is None:
        return None
    others = token.get("top_logprobs")
    pairs = [pair for one in others if (pair := _chat_pair(one))] if isinstance(others, list) else []
    return Token(*head, tuple(pairs))


def _chat_pair(token: Any) -> tuple[bytes, float] | None:
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        return None
    logprob = token.get("logprob")
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not logprob <= 0:
        return None
    return _data(token.get("bytes"), token["token"]), float(logprob)


def _data(given: Any, text: str) -> bytes:
    """Return the bytes of a token. A token may end inside of a character, so its text does not tell them."""
    try:
        return bytes(given) if isinstance(given, list) else text.encode("utf-8", "replace")
    except (TypeError, ValueError):
        return text.encode("utf-8", "replace")


def generate_tokens(result: Any) -> list[Token]:
    """Read the tokens of a candidate of generateContent (ai.google.dev/api/generate-content, "LogprobsResult")."""
    if not isinstance(result, dict):
        return []
    chosen, tops = result.get("chosenCandidates"), result.get("topCandidates")
    if not isinstance(chosen, list):
        return []
    found = []
    for place, one in enumerate(chosen):
        pair = _generate_pair(one)
        if pair is None:
            return []
        top = tops[place] if isinstance(tops, list) and place < len(tops) else None
        others = top.get("candidates") if isinstance(top, dict) else None
        pairs = [other for one in others if (other := _generate_pair(one))] if isinstance(others, list) else []
        found.append(Token(*pair, tuple(pairs)))
    return found


def _generate_pair(token: Any) -> tuple[bytes, float] | None:
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        return None
    logprob = token.get("logProbability", 0.0)  # proto3 leaves a zero out
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not logprob <= 0:
        return None
    return token["token"].encode("utf-8", "replace"), float(logprob)
