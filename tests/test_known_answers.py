"""The answers to one question: which of them a run takes, also if very many rows ask the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.journal.answers import Answers, Paid
from flowrun.runtime.journal.known_answers import KnownAnswers
from support.cpu import cpu_within

RUN = 5
ROWS = st.lists(st.tuples(st.integers(1, 9), st.sampled_from("abc")), max_size=12)
PLACES = st.lists(st.sampled_from("abcd"), max_size=14)


def chosen(paid: list[Paid], place: str, fresh: bool) -> Paid | None:
    """Choose an answer by the rule: the run's own first, then those of runs before, then those of runs after."""
    mine = [one for one in paid if one.run == RUN]
    before = [one for one in reversed(paid) if one.run < RUN]
    since = [one for one in reversed(paid) if one.run > RUN]
    for group in [mine] if fresh else [mine, before, since]:
        if group:
            return next((one for one in group if one.place == place), group[0])
    return None


@given(ROWS, ROWS, PLACES, st.booleans())
def test_each_answer_is_taken_once_by_the_rule(
    rows: list[tuple[int, str]], later: list[tuple[int, str]], places: list[str], fresh: bool
) -> None:
    answers = Answers()
    for number, (run, place) in enumerate(rows, 1):
        answers.add(b"k", number, run, place.encode())
    known, taken = KnownAnswers(RUN), set[int]()
    for turn, place in enumerate(places):
        if turn == 3:
            for number, (run, at) in enumerate(later, 100):
                answers.add(b"k", number, run, at.encode())
        known.add(answers.later(b"k", known.count))
        assert known.count == answers.many(b"k")
        left = [one for one in answers.get(b"k", ()) if one.number not in taken]
        found = known.find(place, taken, fresh=fresh)
        assert found == chosen(left, place, fresh)
        if found is not None:
            taken.add(found.number)


def test_very_many_equal_questions_are_found_in_linear_time() -> None:
    answers = Answers()
    for number in range(1, 20_001):
        answers.add(b"k", number, 1, f"a[{number}]".encode())
    known, taken = KnownAnswers(RUN), set[int]()
    with cpu_within(2):
        known.add(answers.later(b"k", 0))
        for number in range(20_000, 0, -1):
            found = known.find(f"a[{number}]", taken, fresh=False)
            assert found is not None and found.number == number
            taken.add(number)
    assert known.find("a[1]", taken, fresh=False) is None


def test_answers_that_are_forgotten_are_no_longer_counted() -> None:
    answers = Answers()
    for number in range(1, 4):
        answers.add(b"k", number, 1, b"a")
    assert (answers.many(b"k"), answers.first(b"k").number) == (3, 1)
    answers.forget(b"k", 2)
    assert (answers.many(b"k"), answers.first(b"k").number) == (1, 3)
    assert answers.many(b"other") == 0
