"""Maps that take their elements as they come: no element waits for another one's."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import stage

PAIRS = {"a": (1, 30), "b": (10, 10), "c": (30, 1)}
"""Seconds of each element in the first map and in the second one: one after the other 60, side by side 31."""


def timed(request: Request, number: int) -> Scripted:
    prompt = request.messages[-1].text
    kind, _, name = prompt.partition(" ")
    seconds = PAIRS[name[-1]][0 if kind == "first" else 1] if kind in ("first", "second") else 1
    return Scripted(prompt.removeprefix("first "), seconds)


def at_random_times(seed: int) -> Callable[[Request, int], Scripted]:
    draw = random.Random(seed)
    return lambda request, number: Scripted(timed(request, number).text, draw.random())


FIRST = 'xs = map n in names { ask "first {{ n }}" } reduce collect'
SECOND = 'map x in xs { ask "second {{ x }}" } reduce collect'


MAKING = 'map n in names { ask "first {{ n }}" } reduce'


@pytest.mark.parametrize(
    "body",
    [
        f"{FIRST} ys = {SECOND} return ys",
        f"ys = chain {{ {FIRST} {SECOND} }} return ys",
        f"xs = chain {{ {MAKING} collect }} ys = {SECOND} return ys",
        f"{FIRST} both = fanout {{ one = {SECOND} two = length(xs) }} reduce collect return both.one",
        f"""xs = {MAKING} collect with errors: none
            ys = map x in xs {{ ask "second {{{{ x | default('-') }}}}" }} reduce collect return ys""",
        f"xs = {MAKING} collect with errors: skip ys = {SECOND} return ys",
        f'{FIRST} ys = map x in xs where x != "z" {{ ask "second {{{{ x }}}}" }} reduce collect return ys',
        f"""xs = map n in names {{ one = ask "first {{{{ n }}}}" list = [one] }} reduce flatten
            ys = {SECOND} return ys""",
        f"xs = fanout {{ all = {MAKING} collect rest = [] }} reduce flatten ys = {SECOND} return ys",
    ],
)
def test_an_element_goes_on_as_soon_as_it_is_there(body: str) -> None:
    ran = stage(f"flow f(names: [text]) {{ {body} }}", timed, {"names": list(PAIRS)})
    assert ran.outcome.complete, ran.outcome.failures
    assert ran.outcome.value == ["second a", "second b", "second c"]
    assert ran.seconds == 31


def test_lists_in_lists_go_on_too() -> None:
    ran = stage(
        """
        flow f(names: [text]) {
          xs = map n in names { map m in [n, "b"] { ask "first {{ n }}{{ m }}" } reduce collect } reduce flatten
          ys = map x in xs { ask "second {{ x }}" } reduce collect
          return ys
        }
        """,
        timed,
        {"names": list(PAIRS)},
    )
    assert ran.outcome.value == [f"second {one}" for one in ("aa", "ab", "bb", "bb", "cc", "cb")]
    assert ran.seconds == 31
    started = {event.path for event in ran.of(e.RequestStarted)}
    assert {"ys[0,0].line 4", "ys[2,1].line 4"} <= started


def test_a_called_flow_hands_on_what_it_makes() -> None:
    ran = stage(
        """
        flow first(names: [text]) { xs = map n in names { ask "first {{ n }}" } reduce collect return xs }
        flow f(names: [text]) {
          xs = first(names: names)
          ys = map x in xs { ask "second {{ x }}" } reduce collect
          return ys
        }
        """,
        timed,
        {"names": list(PAIRS)},
    )
    assert ran.outcome.value == ["second a", "second b", "second c"]
    assert ran.seconds == 31


def test_a_tree_takes_what_has_its_place() -> None:
    """Elements of lists get their places from the left; the tree merges what is next to each other, always the same."""
    flow = """
        flow f(names: [text]) {
          xs = map n in names { a = ask "first {{ n }}" [a, a] } reduce flatten
          y = map x in xs where x != "b" { ask "second {{ x }}" } reduce by 2 ask "m {{ results | join('+') }}"
          return y
        }
        """
    for seed in range(20):
        ran = stage(flow, at_random_times(seed), {"names": ["a", "b", "c", "a", "c"]})
        pairs = ["m second a+second a", "m second c+second c", "m second a+second a", "m second c+second c"]
        assert ran.outcome.value == "m m " + "+".join(pairs[:2]) + "+m " + "+".join(pairs[2:])


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b", "c"]])
@pytest.mark.parametrize(
    "rule",
    [
        "collect",
        "by 2 ask \"m {{ results | join('+') }}\"",
        'fold ask "f {{ so_far }} {{ next }}"',
        'by tokens(4) ask "t {{ results | length }}"',
    ],
)
@pytest.mark.parametrize("where", ["", ' where x != "b"', ' where x == "nobody"'])
def test_what_comes_of_it_is_what_would_come_of_the_whole_list(names: list[str], rule: str, where: str) -> None:
    text = f"""flow f(names: [text]) {{
        {FIRST}
        y = map x in xs{where} {{ ask "second {{{{ x }}}}" }} reduce {rule} %s
        return y }}"""
    piped = stage(text % "", timed, {"names": names})
    whole = stage(text % "after xs", timed, {"names": names})
    assert piped.outcome.complete
    assert piped.outcome.value == whole.outcome.value
    assert piped.seconds <= whole.seconds
    if len(names) > 1 and not where:
        assert piped.seconds < whole.seconds


@pytest.mark.parametrize(
    "line",
    [
        f"ys = {SECOND} after xs",
        f"ys = {SECOND} with timeout: 1h",
        f"ys = {SECOND} when length(xs) > 1",
        f"ys = {SECOND} with concurrency: length(xs)",
        'ys = map x in xs { ask "second {{ xs | length }} {{ x }}" } reduce collect',
    ],
)
def test_who_needs_the_whole_list_waits_for_it(line: str) -> None:
    ran = stage(f"flow f(names: [text]) {{ {FIRST} {line} return ys }}", timed, {"names": list(PAIRS)})
    assert ran.outcome.complete, ran.outcome.failures
    assert ran.seconds == 60


def test_a_vote_counts_its_list_in_order() -> None:
    ran = stage(
        f"""flow f(names: [text]) {{
            {FIRST} y = map x in xs {{ ask "second {{{{ x }}}}" -> yes | no }} reduce majority return y }}""",
        lambda request, number: "yes" if "second" in request.messages[-1].text else timed(request, number),
        {"names": list(PAIRS)},
    )
    assert ran.outcome.value == "yes"
    assert ran.seconds == 30


def test_a_promise_is_held_before_anything_is_asked() -> None:
    text = f"flow f(names: [text]) {{ {FIRST} ys = {SECOND.replace('xs', 'xs at most 2')} return ys }}"
    ran = stage(text, timed, {"names": list(PAIRS)})
    assert not ran.outcome.complete
    assert "the list has 3 elements" in ran.outcome.failures[0].reason
    assert not [prompt for prompt in ran.prompts if prompt.startswith("second")]
    assert stage(text.replace("at most 2", "at most 3"), timed, {"names": list(PAIRS)}).seconds == 31


def failing(name: str, kind: str = "first") -> Callable[[Request, int], Scripted]:
    def script(request: Request, number: int) -> Scripted:
        done = timed(request, number)
        said = f"{kind} {name}"
        return Scripted(PermanentError("no"), done.seconds) if request.messages[-1].text == said else done

    return script


def test_what_fails_before_fails_what_takes_from_it_once() -> None:
    ran = stage(f"flow f(names: [text]) {{ {FIRST} ys = {SECOND} return ys }}", failing("b"), {"names": list(PAIRS)})
    assert not ran.outcome.complete
    assert [failure.path for failure in ran.outcome.failures] == ["xs[1].line 1"]
    assert [event.path for event in ran.of(e.StepFailed)] == ["xs[1].line 1"]


def test_what_is_lost_before_is_not_in_the_list() -> None:
    ran = stage(
        f"flow f(names: [text]) {{ {FIRST} with errors: skip ys = {SECOND} return ys }}",
        failing("b"),
        {"names": list(PAIRS)},
    )
    assert ran.outcome.value == ["second a", "second c"]
    assert {event.path for event in ran.of(e.ElementFinished)} == {"xs[0]", "xs[2]", "ys[0]", "ys[2]"}


def test_the_share_that_may_be_lost_is_one_of_the_whole() -> None:
    """With the third element the share is small enough; before that nobody can know."""
    flow = f"flow f(names: [text]) {{ {FIRST} with errors: skip ys = {SECOND} with errors: skip(40%) return ys }}"
    assert stage(flow, failing("a", "second"), {"names": list(PAIRS)}).outcome.value == ["second b", "second c"]
    ran = stage(flow.replace("40%", "30%"), failing("a", "second"), {"names": list(PAIRS)})
    assert not ran.outcome.complete
    assert "1 of 3 elements failed" in ran.outcome.failures[0].reason


def test_two_chained_maps_take_what_the_slowest_element_takes() -> None:
    """Log-normal times, median 200 ms and p99 2 s: a barrier between the maps would cost about half as much again."""
    draw = random.Random(7)
    sigma = 0.99
    seconds = {f"{kind} {n}": 0.2 * draw.lognormvariate(0, sigma) for n in range(500) for kind in ("first", "second")}
    ran = stage(
        """
        flow f(names: [int]) {
          xs = map n in names { ask "first {{ n }}" } reduce collect
          ys = map x in xs { ask "second {{ x }}" } reduce collect
          return length(ys)
        }
        """,
        lambda request, number: Scripted(
            request.messages[-1].text.removeprefix("first "), seconds[request.messages[-1].text]
        ),
        {"names": list(range(500))},
    )
    assert ran.outcome.value == 500
    least = max(seconds[f"first {n}"] + seconds[f"second {n}"] for n in range(500))
    assert ran.seconds == pytest.approx(least)


def test_a_list_that_may_be_dropped_is_told_of_when_it_is_whole() -> None:
    """The first item of the second list is there long before its last one fails, and with it the list."""
    ran = stage(
        """
        flow f(names: [text]) {
          xs = map n in names { map m in ["a", n] { ask "first {{ n }}{{ m }}" } reduce collect } reduce flatten
            with errors: skip
          ys = map x in xs { ask "second {{ x }}" } reduce collect
          return ys
        }
        """,
        failing("cc"),
        {"names": list(PAIRS)},
    )
    assert ran.outcome.value == ["second aa", "second aa", "second ba", "second bb"]
    assert not [prompt for prompt in ran.prompts if prompt == "second ca"]
