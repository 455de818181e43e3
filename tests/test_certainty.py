"""The probability of a word is what an independent model of the grammar says."""

from __future__ import annotations

import random
from itertools import product
from math import exp, isclose, log
from typing import Any

import pytest

from flowrun.runtime.values.certainty import Token, certainty, tokens_of
from flowrun.runtime.values.sure import sure_word, sureness

PIECES = [b"s", b"p", b"a", b"m", b"h", b"sp", b"am", b"spam", b"ham", b"ha", b'"', b"spam ", b"!", b"x"]


class Model:
    """A model of a few tokens, with probabilities after each text. The grammar masks tokens that lead nowhere."""

    def __init__(self, seed: int, words: list[str], quoted: bool) -> None:
        self.seed, self.quoted = seed, quoted
        self.ends = [word.encode() + (b'"' if quoted else b"") for word in words]

    def next(self, before: bytes) -> dict[bytes, float]:
        draw = random.Random(f"{self.seed} {before!r}")
        weights = {piece: draw.random() + 0.01 for piece in PIECES}
        total = sum(weights.values())
        return {piece: weight / total for piece, weight in weights.items()}

    def masked(self, before: bytes) -> dict[bytes, float]:
        found = {
            piece: share
            for piece, share in self.next(before).items()
            if any(end.startswith(before + piece) for end in self.ends)
        }
        total = sum(found.values())
        return {piece: share / total for piece, share in found.items()}

    def ways(self, before: bytes = b"") -> list[tuple[list[bytes], float]]:
        """All ways to write a word, each with its probability under the grammar."""
        found: list[tuple[list[bytes], float]] = []
        for piece, share in self.masked(before).items():
            if before + piece in self.ends:
                found.append(([piece], share))
                continue
            found += [([piece, *rest], share * more) for rest, more in self.ways(before + piece)]
        return found


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("words", [["spam", "ham"], ["spam", "ham", "sp"]])
def test_a_word_has_the_probability_of_the_grammar(seed: int, words: list[str]) -> None:
    model = Model(seed, words, quoted=True)
    ways = model.ways()
    for way, _ in ways:
        tokens, before = [Token(b'{"answer":"', -0.1)], b""
        for piece in way:
            shares = model.next(before)
            tokens.append(Token(piece, log(shares[piece]), tuple((one, log(p)) for one, p in shares.items())))
            before += piece
        tokens.append(Token(b"}", -0.2))
        found = certainty(tokens, before[:-1].decode(), words)
        exact = sum(share for other, share in ways if b"".join(other) == before)
        assert found is not None
        if len(words) == 2:
            assert isclose(found, exact, rel_tol=1e-9)
        else:
            assert 0 < found <= exact + 1e-9


def test_one_token_a_word_gives_the_shares_of_the_words() -> None:
    others = ((b"spam", log(0.6)), (b"ham", log(0.2)), (b"eggs", log(0.15)))
    assert certainty([Token(b"spam", log(0.6), others)], "spam", ["spam", "ham"]) == pytest.approx(0.75)
    assert certainty([Token(b"ham", log(0.2), others)], "ham", ["spam", "ham"]) == pytest.approx(0.25)


def test_a_token_that_reaches_over_the_quote_counts() -> None:
    tokens = [
        Token(b'":"sp', log(0.5), ((b'":"sp', log(0.5)), (b'":"ha', log(0.5)), (b'": ', log(0.9)))),
        Token(b'am"}', -0.1),
    ]
    assert certainty(tokens, "spam", ["spam", "ham"]) == pytest.approx(0.5)


def test_a_word_that_begins_another_is_told_from_it_by_its_end() -> None:
    words = ["yes", "yes but"]
    tokens = [
        Token(b'"yes', log(0.9), ((b'"yes', log(0.9)),)),
        Token(b'"', log(0.3), ((b'"', log(0.3)), (b" but", log(0.6)))),
    ]
    assert certainty(tokens, "yes", words) == pytest.approx(1 / 3)


@pytest.mark.parametrize("others", [(), ((b"spam", log(0.6)),)], ids=["none", "itself"])
def test_a_server_that_tells_no_other_token_makes_no_answer_sure(others: tuple[tuple[bytes, float], ...]) -> None:
    """The rest of the probability may be that of the other word."""
    words = ["spam", "ham"]
    assert certainty([Token(b"spam", log(0.6), others)], "spam", words) == pytest.approx(0.6)
    parts = [Token(b'"', log(0.5)), Token(b"sp", log(0.6)), Token(b"am", log(0.7)), Token(b'"', log(0.8))]
    assert certainty(parts, "spam", words) == pytest.approx(0.6)
    assert certainty(parts, "spam", ["spam", "spa"]) == pytest.approx(0.7)
    assert certainty([Token(b"spam", log(1.0))], "spam", words) == 1


@pytest.mark.parametrize("data", [b"", b"nothing", b'"eggs"'])
def test_an_answer_without_the_word_has_no_probability(data: bytes) -> None:
    assert certainty([Token(data, -0.5)], "spam", ["spam", "ham"]) is None


@pytest.mark.parametrize(
    "logprobs",
    [None, {}, "spam", [1], [[]], [["a"]], [["a", "x"]], [["a", 1]], [["a", True]], [[2, -1.0]], [["a", float("nan")]]],
)
def test_hostile_facts_have_no_tokens(logprobs: Any) -> None:
    assert tokens_of(logprobs) == []
    assert type(sure_word("spam", ("spam", "ham"), {"logprobs": logprobs})) is str


def test_the_facts_of_an_answer_tell_its_probability() -> None:
    logprobs = [["spam", -0.5, [["spam", -0.5], ["ham", -0.9], ["eggs", -1.0], "no pair"]]]
    found = sureness(sure_word("spam", ("spam", "ham"), {"logprobs": logprobs}))
    assert found == pytest.approx(1 / (1 + exp(-0.4)))


def test_random_replies_never_give_more_than_one() -> None:
    draw = random.Random(7)
    for one, two in product(PIECES, PIECES):
        tokens = [
            Token(data, log(draw.random() + 1e-9), tuple((piece, log(draw.random() + 1e-9)) for piece in PIECES))
            for data in (one, two)
        ]
        found = certainty(tokens, "spam", ["spam", "ham"])
        assert found is None or 0 <= found <= 1
