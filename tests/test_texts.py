"""Which texts are one: for the words of a choice, for answers that name one, and for the ballots of votes."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import Given, Refusal, alike, option_of, text_key, types
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.reducers import REDUCERS, Setting
from flowrun.runtime.vocabulary.errors import AnswerError

Json = Any
NFC = "caf\u00e9"
NFD = "cafe\u0301"
SAME = [
    (NFC, NFD),
    ("\u1e69", "s\u0307\u0323"),
    ("Ａ１", "a1"),
    ("ＳＰＡＭ．", "spam"),
    ("ｶﾞ", "ガ"),
    ("two\u3000words", "two words"),
    ("\ufeffyes", "yes"),
    ("y\u200bes", "yes"),
    ("yes\u00a0sir", "Yes  sir."),
    ("Straße", "STRASSE"),
    ("ΣΟΦΟΣ", "σοφος"),
    ("a.m.", "A.M"),
    ("yes .", "yes"),
    ("etc...", "etc"),
]
APART = [
    ("10²", "102"),
    ("½", "1⁄2"),
    ("½", "1/2"),
    ("ﬁne", "f\u200ci\u200cne"),
    ("①", "1"),
    ("℡", "tel"),
    ("0.10", "0.1"),
    ("3.1", "3.10"),
    ("18.0", "18"),
    ("1e3", "1000"),
    ("naïve", "naive"),
    ("I", "ı"),
    ("İ", "i"),
    ("نامه\u200cای", "نامهای"),
    ("co\u00adop", "coop"),
    ("❤", "❤\ufe0f"),
    ("yes!", "yes"),
    (".", "?"),
    (".", ""),
    ("a b", "ab"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_that_are_one(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)
    assert alike(["x", one, "y", other]) == (one, other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_texts_that_are_two(one: str, other: str) -> None:
    assert text_key(one) != text_key(other)
    assert alike([one, other]) is None


LETTERS = st.text(st.characters(codec="utf-8"), max_size=12)


@given(LETTERS)
def test_a_text_is_one_with_its_other_writings(text: str) -> None:
    key = text_key(text)
    assert text_key(key) == key
    assert text_key(f" {text}\ufeff\n") == key
    for form in ("NFC", "NFD"):
        assert text_key(unicodedata.normalize(form, text)) == key
    assert text_key(text.casefold()) == key
    assert text_key("\u200b".join(text)) == key
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)
    assert text_key(wide) == key


@given(st.lists(LETTERS.filter(lambda text: bool(text_key(text))), min_size=1, max_size=5, unique_by=text_key))
def test_every_word_of_a_choice_is_told_from_the_others(words: list[str]) -> None:
    options = tuple(words)
    assert alike(options) is None
    for word in options:
        for written in (word, word.casefold(), f"\ufeff {word}\n", unicodedata.normalize("NFD", word)):
            assert option_of(written, options) == word


@pytest.mark.parametrize(
    ("answer", "options", "word"),
    [
        ("3.10", ("3.1", "3.10", "3.9"), "3.10"),
        ("3.1.", ("3.1", "3.10", "3.9"), "3.1"),
        ("**yes!**", ("yes", "yes!"), "yes!"),
        ("**yes**!", ("yes", "no"), "yes"),
        ('"(a)".', ("a", "(a)"), "(a)"),
        ("ＮＯ！", ("yes", "no"), "no"),
        ("\ufeff**No**", ("yes", "no"), "no"),
        (NFD.upper(), (NFC, "tea"), NFC),
        ("是。", ("是", "否"), "是"),
        ("10²", ("10²", "102"), "10²"),
        ("102", ("10²", "102"), "102"),
    ],
)
def test_an_answer_is_the_word_that_was_declared(answer: str, options: tuple[str, ...], word: str) -> None:
    choice = types.Choice(options)
    assert read_answer(answer, choice) == word
    record = types.Record((types.Field("is", choice), types.Field("all", types.ListOf(choice))))
    answered = json.dumps({"is": answer, "all": [answer]})
    assert read_answer(answered, record) == {"is": word, "all": [word]}


@pytest.mark.parametrize(
    ("answer", "options"), [("YES", ("Yes", "yes")), ("3.100", ("3.1", "3.10")), ("!", ("a", "b"))]
)
def test_an_answer_that_could_be_two_words_is_none(answer: str, options: tuple[str, ...]) -> None:
    with pytest.raises(AnswerError):
        read_answer(answer, types.Choice(options))


# Ballots


def counts(rule: str, item: types.Type, ballots: list[Json], **args: Json) -> list[tuple[Json, float]]:
    reducer = REDUCERS[rule].make(Setting(len(ballots), len(ballots), args=args, launch="together", item=item))
    for index, ballot in enumerate(ballots):
        reducer.add(index, ballot)
    tally = reducer.tally(len(ballots))
    assert tally is not None
    return list(tally.ballots)


VERSION = types.Choice(("3.1", "3.10", "3.9"))


def test_the_words_of_a_choice_are_its_ballots() -> None:
    ballots = ["3.1", "3.10", "3.10"]
    expected = [("3.10", 2), ("3.1", 1)]
    assert counts("majority", VERSION, ballots) == expected
    assert counts("majority", types.Optional(VERSION), ballots) == expected
    record = types.Record((types.Field("is", VERSION), types.Field("sure", types.Range(0, 1))))
    rows = [{"is": one, "sure": 1} for one in ballots]
    assert counts("majority", record, rows, by="is") == expected
    assert counts("weighted", record, rows, by="sure", of="is") == expected
    assert counts("approval", types.ListOf(VERSION), [[one] for one in ballots]) == expected
    assert counts("ranked", types.ListOf(VERSION), [[one] for one in ballots]) == expected
    for rule, args in (("quorum", {"votes": 2}), ("unanimous", {}), ("window", {"width": 2}), ("ahead", {"lead": 2})):
        assert counts(rule, VERSION, ballots, **args)[0] == ("3.10", 2)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_that_are_one_are_one_ballot(one: str, other: str) -> None:
    assert counts("majority", types.TEXT, [one, "x", other]) == [(one, 2), ("x", 1)]
    assert counts("approval", types.ListOf(types.TEXT), [[one, other], [other]]) == [(one, 2)]
    assert counts("ranked", types.ListOf(types.TEXT), [[one], [other]]) == [(one, 2)]
    count = REDUCERS["count"].make(Setting(2, 2, args={"of": one}, item=types.TEXT))
    count.add(0, other)
    count.add(1, "x")
    assert count.value() == 1


@pytest.mark.parametrize(("one", "other"), APART[:-2])
def test_texts_that_are_two_are_two_ballots(one: str, other: str) -> None:
    assert len(counts("majority", types.TEXT, [one, other])) == 2


@pytest.mark.parametrize("type_", [types.NUMBER, types.Range(0.0, 1.0)])
def test_numbers_are_one_where_the_type_is_a_number(type_: types.Type) -> None:
    ballots = [read_answer(text, type_) for text in ("0.10", "0.1", "1", "1.0")]
    assert counts("majority", type_, ballots) == [(0.1, 2), (1, 2)]
    assert len(counts("majority", types.TEXT, ["0.10", "0.1", "1", "1.0"])) == 4


def test_a_tie_of_texts_is_put_in_their_own_words() -> None:
    asks = REDUCERS["majority"].make(Setting(2, 2, asks=True, item=types.TEXT))
    asks.add(0, NFD)
    asks.add(1, "3.10")
    (question,) = asks.questions()
    assert question.answer == types.Choice((NFD, "3.10"))
    asks.heard([read_answer(NFC.upper(), question.answer)])
    assert asks.value() == NFD


@pytest.mark.parametrize("rule", ["majority", "approval", "ranked", "quorum"])
def test_joined_choices_with_two_words_for_one_answer_are_refused(rule: str) -> None:
    joined: types.Type = types.Choice(("Yes", "no", "yes"))
    item = types.ListOf(joined) if rule in ("approval", "ranked") else joined
    refused = REDUCERS[rule].spec.result(Given(item, 3, 3, {"votes": 2} if rule == "quorum" else {}))
    assert isinstance(refused, Refusal)
    assert "two words for the same answer, `Yes` and `yes`" in refused.message
