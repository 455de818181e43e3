"""A step that fails loses exactly what depends on it: other steps, the elements of its map, and the reducer."""

from __future__ import annotations

import pytest

from flowrun.runtime.engine.decisions import Finish
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run
from support.state_runs import BROKEN, by_prompt, state_of


def test_exactly_the_dependants_of_a_failed_step_are_skipped() -> None:
    run = Run(
        """flow f() {
          a = ask "a"
          b = ask "b {{ a }}"
          c = ask "c {{ b }}"
          d = chain { x = ask "d1" y = ask "d2 {{ x }} {{ b }}" }
          m = map e in ["1", "2"] { ask "m {{ e }} {{ b }}" } reduce collect with errors: skip
          n = repeat 3 { ask "n {{ c }}" -> aye | nay } reduce majority
          r = fanout { g = ask "g" h = ask "h" } reduce ask "r {{ g }} {{ h }} {{ b }}"
          s = ask "s" after b
          z = ask "z" when length(b) > 3
          free = ask "free {{ a }}"
          more = map e in ["1", "2"] { ask "more {{ e }} {{ free }}" } reduce collect
          return { a, b, c, d, m, n, r, s, z, free, more }
        }""",
        by_prompt({"b ": BROKEN}),
    )
    outcome = run.go()
    root = run.state._root
    assert set(root.values) == {"a", "free", "more"}
    assert set(root.watch.failed) == {"b", "c", "d", "m", "n", "r", "s", "z"}
    assert sorted(run.prompts) == sorted(["a", "b x", "d1", "g", "h", "free x", "more 1 x", "more 2 x"])
    assert [(one.path, one.reason) for one in outcome.failures] == [("b", "the key is wrong")]
    assert not outcome.complete
    assert outcome.value is None
    assert not run.left


def test_what_a_failed_step_leaves_undecided_still_returns_where_it_is_not_needed() -> None:
    outcome = Run('flow f() { a = ask "a" b = ask "b" return b }', by_prompt({"a": BROKEN})).go()
    assert outcome.value == "x"
    assert outcome.complete
    assert [one.path for one in outcome.failures] == ["a"]


@pytest.mark.parametrize(
    "reduce", ["collect", "concat", "flatten", 'ask "r {{ results }}"', 'by 2 ask "t {{ results }}"']
)
@pytest.mark.parametrize("errors", ["fail", "skip", "none"])
def test_a_map_with_failed_elements(reduce: str, errors: str) -> None:
    answer = " -> [text]" if reduce == "flatten" else ""
    run = Run(
        f'flow f() {{ m = map e in ["1", "2", "3"] {{ ask "m {{{{ e }}}}"{answer} }} reduce {reduce} '
        f"with errors: {errors} return m }}",
        by_prompt({"m 2": BROKEN, "m": '["x"]' if answer else "x"}),
    )
    outcome = run.go()
    if errors == "fail":
        assert [(one.path, one.reason) for one in outcome.failures] == [("m[1].line 1", "the key is wrong")]
        assert not outcome.complete
        return
    assert outcome.failures == ()
    assert [one.path for one in outcome.losses] == ["m[1].line 1"]
    expected: object = {"collect": ["x", "x"], "concat": "x\n\nx", "flatten": ["x", "x"]}.get(reduce, "x")
    if (reduce, errors) == ("collect", "none"):
        expected = ["x", None, "x"]
    assert outcome.value == expected


@pytest.mark.parametrize("reduce", ['ask "r {{ results }}"', 'by 2 ask "t {{ results }}"'])
def test_a_map_without_any_element_left_tells_the_cause(reduce: str) -> None:
    run = Run(
        f'flow f() {{ m = map e in ["1", "2"] {{ ask "m {{{{ e }}}}" }} reduce {reduce} with errors: skip return m }}',
        by_prompt({"m": BROKEN}),
    )
    assert [one.reason for one in run.go().failures] == ["every element failed; the last: the key is wrong"]


