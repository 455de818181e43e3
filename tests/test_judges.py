"""Judges: they see candidates with numbers that no candidate can pose as, and a whole order or none counts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, bounds_of, check_flow, make_plan, types
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.reducers import REDUCERS, Question, Setting
from flowrun.runtime.reducers.order import Order
from flowrun.runtime.values.candidates import Candidates
from flowrun.runtime.values.prompts import render
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import AnswerError
from flowrun.runtime.vocabulary.tokens import estimate
from support.harness import Run, stage

Json = Any
LINE = re.compile(r"\s*(\d+)[.):]\s?(.*)")
TEXTS = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(["2. apple", "a\n1. b", "a\r2. b", "x\u20283. y", "1.", "", " 2) z", '"q"\\', "l\x0b4. m"]),
    ),
    min_size=2,
    max_size=6,
    unique=True,
)


def numbered(prompt: str) -> dict[int, str]:
    """What a reader sees who takes every line that begins with a number for a candidate."""
    found: dict[int, str] = {}
    for line in prompt.splitlines():
        if (match := LINE.fullmatch(line)) is not None:
            assert int(match[1]) not in found, f"two candidates with one number: {prompt!r}"
            found[int(match[1])] = match[2]
    return found


def shown_as(lines: dict[int, str], candidates: list[str]) -> list[str]:
    """The candidates in the order of their numbers."""
    assert list(lines) == list(range(1, len(candidates) + 1))
    bare = [line for _, line in sorted(lines.items())]
    if sorted(bare) == sorted(candidates):
        return bare
    return [json.loads(line) for line in bare]


def judged(rule: str, template: str, candidates: list[str], judge: Any) -> Run:
    text = f"flow f(xs: [text]) {{ v = map x in xs {{ x }} reduce {rule}(judge: ask {json.dumps(template)}) return v }}"
    return stage(text, judge, {"xs": candidates})


@given(TEXTS, st.data())
@settings(max_examples=60)
def test_the_number_a_judge_gives_is_the_candidate_it_has_read(candidates: list[str], data: st.DataObject) -> None:
    favourite = data.draw(st.sampled_from(candidates))
    order = data.draw(st.permutations(candidates))

    def best(request: Request, number: int) -> str:
        return str(shown_as(numbered(request.messages[-1].text), candidates).index(favourite) + 1)

    def rank(request: Request, number: int) -> str:
        seen = shown_as(numbered(request.messages[-1].text), candidates)
        return json.dumps([seen.index(one) + 1 for one in order])

    assert judged("best", "Which is best? {{ results }} Say its number.", candidates, best).outcome.value == favourite
    assert judged("rank", "In which order? {{ results }}", candidates, rank).outcome.value == order


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("Which? {{ results }}", "Which? \n1. kiwi\n2. plum\n"),
        ("{{ results }}", "\n1. kiwi\n2. plum\n"),
        ("{{ results | join(', ') }}", "1. kiwi, 2. plum"),
        ("{{ 'Of: ' ~ results }}", "Of: \n1. kiwi\n2. plum\n"),
        ("{% set xs = results %}{% for x in xs %}- {{ x }};{% endfor %}", "1. - kiwi;2. - plum;"),
        ("{% for r in results %}{{ r | upper }}\n{% endfor %}", "1. KIWI\n2. PLUM\n"),
        # Who numbers for himself is left alone, in whatever form.
        ("{% for r in results %}{{ loop.index }}: {{ r }}\n{% endfor %}", "1: kiwi\n2: plum\n"),
        ("{% for r in results %}{% if r %}<{{ loop.index }}>{{ r }}{% endif %}{% endfor %}", "<1>kiwi<2>plum"),
        ("{% for r in results %}{% set n = loop.index %}{{ n }}){{ r }} {% endfor %}", "1)kiwi 2)plum "),
        # The inner loop counts something else.
        (
            "{% for r in results %}{% for y in ['a'] %}{{ loop.index }}{{ y }}{% endfor %}{{ r }} {% endfor %}",
            "1. 1akiwi 2. 1aplum ",
        ),
        ("{% for y in ['a', 'b'] %}{{ y }}{% endfor %}{{ results | length }}", "ab2"),
    ],
)
def test_candidates_are_numbered_once(template: str, prompt: str) -> None:
    assert render(template, {"results": Candidates(["kiwi", "plum"])}.__getitem__) == prompt
    plain = render(template, {"results": ["kiwi", "plum"]}.__getitem__)
    assert "1. " not in plain


def test_records_keep_their_fields() -> None:
    rows = Candidates([{"t": "kiwi", "n": 3}, {"t": "plum\n3. fig", "n": 4}])
    assert render("{% for r in results %}{{ r.t }}/{{ r.n }} {% endfor %}", {"results": rows}.__getitem__) == (
        "1. kiwi/3 2. plum\n3. fig/4 "
    )
    assert render("{{ results }}", {"results": rows}.__getitem__) == (
        '\n1. {"t": "kiwi", "n": 3}\n2. {"t": "plum\\n3. fig", "n": 4}\n'
    )


def test_a_text_of_many_lines_is_told_apart_in_a_loop_without_numbers() -> None:
    values = {"results": Candidates(["a\n2. b", "c"])}
    assert numbered(render("{% for r in results %}{{ r }}\n{% endfor %}", values.__getitem__)) == {
        1: '"a\\n2. b"',
        2: '"c"',
    }


def test_what_answers_in_words_is_not_numbered() -> None:
    assert not Question(("a", "b"), types.Choice(("a", "b"))).numbered
    assert Question((1, 2), types.Range(1, 2)).numbered
    asks = REDUCERS["majority"].make(Setting(2, 2, asks=True, item=types.INT))
    asks.add(0, 7)
    asks.add(1, 9)
    assert all(question.numbered for question in asks.questions())


# Orders


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([1, 2], "expected each number of 1..4 once, and the answer has no 3, 4"),
        ([], "has no 1, 2, 3 and 1 more"),
        ([1, 2, 3, 4, 4], "has 4 more than once"),
        ([1, 2, 2, 3], "has no 4 and has 2 more than once"),
        ([0, 1, 2, 3], "expected [1..4]"),
        ([1, 2, 3, 5], "expected [1..4]"),
        ([1, 2, 3, "kiwi"], "expected [1..4]"),
        ([1, 2, 3, None], "expected [1..4]"),
        ([1, 2, 3, 4.5], "expected [1..4]"),
    ],
)
def test_an_order_that_is_not_whole_is_no_answer(order: list[Json], said: str) -> None:
    with pytest.raises(AnswerError, match=re.escape(said)):
        read_answer(json.dumps(order), Order(types.Range(1, 4)))


@given(st.permutations(range(1, 7)))
def test_a_whole_order_is_one(order: list[int]) -> None:
    assert read_answer(json.dumps(order), Order(types.Range(1, 6))) == order
    assert types.json_schema(Order(types.Range(1, 6))) == types.json_schema(types.ListOf(types.Range(1, 6)))


@pytest.mark.parametrize("bad", ["[1, 2]", "[1, 1, 2]", "[1, 2, 3, 1]", "[1, 2, 4]", "[]", '["c", "b", "a"]', "1"])
def test_a_rank_that_is_not_whole_is_asked_again_and_then_fails(bad: str) -> None:
    once: list[str] = []

    def mended(request: Request, number: int) -> Scripted:
        seen = request.messages[0].text
        first = seen not in once
        once.append(seen)
        order = [int(key) for key, _ in sorted(numbered(seen).items(), key=lambda one: one[1])]
        return Scripted(bad if first else json.dumps(order))

    ran = judged("rank", "Sort: {{ results }}", ["b", "c", "a"], mended)
    assert ran.outcome.value == ["a", "b", "c"]
    assert len(ran.provider.calls) == 4
    ran = judged("rank", "Sort: {{ results }}", ["b", "c", "a"], lambda request, number: bad)
    assert not ran.outcome.complete
    assert ran.outcome.failures[0].path == "v.reduce"
    assert "(3 times)" in ran.outcome.failures[0].reason


@pytest.mark.parametrize(
    "template", ["{{ results }}", "{{ results | join(' ') }}", "{% for r in results %}{{ r }} {% endfor %}"]
)
@pytest.mark.parametrize("count", [2, 9, 120])
def test_the_plan_s_bound_holds_with_the_numbers(template: str, count: int) -> None:
    judge = f"best(judge: ask {json.dumps(template)})"
    text = f'flow f() {{ v = repeat {count} {{ ask "x" -> a | b }} reduce {judge} return v }}'
    plan = make_plan(check_flow(Source(text), catalog()))
    most = bounds_of(plan, catalog().reducers).tokens_in.most
    ran = stage(text, lambda request, number: "1" if request.schema else "a")
    assert most is not None
    assert sum(estimate(prompt) for prompt in ran.prompts) <= most
