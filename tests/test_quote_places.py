"""The places of quotes: the spellings that a quote may use, and the changes that it may not make."""

from __future__ import annotations

import sys
import unicodedata
from random import Random

import pytest

from flowrun.runtime.values.passages import passages
from flowrun.runtime.values.quotes import place_record
from support.cpu import cpu_within
from support.quote_reference import all_places
from support.random_quotes import random_quote, random_text
from support.soak import share


def found(said: str, text: str) -> list[str]:
    return [text[place.start : place.end] for place in passages(said, text)]


SAME = {
    "as it is": ("the fee is due", "Today the fee is due.", "the fee is due"),
    "blanks": ("the fee\u00a0is\n\ndue", "the  fee \t is\r\ndue", "the  fee \t is\r\ndue"),
    "the end of a page": ("the fee is", "the fee\fis", "the fee\fis"),
    "blanks around": ("  the fee\n", "the fee", "the fee"),
    "a soft hyphen": ("refundable", "is re\u00adfund\u00adable", "re\u00adfund\u00adable"),
    "a hyphen at the end of a line": ("refundable", "refund-\nable", "refund-\nable"),
    "the same with an indented line": ("refundable", "refund-  \r\n   able", "refund-  \r\n   able"),
    "a soft hyphen there": ("refundable", "refund\u00ad\nable", "refund\u00ad\nable"),
    "a compound at the end of a line": ("well-known", "a well-\nknown man", "well-\nknown"),
    "a hyphen and a blank for it": ("well- known", "a well-\nknown man", "well-\nknown"),
    "years at the end of a line": ("2020-2021", "in 2020-\n2021", "2020-\n2021"),
    "quotation marks": ('the "fee" isn\'t', "the “fee” isn’t", "the “fee” isn’t"),
    "angled ones": ('a "fee"', "a «fee»", "a «fee»"),
    "dashes": ("pages 3-5 - or more", "pages 3–5 — or more", "pages 3–5 — or more"),
    "two hyphens": ("left—at once", "He left--at once", "left--at once"),
    "ligatures": ("find the office", "ﬁnd the oﬃce", "ﬁnd the oﬃce"),
    "accents apart": ("cafe\u0301", "un café noir", "café"),
    "accents together": ("café", "un cafe\u0301 noir", "cafe\u0301"),
    "accents in another order": ("a\u0323\u0301", "x a\u0301\u0323", "a\u0301\u0323"),
    "wide letters": ("ABC 12", "ＡＢＣ　１２", "ＡＢＣ　１２"),
    "an ellipsis of the text": ("well... no", "well… no", "well… no"),
    "Korean syllables": ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af 글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
    "marks of direction": ("שלום עולם", "\u202bשלום\u200f עולם\u202c", "שלום\u200f עולם"),
    "beyond the first plane": ("the 😀 fee", "the 😀 fee", "the 😀 fee"),
    "bold letters": ("not 1", "𝐧𝐨𝐭 𝟏", "𝐧𝐨𝐭 𝟏"),
    "Chinese without blanks": ("不可退款", "费用不可退款。", "不可退款"),
    "marks around the quote": ("“the fee”", "Today the fee is due", "the fee"),
    "ellipses around the quote": ("[...] the fee …", "Today the fee is due", "the fee"),
    "a dash between words": ("not alone", "He left—not alone", "not alone"),
    "an open compound": ("and post-war", "the pre- and post-war years", "and post-war"),
}

OTHER = {
    "a changed word": ("the fee was due", "the fee is due"),
    "a word left out": ("the fee is refundable", "the fee is not refundable"),
    "a word put in": ("the fee is not due", "the fee is due"),
    "an ellipsis for words": ("the fee … refundable", "the fee is not refundable"),
    "a bracketed ellipsis": ("the fee [...] refundable", "the fee is not refundable"),
    "a part of a word": ("legal", "This is illegal."),
    "the begin of a word": ("able", "He is ableist"),
    "behind a hyphen": ("refundable", "This is non-refundable."),
    "behind a hyphen at the end of a line": ("refundable", "This is non-\nrefundable."),
    "before a hyphen": ("the pre", "the pre- and post-war years"),
    "before an apostrophe": ("we can", "we can't pay"),
    "behind one": ("est due", "la somme n’est due"),
    "a part of a number": ("5 million", "1.5 million"),
    "the front of a number": ("costs 1", "It costs 1.5"),
    "thousands": ("000 people", "12,000 people"),
    "a lost sign": ("5 degrees", "-5 degrees"),
    "a lost minus": ("5 degrees", "at −5 degrees"),
    "a lost percent": ("pay 5", "pay 5%"),
    "a lost currency": ("5 a day", "$5 a day"),
    "a power": ("102", "10²"),
    "before a power": ("a 10", "a 10²"),
    "a fraction": ("31/2", "3½"),
    "a range": ("5 days", "3–5 days"),
    "case": ("us citizens", "US citizens"),
    "words joined": ("nowhere", "now here"),
    "words parted": ("now here", "nowhere"),
    "a hyphen left out": ("resign", "re-sign"),
    "a hyphen put in": ("re-sign", "resign"),
    "a hyphen for a blank": ("pre-and", "pre- and"),
    "an accent left out": ("cafe", "café"),
    "an accent cut off": ("x", "x\u0302 y"),
    "a ligature cut": ("f", "ﬁ"),
    "the begin of a sign cut": ("1) one", "\u2474 one"),
    "the end of a sign cut": ("5 °", "5 ℃"),
    "an underscore": ("guilty", "not_guilty"),
    "punctuation": ("due.", "due, and"),
    "feet for inches": ("5'", '5" long'),
    "a sign lost with marks": ("“-5”", "5 degrees"),
    "a dash beside the marks": ("“- -5”", "a - -5 c"),
    "no word": ("—", "a — b"),
    "nothing": ("", "a b"),
    "blanks alone": (" \n", "a b"),
    "only marks": ("“…”", "a “…” b"),
}


