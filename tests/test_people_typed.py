"""Answers as people type them, and what the flow reads of them."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.dsl import plan, types
from flowrun.runtime.engine.asks import PreparedAsk
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError
from flowrun.runtime.vocabulary.question import OpenQuestionsError, Question, typed

WORD = types.Choice(("yes", "no", "two words"))
NOTE = types.Record((types.Field("grade", types.Range(1, 5)), types.Field("by", types.Optional(types.TEXT))))


def question(type_: types.Type, path: str = "ok") -> Question:
    ask = PreparedAsk(plan.Ask(None, (plan.Message("user", "?"),), type_, person=True), {})
    made = ask.question(path, Request((Message("user", "?"),)))
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (types.TEXT, "  two\n lines ", "two\n lines"),
        (types.TEXT, "1", "1"),
        (WORD, "Yes.", "yes"),
        (WORD, "TWO WORDS", "two words"),
        (types.OpenChoice(("yes", "no")), "YES", "yes"),
        (types.OpenChoice(("yes", "no")), " yes, but shorter ", "yes, but shorter"),
        (types.BOOL, "y", True),
        (types.BOOL, "No", False),
        (types.BOOL, "true", True),
        (types.INT, " 7 ", 7),
        (types.NUMBER, "2.5", 2.5),
        (types.Range(1, 5), "5", 5),
        (types.ListOf(types.TEXT), '["a", "b"]', ["a", "b"]),
        (NOTE, '{"grade": 2}', {"grade": 2, "by": None}),
        (types.Optional(types.TEXT), "", None),
        (types.Optional(types.TEXT), "none", None),
        (types.Optional(types.TEXT), "a word", "a word"),
        (types.Optional(WORD), "yes", "yes"),
        (types.Optional(types.Range(1, 5)), "3", 3),
        (types.Optional(types.BOOL), "n", False),
        (types.JSON, '{"a": 1}', {"a": 1}),
    ],
)
def test_an_answer_is_read(type_: types.Type, text: str, value: Any) -> None:
    one = question(type_)
    assert one.read(typed(one, text)) == value


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (types.TEXT, " \n"),
        (types.OpenChoice(("yes", "no")), ""),
        (WORD, "maybe"),
        (types.BOOL, "perhaps"),
        (types.INT, "7.5"),
        (types.Range(1, 5), "6"),
        (types.ListOf(types.TEXT), "a, b"),
        (NOTE, '{"grade": 2, "more": 1}'),
        (NOTE, "{"),
        (types.Optional(types.Range(1, 5)), "6"),
        (types.Optional(WORD), "maybe"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(type_: types.Type, text: str) -> None:
    with pytest.raises(AnswerError):
        typed(question(type_), text)


def test_the_choices_of_a_question() -> None:
    for type_, words in (
        (WORD, WORD.options),
        (types.OpenChoice(("a", "b")), ("a", "b")),
        (types.Optional(WORD), WORD.options),
        (types.BOOL, ("yes", "no")),
        (types.TEXT, ()),
        (NOTE, ()),
    ):
        assert question(type_).choices == words


def test_many_open_questions_are_told_in_one_line() -> None:
    one = OpenQuestionsError((question(types.TEXT, "a"),))
    assert str(one) == "a person has not answered `a`"
    many = OpenQuestionsError(tuple(question(types.TEXT, f"a[{number}]") for number in range(1_200)))
    assert str(many).startswith("1,200 questions to people are open: `a[0]`, ")
    assert str(many).endswith("`a[4]`, 1,195 more")


def test_open_choices_and_their_types() -> None:
    yes_no, other = types.OpenChoice(("yes", "no")), types.OpenChoice(("later",))
    assert types.show(yes_no) == "yes | no | text"
    assert types.fits(yes_no, types.TEXT) and types.fits(yes_no, types.DOCUMENT) and types.fits(WORD, yes_no)
    assert types.fits(types.TEXT, yes_no) and not types.fits(yes_no, WORD) and not types.fits(types.INT, yes_no)
    assert types.join([yes_no, other]) == types.OpenChoice(("yes", "no", "later"))
    assert types.join([yes_no, types.TEXT]) == types.join([types.TEXT, yes_no]) == types.TEXT
    assert types.join([WORD, other]) == types.OpenChoice((*WORD.options, "later"))
    assert types.join([yes_no, types.NONE]) == types.Optional(yes_no)
    assert types.comparable(yes_no, WORD) and types.comparable(types.TEXT, yes_no) and types.is_text(yes_no)
    assert types.json_schema(yes_no) == {"type": "string"}
