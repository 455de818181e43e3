"""A fan-out whose rule spares branches has its value whichever of them is lost, and whenever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowrun.dsl import FlowError
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import planned, stage
from support.random_runs import HERE

BRANCHES = ("one", "two", "three")


def script(lost: str, first: bool) -> Callable[[Request, int], Scripted]:
    """The prompt is the branch's own name; the lost one fails before or behind the answers of the others."""

    def reply(request: Request, number: int) -> Scripted:
        name = request.messages[0].text
        if name == lost:
            return Scripted(PermanentError("no"), 0.5 if first else 5.0)
        return Scripted("aye", 1.0)

    return reply


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("lost", BRANCHES)
@pytest.mark.parametrize("rule", ["first", "majority"])
def test_whichever_branch_is_lost(rule: str, lost: str, first: bool) -> None:
    answer = "" if rule == "first" else " -> aye | nay"
    branches = " ".join(f'{name} = ask "{name}"{answer}' for name in BRANCHES)
    ran = stage(f"flow f() {{ v = fanout {{ {branches} }} reduce {rule} return v }}\n", script(lost, first))
    assert ran.outcome.value == "aye", ran.outcome.failures
    assert ran.outcome.complete


def test_where_all_branches_are_lost_the_race_has_no_winner() -> None:
    branches = " ".join(f'{name} = ask "{name}"' for name in BRANCHES)
    text = f"flow f() {{ v = fanout {{ {branches} }} reduce first return v }}\n"
    ran = stage(text, lambda request, number: Scripted(PermanentError("no"), 1.0 + number))
    assert not ran.outcome.complete
    assert [failure.path for failure in ran.outcome.failures] != []


def test_a_lost_branch_in_a_map_loses_no_element() -> None:
    text = """flow f(xs: [text]) {
      out = map x in xs { fanout { a = ask "a {{ x }}" b = ask "b {{ x }}" } reduce first } reduce collect
      return out
    }"""

    def reply(request: Request, number: int) -> Scripted:
        name = request.messages[0].text
        return Scripted(PermanentError("no"), 0.1) if name.startswith("b") else Scripted(name, 1.0)

    ran = stage(text, reply, {"xs": ["1", "2"]})
    assert ran.outcome.value == ["a 1", "a 2"]


# With `errors: none` a failed branch is none, whatever the reducer.


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("collect", {"one": "aye", "two": None, "three": "aye"}),
        ("count", 2),
        ('concat("-")', "aye-aye"),
        ("count(of: nay)", 0),
        ("ask \"say {{ results }} {{ two | default('-') }}\"", 'say ["aye", null, "aye"] -'),
        ("by 2 ask \"say {{ results }} {{ two | default('-') }}\"", 'say ["aye", "aye"] -'),
        ("fold ask \"say {{ so_far | default('') }} {{ next | default('') }}\"", "say aye aye"),
        ("rank(judge: ask \"judge {{ results }}{{ two | default('-') }}\")", ["aye", "aye"]),
        ("majority", "aye"),
        ("first", "aye"),
    ],
)
def test_a_failed_branch_is_none(rule: str, value: object, first: bool) -> None:
    def reply(request: Request, number: int) -> Scripted:
        prompt = request.messages[0].text
        if prompt.startswith("say") and "judge" not in prompt:
            return Scripted(prompt)
        return script("two", first)(request, number) if prompt in BRANCHES else Scripted("[1, 2]")

    answer = "" if "ask" in rule or rule == 'concat("-")' else " -> aye | nay"
    branches = " ".join(f'{name} = ask "{name}"{answer}' for name in BRANCHES)
    text = f"flow f() {{ v = fanout {{ {branches} }} reduce {rule} with errors: none return v }}\n"
    ran = stage(text, reply)
    assert ran.outcome.complete, ran.outcome.failures
    assert ran.outcome.value == value
    if rule != "first":
        assert [loss.path for loss in ran.outcome.losses] == ["v.two"]


def test_all_branches_may_be_none() -> None:
    text = 'flow f() { v = fanout { a = ask "a" b = ask "b" } reduce collect with errors: none return v }\n'
    ran = stage(text, lambda request, number: Scripted(PermanentError("no"), 1.0 + number))
    assert ran.outcome.value == {"a": None, "b": None}
    assert len(ran.outcome.losses) == 2


def test_a_reducer_of_nothing_fails() -> None:
    node = 'fanout { a = ask "a" b = ask "b" } reduce by 2 ask "{{ results }}" with errors: none'
    text = f"flow f() {{ v = {node} return v }}"
    ran = stage(text, lambda request, number: Scripted(PermanentError("no"), 1.0 + number))
    assert not ran.outcome.complete
    assert "every element failed" in ran.outcome.failures[0].reason


def test_a_branch_is_not_at_fault_for_a_step_outside_of_it() -> None:
    text = """flow f() {
      before = ask "lost"
      v = fanout { a = ask "a {{ before }}" b = ask "b" } reduce collect with errors: none
      return v
    }"""
    ran = stage(text, lambda request, number: Scripted(PermanentError("no") if number == 0 else "x"))
    assert not ran.outcome.complete
    assert [failure.path for failure in ran.outcome.failures] == ["before"]


def test_the_items_of_a_failed_branch_do_not_go_on() -> None:
    """Without the policy, a map behind `flatten` takes each item at once."""
    text = """flow f() {
      both = fanout {
        a = map x in ["1", "2"] { ask "a{{ x }}" } reduce collect
        b = map x in ["1", "2"] { ask "b{{ x }}" } reduce collect
      } reduce flatten with errors: none
      out = map one, i in both { ask "out {{ i }} {{ one }}" } reduce collect
      return out
    }"""

    def reply(request: Request, number: int) -> Scripted:
        name = request.messages[0].text
        return Scripted(PermanentError("no"), 5.0) if name == "a2" else Scripted(name, 1.0)

    ran = stage(text, reply)
    assert ran.outcome.value == ["out 1 b1", "out 2 b2"]


def test_what_a_lossy_fan_out_takes_is_planned() -> None:
    text = """flow f() {
      v = fanout { a = ask "a" b = chain { c = ask "c" d = ask "d {{ c }}" d } } reduce collect with errors: none
      return v
    }"""
    bounds = estimate_plan(planned(text), {}, HERE, model="m", environ={})
    assert (bounds.calls.least, bounds.calls.most) == (2, 9)
    assert (bounds.rounds.least, bounds.rounds.most) == (1, 6)
    lossless = estimate_plan(planned(text.replace(" with errors: none", "")), {}, HERE, model="m", environ={})
    assert lossless.calls.least == 3


def test_a_budget_below_all_branches_may_be_enough() -> None:
    text = 'flow f() budget 1 calls { v = fanout { a = ask "a" b = ask "b" } reduce collect{} return v }\n'
    with pytest.raises(FlowError, match="F0365"):
        planned(text.replace("{}", ""))
    planned(text.replace("{}", " with errors: none"))