@pytest.mark.parametrize(("said", "text", "words"), SAME.values(), ids=SAME)
def test_another_spelling_of_the_same_words_is_found(said: str, text: str, words: str) -> None:
    assert found(said, text) == [words]


@pytest.mark.parametrize(("said", "text"), OTHER.values(), ids=OTHER)
def test_other_words_are_not_found(said: str, text: str) -> None:
    assert found(said, text) == []


def test_the_reference_agrees_on_the_tables() -> None:
    assert all(len(all_places(said, text)) == 1 for said, text, _ in SAME.values())
    assert not [name for name, (said, text) in OTHER.items() if all_places(said, text)]


def test_offsets_count_code_points_of_the_original() -> None:
    text = "😀 ﬁrst\r\npa\u00adge.\fsecond pa-\r\nge"
    assert place_record("page", text) == {"start": 8, "end": 13, "page": 1, "source": 0, "count": 2}
    assert place_record("second page", text) == {"start": 15, "end": 29, "page": 2, "source": 0, "count": 1}
    assert place_record("third", text) is None


def test_a_quote_of_a_list_is_in_one_of_its_texts() -> None:
    files = [{"path": "a.md", "text": "one two"}, {"path": "b.md", "text": "two three"}]
    assert place_record("three", files) == {"start": 4, "end": 9, "page": 1, "source": 1, "count": 1}
    assert place_record("two", ["one two", None, "two three two"]) == {
        "start": 4, "end": 7, "page": 1, "source": 0, "count": 3,
    }  # fmt: skip
    assert place_record("two two", ["one two", "two three"]) is None


def check(seed: str) -> bool:
    """Compare a random quote with brute force. Return True if it occurs."""
    random = Random(seed)
    text = random_text(random)
    said = random_quote(random, text)
    wanted: list[tuple[int, int]] = []
    for start, end in sorted(all_places(said, text)):
        if not wanted or start >= wanted[-1][1]:
            wanted.append((start, end))
    places = [(place.start, place.end) for place in passages(said, text)]
    assert places == wanted, (seed, text, said)
    return bool(places)


def test_random_quotes_have_the_places_of_brute_force() -> None:
    assert sum(check(f"few {number}") for number in range(1500)) > 200


@pytest.mark.slow
def test_many_random_quotes_have_the_places_of_brute_force() -> None:
    many = share(40_000, least=3_000)
    assert sum(check(f"many {number}") for number in range(many)) > many / 8


def test_every_character_of_a_text_may_stand_in_a_quote() -> None:
    """No character breaks the search, and each is found in its own text."""
    random = Random(7)
    for _ in range(3000):
        code = random.randrange(sys.maxunicode + 1)
        text = f"one {chr(code)} two"
        place = next(passages(text, f"so {text} end"))
        assert (place.start, place.end) == (3, 3 + len(text)), hex(code)


@pytest.mark.no_cover
def test_a_million_characters_and_a_thousand_quotes_take_a_few_seconds() -> None:
    random = Random(3)
    words = ["".join(random.choice("etaoinshrdlu") for _ in range(random.randint(2, 9))) for _ in range(5000)]
    pieces = [random.choice(words) + random.choice(["\n", "-\n", ", ", " ", " ", " ", "’ "]) for _ in range(150_000)]
    text = "".join(pieces)
    assert len(text) > 900_000
    starts = [random.randrange(len(pieces) - 60) for _ in range(1000)]
    quotes = ["".join(pieces[start : start + random.randint(5, 50)]) for start in starts]
    with cpu_within(8):
        places = [next(passages(unicodedata.normalize("NFD", said), text), None) for said in quotes]
    assert sum(place is not None for place in places) > 700


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("text", "said"),
    [("a" * 10**6, "aa"), ("ax " * 333_000, "a"), ("a-" * 500_000, "a-" * 1000 + "aa"), ("x\u0301" * 500_000, "x")],
    ids=["one word", "begins of words", "hyphens", "accents"],
)
def test_a_text_made_to_waste_time_wastes_little(text: str, said: str) -> None:
    with cpu_within(8):
        assert next(passages(said, text), None) is None