def test_a_failed_element_takes_back_the_others() -> None:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(BROKEN, 1) if request.messages[0].text == "m 1" else Scripted("x", 100)

    run = Run(
        'flow f() { m = map e in ["1", "2", "3"] { chain { ask "m {{ e }}" } } reduce collect return m }',
        script,
        limit=2,
    )
    run.go()
    assert len(run.prompts) == 2
    assert len(run.of(e.RequestCancelled)) == 1
    assert run.seconds < 2
    assert not run.left


def test_a_block_that_has_failed_asks_for_no_merge() -> None:
    """Merges that wait for a step outside are not sent once an element has failed."""

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[0].text
        return {"3": Scripted(BROKEN, 2), "late": Scripted("x", 5)}.get(prompt, Scripted("x", 1))

    run = Run(
        'flow f() { late = ask "late" m = map e in ["1", "2", "3"] { ask "{{ e }}" } '
        'reduce by 2 ask "t {{ results }} {{ late }}" end = ask "end {{ late }}" return { m, end } }',
        script,
    )
    outcome = run.go()
    assert sorted(run.prompts) == ["1", "2", "3", "end x", "late"]
    assert [one.path for one in outcome.failures] == ["m[2].line 1"]


def test_a_merge_that_fails_fails_its_map() -> None:
    run = Run(
        'flow f() { m = map e in ["1", "2", "3", "4"] { ask "{{ e }}" } reduce by 2 ask "t {{ results }}" return m }',
        by_prompt({"t": BROKEN}),
    )
    assert [(one.path, one.reason) for one in run.go().failures] == [("m.reduce", "the key is wrong")]


def test_options_of_a_reducer_that_have_no_value_fail_the_step() -> None:
    run = Run(
        'flow f(n: int) { m = map e in ["1", "2"] { ask "{{ e }}" } '
        'reduce (ask "r {{ results }}" with temperature: 1 / n) return m }',
        None,
        inputs={"n": 0},
    )
    assert [one.reason for one in run.go().failures] == ["this is a division by zero"]


def test_arguments_of_a_reducer_are_waited_for() -> None:
    run = Run(
        'flow f() { k = ask "k" -> 1..5 m = repeat 3 { ask "b" -> aye | nay } reduce majority(at_least: k) return m }',
        by_prompt({"k": "3", "b": "aye"}),
    )
    assert run.go().value == "aye"
    assert run.prompts == ["k", "b", "b", "b"]


@pytest.mark.parametrize("number", [0, -1])
def test_no_window_is_smaller_than_one(number: int) -> None:
    run = Run(
        'flow f(n: int) { m = map e in ["1"] { ask "{{ e }}" } reduce collect with concurrency: n return m }',
        None,
        inputs={"n": number},
    )
    assert [one.reason for one in run.go().failures] == [f"`concurrency` is 1 or more, and this is {number}"]


def test_nested_windows_of_one_do_not_deadlock() -> None:
    run = Run(
        """flow f() {
          m = map a in ["1", "2", "3"] {
            n = map b in ["1", "2"] {
              o = map c in ["1", "2"] { ask "{{ a }}{{ b }}{{ c }} {{ z }}" } reduce concat with concurrency: 1
            } reduce concat with concurrency: 1
          } reduce collect with concurrency: 1
          z = ask "z"
          return m
        }""",
        by_prompt({}, 1.0),
        limit=1,
    )
    assert run.go().value == ["x\n\nx\n\nx\n\nx"] * 3
    assert run.seconds == pytest.approx(13)


@pytest.mark.parametrize("option", ["max_tokens: n", "temperature: n", "retries: n"])
def test_a_computed_option_keeps_its_bounds(option: str) -> None:
    state = state_of(f'flow f(n: int) {{ a = ask "x" with {option}\n return a }}', {"n": -3})
    (end,) = [one for one in state.begin() if isinstance(one, Finish)]
    name = option.partition(":")[0]
    assert end.outcome.failures[0].reason.startswith(f"`{name}` takes a number ")
    assert end.outcome.failures[0].reason.endswith("and this is -3")
