"""The least of a plan, and its rounds, where results are lost, raced for, fed one by one, or wait for a place."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from flowrun.dsl import Bound
from flowrun.dsl.diagnostics import FlowError
from flowrun.runtime.providers.embedded import cores
from flowrun.runtime.vocabulary.errors import UsageError
from support.harness import planned
from support.lossy_flows import Writer
from support.soak import share
from support.timed_runs import Server, bounds, hold, run

Json = Any
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.sampled_from([0, 0.2, 0.5, 0.9])
XS = ["a", "b", "c", "d"]


def span(bound: Bound) -> tuple[float, float | None]:
    return bound.least, bound.most


def ran(text: str, bad: Any = lambda prompt: False, **inputs: Json) -> tuple[int, int]:
    """The calls and the seconds of a run that completes, which lie inside its bounds."""
    server = Server(bad)
    found = bounds(text, **inputs)
    outcome, seconds = run(text, inputs, server)
    assert hold(found, outcome, seconds, server), outcome.failures
    return server.calls, seconds


# Random flows


def check(seed: int, share: float, samples: int, given_inputs: bool) -> None:
    rng = random.Random(seed)
    text = Writer(rng).flow()
    inputs = {"items": rng.choices(["a", "b", "c d e", ""], k=rng.choice([0, 1, 2, 3, 3, 4, 5]))}
    note(f"{text}\n{inputs!r}")
    try:
        planned(text)
    except FlowError:
        assume(False)
    server = Server(lambda prompt: rng.random() < share, seed, samples)
    try:
        found = bounds(text, **(inputs if given_inputs else {}))
    except UsageError as error:
        # The length of an element that was skipped: the run says the same.
        assert "this is none" in str(error)
        return
    note(str({name: span(getattr(found, name)) for name in ("calls", "rounds", "tokens_in", "tokens_out")}))
    outcome, seconds = run(text, inputs, server)
    hold(found, outcome, seconds, server)


@given(SEEDS, SHARES, st.sampled_from([1, 8]), st.booleans())
@QUICK
def test_runs_that_lose_results_lie_inside_their_bounds(
    seed: int, share: float, samples: int, given_inputs: bool
) -> None:
    check(seed, share, samples, given_inputs)


@pytest.mark.slow
@given(SEEDS, SHARES, st.sampled_from([1, 8]), st.booleans())
@settings(QUICK, max_examples=share(5000))
def test_many_runs_that_lose_results_do(seed: int, share: float, samples: int, given_inputs: bool) -> None:
    check(seed, share, samples, given_inputs)


# Races and votes

ASK = 'ask "A {{ x }}" -> aye | nay with retries: 0'
SHORT = 'c = ask "k" ask "d {{ c }}"'
TWO = 'one = ask "1 {{ x }}" -> aye | nay with retries: 0 ask "2 {{ one }}" -> aye | nay with retries: 0'


@pytest.mark.parametrize(
    ("block", "calls", "rounds"),
    [
        ('fanout { a = ask "a" b = chain { c = ask "c" ask "d {{ c }}" } } reduce first', 1, 1),
        (f"fanout {{ a = chain {{ {SHORT} }} b = chain {{ {SHORT.replace('c', 'e')} }} }} reduce first", 2, 2),
        (f"map x in xs {{ {TWO} }} reduce first", 2, 2),
        (f"map x in xs {{ {TWO} }} reduce first with concurrency: 1", 2, 2),
        ('repeat 4 { ask "A" } reduce first', 1, 1),
        ('repeat 4 { ask "A" } reduce first with launch: together', 1, 1),
        # A vote over branches asks all of them.
        (f"fanout {{ a = {ASK} b = {ASK} c = {ASK} }} reduce majority(ties: first)".replace(" {{ x }}", ""), 3, 1),
        (f"map x in xs {{ {ASK} }} reduce majority", 3, 1),
        # One sample has its ballot, and the other may have ended with its first ask.
        (f"repeat 3 {{ {TWO} }} reduce majority".replace(" {{ x }}", ""), 3, 2),
    ],
)  # fmt: skip
def test_a_block_that_ends_early_takes_its_cheapest_end(block: str, calls: int, rounds: int) -> None:
    text = f"flow f(xs: [text]) {{ r = {block} return r }}"
    found = bounds(text, xs=XS)
    assert (found.calls.least, found.rounds.least) == (calls, rounds)
    ran(text, xs=XS)


# Losses


def lossy(reduce: str, errors: str = "skip", body: str = ASK) -> str:
    return f"flow f(xs: [text]) {{ r = map x in xs {{ {body} }} reduce {reduce} with errors: {errors} return r }}"


@pytest.mark.parametrize(
    ("reduce", "errors", "left", "calls"),
    [
        ('best(judge: ask "J {{ results }}")', "skip", 1, 4),
        ('best(judge: ask "J {{ results }}")', "none", 1, 4),
        ('rank(judge: ask "J {{ results }}")', "skip", 0, 4),
        ('fold ask "F {{ so_far }} {{ next }}" -> aye | nay', "skip", 1, 4),
        ('fold(from: "") ask "F {{ so_far }} {{ next }}"', "skip", 0, 4),
        ('by 2 ask "T {{ results }}" -> aye | nay', "skip", 1, 4),
        ('by 2 ask "T {{ results }}" -> aye | nay', "none", 1, 4),
        # Two of four are left: one merge, one fold, two judgements.
        ('by 2 ask "T {{ results }}" -> aye | nay', "skip(50%)", 2, 5),
        ('fold ask "F {{ so_far }} {{ next }}" -> aye | nay', "skip(50%)", 2, 5),
        ('best(judge: ask "J {{ results }}")', "skip(50%)", 2, 6),
        # Of nothing nothing can be told: one call at the end is sure, or the block fails.
        ('ask "J {{ results }}"', "skip", 1, 5),
        ("collect", "skip", 0, 4),
        ("collect", "none", 0, 4),
    ],
)
def test_what_is_lost_is_not_asked_about(reduce: str, errors: str, left: int, calls: int) -> None:
    text = lossy(reduce, errors)
    assert bounds(text, xs=XS).calls.least == calls
    kept = set(XS[:left])
    assert ran(text, lambda prompt: prompt[:2] == "A " and prompt[2:] not in kept, xs=XS)[0] == calls


def test_a_lost_element_pays_for_what_it_asked() -> None:
    found = bounds(lossy("collect", body=TWO), xs=XS)
    assert span(found.calls) == (4, 8)
    assert found.rounds.least == 1
    assert ran(lossy("collect", body=TWO), lambda prompt: prompt[0] == "1", xs=XS) == (4, 1)
    # What stands before the step that fails is sure.
    after = 'one = ask "1 {{ x }}" ask "2 {{ one }}" -> aye | nay with retries: 0'
    assert bounds(lossy("collect", body=f"v = chain {{ {after} }} v"), xs=XS).calls.least == 4
    # One result at least, where nothing has no value.
    assert bounds(lossy('ask "{{ results }}"', body=TWO), xs=XS).calls.least == 6


def test_where_nothing_can_be_lost_nothing_is_less() -> None:
    assert bounds(lossy("collect", body="x"), xs=XS).calls.least == 0
    assert span(bounds(lossy('by 2 ask "T {{ results }}"', body="x"), xs=XS).calls) == (3, 9)
    assert bounds(lossy("collect", "fail", TWO), xs=XS).calls.least == 8
    assert bounds(lossy("collect", "skip(0%)", TWO), xs=XS).calls.least == 8
    assert bounds(lossy("collect", "skip(25%)", TWO), xs=XS).calls.least == 7


@pytest.mark.parametrize("reduce", ["collect", 'rank(judge: ask "J {{ results }}")', "flatten"])
def test_the_map_behind_a_map_that_loses_has_fewer_elements(reduce: str) -> None:
    body = f"v = {ASK} [v, v]" if reduce == "flatten" else ASK
    text = (
        f"flow f(xs: [text]) {{ r = map x in xs {{ {body} }} reduce {reduce} with errors: skip "
        'o = map y in r { ask "B {{ y }}" } reduce collect return o }'
    )
    assert bounds(text, xs=XS).calls.least == 4
    assert ran(text, lambda prompt: prompt[0] == "A", xs=XS)[0] == 4
    kept = text.replace("errors: skip", "errors: none")
    if reduce == "collect":
        kept = kept.replace("{{ y }}", "{% if y %}{{ y }}{% endif %}")
    assert bounds(kept, xs=XS).calls.least == (8 if reduce == "collect" else 4)
    every = bounds(text.replace(" with errors: skip", ""), xs=XS)
    assert every.calls.least == {"collect": 8, "flatten": 12}.get(reduce, 10)


@pytest.mark.parametrize("reduce", ["best", "rank"])
def test_a_result_that_is_none_is_not_judged(reduce: str) -> None:
    body = 'a = ask "A {{ x }}" -> aye | nay b = ask "B {{ x }}" when a == "aye" b'
    text = lossy(f'{reduce}(judge: ask "J {{{{ results }}}}")', "fail", body)
    assert bounds(text, xs=XS).calls.least == 4
    if reduce == "rank":
        never = text.replace('"aye" b', '"never" b').replace("aye | nay", "aye | nay | never")
        assert ran(never, xs=[])[0] == 0
    sure = lossy(f'{reduce}(judge: ask "J {{{{ results }}}}")', "fail")
    assert bounds(sure, xs=XS).calls.least == 6


def test_a_called_flow_whose_budget_is_too_small_pays_what_it_can() -> None:
    """Three asks at once, of which the budget refuses the third: the other two are taken back before they are sent."""
    inner = 'v = map y in ys { ask "{{ y }} {{ x }}" } reduce collect'
    part = f"flow part(x: text, ys: [text]) budget 2 calls {{ {inner} return v }}\n"
    call = "r = map x in xs { part(x, ys) } reduce collect with errors: skip"
    text = part + f"flow f(xs: [text], ys: [text]) {{ {call} return r }}"
    ys = ["a", "b", "c"]
    assert bounds(text, xs=XS, ys=ys).calls.least == 0
    assert ran(text, xs=XS, ys=ys)[0] == 0
    assert bounds(text.replace("2 calls", "20 calls"), xs=XS, ys=ys).calls.least == 4
    whole = part + 'flow f(ys: [text]) { r = part(x: "x", ys: ys) return r }'
    assert bounds(whole, ys=ys).calls.least == 2


def test_a_body_that_runs_out_of_time_may_have_sent_nothing() -> None:
    body = f"v = chain {{ {TWO} }} with timeout: 500ms v"
    assert bounds(lossy("collect", body=body), xs=XS).calls.least == 0
    ran(lossy("collect", body=body), xs=XS)


# Rounds

FIRST = 'r = map x in xs { ask "A {{ x }}" with retries: 0 } reduce collect'
SECOND = 'o = map y in r { ask "B {{ y }}" with retries: 0 } reduce collect'


def chained(first: str, second: str = "", clause: str = "") -> str:
    return f"flow f(xs: [text]) {{ {FIRST}{first} {SECOND}{second}{clause} return o }}"


@pytest.mark.parametrize(
    ("first", "second", "clause", "least"),
    [
        (" with concurrency: 1", " with concurrency: 1", "", 5),
        (" with concurrency: 2", " with concurrency: 1", "", 5),
        (" with concurrency: 1", " with concurrency: 2", "", 5),
        ("", " with concurrency: 1", "", 5),
        ("", "", "", 2),
        # A map that waits for the whole list begins behind its end.
        (" with concurrency: 1", " with concurrency: 1", " after r", 8),
        (" with concurrency: 1", " with concurrency: 1, timeout: 60s", "", 8),
    ],
)
def test_a_map_over_what_a_map_makes_begins_with_its_first(first: str, second: str, clause: str, least: int) -> None:
    text = chained(first, second, clause)
    assert bounds(text, xs=XS).rounds.least == least
    assert ran(text, xs=XS)[1] == least


def test_lists_are_handed_on_through_chains_flows_and_flatten() -> None:
    through = (
        'flow g(xs: [text]) { v = map z in xs { ask "A {{ z }}" with retries: 0 } reduce collect '
        "with concurrency: 1 return v }\n"
        'flow f(xs: [text]) { r = chain { g(xs) } o = map y in r { ask "B {{ y }}" with retries: 0 } reduce collect '
        "with concurrency: 1 return o }"
    )
    assert bounds(through, xs=XS).rounds.least == 5
    assert ran(through, xs=XS)[1] == 5
    flat = chained(" with concurrency: 1").replace(
        'ask "A {{ x }}" with retries: 0 } reduce collect',
        'a = ask "A {{ x }}" with retries: 0 [a, a] } reduce flatten',
    )
    assert ran(flat, xs=XS)[1] == 5
    assert bounds(flat, xs=XS).rounds.least == 4
    # A list that is put together in a value is there whole.
    second = SECOND.replace(" in r ", " in l ")
    value = f'flow f() {{ a = ask "1" with retries: 0 l = [a, a] {second} return o }}'
    assert span(bounds(value).rounds) == (2, 2)


@pytest.mark.parametrize(
    ("fold", "window", "least", "real"),
    [
        ('fold ask "F {{ so_far }} {{ next }}" with', "concurrency: 1", 5, 5),
        ('fold(from: "") ask "F {{ so_far }} {{ next }}" with', "concurrency: 1", 5, 5),
        # The last leaf may have no other beside it, and this one has.
        ('by 2 ask "T {{ results }}" with', "concurrency: 1", 5, 6),
        ('by 2 ask "T {{ results }}"', "", 3, 3),
        ('fold ask "F {{ so_far }} {{ next }}"', "", 4, 4),
    ],
)
def test_a_fold_begins_before_the_last_result(fold: str, window: str, least: int, real: int) -> None:
    text = f'flow f() {{ r = repeat 4 {{ ask "k" with retries: 0 }} reduce {fold} {window} return r }}'
    found = bounds(text)
    assert found.rounds.least == least
    assert ran(text)[1] == real


# Places


def placed(places: int, body: str = 'ask m "A {{ x }}"') -> str:
    return (
        f'model m = "openai:m" with concurrency: {places}, retries: 0\n'
        f"flow f(xs: [text]) {{ r = map x in xs {{ {body} }} reduce collect return r }}"
    )


@pytest.mark.parametrize(("places", "most"), [(1, 4), (2, 2), (3, 2), (4, 1), (9, 1)])
def test_calls_wait_for_the_places_of_their_endpoint(places: int, most: int) -> None:
    assert span(bounds(placed(places), xs=XS).rounds) == (most, most)
    assert ran(placed(places), xs=XS)[1] == most


def test_the_asks_of_one_endpoint_share_its_places() -> None:
    """One that names no number of places has those of its provider, and its endpoint then has them for all."""
    two = (
        placed(2)
        .replace("flow f", 'model n = "openai:n" with retries: 0, concurrency: 1\nflow f')
        .replace("return r", 'o = map y in xs { ask n "B {{ y }}" } reduce collect return [r, o]')
    )
    assert bounds(two, xs=XS).rounds.most == 4
    assert ran(two, xs=XS)[1] == 4
    apart = two.replace("openai:n", "gemini:n")
    assert bounds(apart, xs=XS).rounds.most == 5
    assert ran(apart, xs=XS)[1] == 4
    # The other model widens the endpoint, though nobody asks it.
    idle = two.replace('ask n "B', 'ask m "B').replace("retries: 0, concurrency: 1", "retries: 0")
    assert bounds(idle, xs=XS).rounds.least == 1
    wide = two.replace(", concurrency: 1", "")
    assert bounds(wide, xs=XS).rounds.most == 1
    assert ran(wide, xs=XS)[1] == 1


def test_a_reducers_asks_wait_for_places_too() -> None:
    text = placed(1).replace("reduce collect", 'reduce by 2 ask m "T {{ results }}"')
    assert span(bounds(text, xs=XS).rounds) == (7, 7)
    assert ran(text, xs=XS)[1] == 7


def test_samples_may_come_in_one_request() -> None:
    text = placed(1).replace('map x in xs { ask m "A {{ x }}" }', 'repeat 8 { ask m "k" }').replace("xs: [text]", "")
    assert span(bounds(text).rounds) == (1, 8)
    server = Server(lambda prompt: False, samples=8)
    outcome, seconds = run(text, {}, server)
    assert hold(bounds(text), outcome, seconds, server)
    assert seconds == 1


def test_a_provider_has_places_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [str(number) for number in range(100)]
    text = placed(2).replace(" with concurrency: 2, retries: 0", " with retries: 0")
    assert bounds(text, xs=many).rounds.most == 2
    monkeypatch.setattr(cores, "usable_cores", lambda: 3)
    assert span(bounds(text.replace("openai:m", "embedded"), xs=many).rounds) == (100, 100)
    # With more cores a measurement may find more places.
    monkeypatch.setattr(cores, "usable_cores", lambda: 4)
    assert span(bounds(text.replace("openai:m", "embedded"), xs=many).rounds) == (1, 100)
    assert bounds(text, xs=many[:64]).rounds.most == 1


def test_a_budget_bounds_rounds_beside_places() -> None:
    """The calls of the model without places may be those that the budget holds."""
    text = (
        'model one = "openai:one" with concurrency: 1, retries: 0\n'
        'flow f(xs: [text]) budget 9 calls { r = map x in xs { ask one "A {{ x }}" } reduce collect '
        'o = map y in xs { ask "B {{ y }}" with retries: 0 } reduce collect return [r, o] }'
    )
    assert span(bounds(text).rounds) == (0, 9)
    assert span(bounds(text, xs=XS).rounds) == (1, 4)
    assert ran(text, xs=XS)[1] == 4


def test_a_model_that_is_chosen_when_the_flow_runs_may_have_one_place() -> None:
    text = (
        'flow f(m: model, xs: [text]) { r = map x in xs { ask m "{{ x }}" with retries: 0 } reduce collect return r }'
    )
    assert bounds(text, xs=XS).rounds.most == 4
    assert bounds(text, xs=XS, m="openai:a").rounds.most == 1


def test_a_window_on_a_list_of_no_known_length_leaves_rounds_open() -> None:
    """The body's rounds have no bound either, and no bound times no wait is none."""
    inner = 'map y in xs { ask "{{ y }}" } reduce collect with concurrency: 1'
    text = f"flow f(xs: [text]) {{ r = map x in xs {{ v = {inner} v }} reduce collect return r }}"
    assert bounds(text).rounds.most is None
