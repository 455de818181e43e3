"""A match runs exactly one branch: in a run, in its bounds, after an edit, and after a kill."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, bounds_of, check_flow, make_plan, picture_of, plan, to_dot, to_mermaid
from flowrun.runtime import RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.reducers import REDUCERS
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PlanError
from support.harness import Run, planned, scripted
from support.state_runs import BROKEN, by_prompt

Json = Any
SUPPORT = """
flow support(mail: text) {
  team = ask "Which team? {{ mail }}" -> billing | technical | "human resources" | other
  reply = match team {
    billing = ask "Bill: {{ mail }}"
    technical = chain {
      fault = ask "Fault: {{ mail }}"
      ask "Repair: {{ fault }}"
    }
    "human resources" = repeat 3 { ask "Hire? {{ mail }}" -> yes | no } reduce majority
    else = "We will call you."
  }
  return reply
}
"""


def answered(team: str) -> Run:
    run = Run(SUPPORT, by_prompt({"Which": team, "Hire": "yes", "Fault": "broken"}), inputs={"mail": "m"})
    run.go()
    return run


@pytest.mark.parametrize(
    ("team", "value", "calls"),
    [
        ("billing", "x", ["Which team? m", "Bill: m"]),
        ("Technical.", "x", ["Which team? m", "Fault: m", "Repair: broken"]),
        ("human resources", "yes", ["Which team? m", "Hire? m", "Hire? m"]),
        ("other", "We will call you.", ["Which team? m"]),
    ],
)
def test_exactly_one_branch_runs(team: str, value: str, calls: list[str]) -> None:
    run = answered(team)
    assert run.outcome.value == value
    assert run.prompts == calls


def test_a_branch_that_fails_fails_the_match() -> None:
    run = Run(SUPPORT, by_prompt({"Which": "technical", "Fault": BROKEN}), inputs={"mail": "m"})
    assert not run.go().complete
    assert [one.path for one in run.outcome.failures] == ["reply.technical.fault"]


def test_the_time_of_a_match_may_be_limited() -> None:
    text = """
    flow f(on: bool) {
      a = match on { true = ask "slow" false = "fast" } with timeout: 2s
      return a
    }
    """
    slow = Run(text, lambda request, number: Scripted("x", 5.0), inputs={"on": True})
    assert not slow.go().complete
    assert "2 s" in slow.outcome.failures[0].reason
    assert Run(text, inputs={"on": False}).go().value == "fast"


@pytest.mark.parametrize(("value", "branch"), [("low", 1), (None, 3), ("high", 2)])
def test_a_missing_value_has_a_branch(value: Json, branch: int) -> None:
    text = """
    type Hint = low | high
    flow f(hint: Hint?) {
      a = match hint { low = 1 none = 3 else = 2 }
      return a
    }
    """
    assert Run(text, inputs={"hint": value}).go().value == branch


def test_maps_take_the_elements_of_the_branch_as_they_come() -> None:
    """A list that a branch makes reaches the next map element by element."""
    text = """
    flow f(items: [text], on: bool) {
      xs = match on {
        true = map one in items { ask "first {{ one }}" } reduce collect
        false = []
      }
      ys = map x in xs { ask "second {{ x }}" } reduce collect
      return ys
    }
    """

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(prompt[-1], 1.0 if prompt.endswith("a") else 5.0)

    run = Run(text, script, inputs={"items": ["a", "b"], "on": True})
    assert run.go().value == ["a", "b"]
    # The element `a` is through both maps before the first map has `b`.
    assert run.prompts.index("second a") < 3
    assert run.seconds == 10.0
    assert Run(text, script, inputs={"items": ["a"], "on": False}).go().value == []


def test_branches_in_all_blocks() -> None:
    text = """
    flow f(items: [yes | no]) {
      votes = repeat 3 {
        kind = ask "kind" -> a | b
        match kind { a = ask "A" -> yes | no  b = "no" }
      } reduce majority
      sides = fanout {
        left = match votes { yes = map i in items { match i { yes = 1 no = 2 } } reduce sum  no = 0 }
        right = 1
      } reduce collect
      return { votes, sides }
    }
    """
    made = Run(text, by_prompt({"kind": "a", "A": "yes"}), inputs={"items": ["yes", "no", "no"]}).go().value
    assert made == {"votes": "yes", "sides": {"left": 5, "right": 1}}


# Bounds


def bounds(text: str, **inputs: Json) -> Any:
    return bounds_of(planned(text), {name: one.spec for name, one in REDUCERS.items()}, inputs=inputs or None)


def test_a_plan_takes_the_dearest_branch() -> None:
    found = bounds(SUPPORT)
    team, reply = found.inside
    assert (reply.calls.least, reply.calls.most) == (0, 6)
    assert found.calls.most == team.calls.most + 6
    assert found.rounds.most == team.rounds.most + 6
    assert [one.calls.most for one in reply.inside] == [3, 6, 3, 0]


def test_a_known_value_has_the_bounds_of_its_branch() -> None:
    text = """
    flow f(kind: a | b) {
      x = match kind { a = ask "one" b = chain { y = ask "two" ask "{{ y }}" } }
      return x
    }
    """
    assert bounds(text, kind="a").calls.least == 1
    assert bounds(text, kind="b").calls.least == 2
    assert [one.what for one in bounds(text, kind="a").inside[0].inside] == ["ask", "chain, not needed"]


# Edited plans


def edited(change: Any) -> plan.Plan:
    data = json.loads(plan.to_json(make_plan(check_flow(Source(SUPPORT), catalog()))))
    change(next(step for step in data["steps"] if step["name"] == "reply")["node"])
    return plan.from_json(json.dumps(data))


def branch(node: Json, place: int) -> Json:
    return node["body"]["steps"][place]


EDITS: dict[str, tuple[Any, str]] = {
    "a branch that needs another": (
        lambda node: branch(node, 0)["needs"].append(branch(node, 3)["name"]),
        "only one of them runs",
    ),
    "a step in a branch that needs another branch": (
        lambda node: branch(node, 1)["node"]["body"]["steps"][1]["needs"].append(branch(node, 0)["name"]),
        "only one of them runs",
    ),
    "a prompt that mentions another": (
        lambda node: branch(node, 0)["node"]["messages"][0].update(template="{{ billing }}"),
        "unknown there",
    ),
    "one class twice": (
        lambda node: node["classes"][0].update(value="technical"),
        "two branches are for `technical`",
    ),
    "an unknown class": (lambda node: node["classes"][0].update(value="sales"), "is not a class of"),
    "a class too few": (lambda node: node["classes"].pop(), "one class for each of its branches"),
    "a class that is another value": (lambda node: node["classes"][0].update(value=None), "is not a class of"),
    "else with a class": (lambda node: node["classes"][3].update(value="x"), "has no class of its own"),
    "a branch less": (
        lambda node: (
            node["classes"].pop(),
            node["body"]["steps"].pop(),
            node["body"].update(result=branch(node, 0)["name"]),
        ),
        "this match has no branch for the class `other`",
    ),
    "a branch with the name of a step": (lambda node: branch(node, 3).update(name="last"), "comes from `#8=else`"),
    "a value without classes": (lambda node: node.update(value={"name": "mail", "kind": "ref"}), "this is text"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_match_is_refused(name: str) -> None:
    change, why = EDITS[name]
    with pytest.raises(PlanError) as refused:
        verify(edited(change))
    assert why in str(refused.value)


def test_a_plan_keeps_its_matches() -> None:
    made = edited(lambda node: None)
    verify(made)
    assert plan.from_json(plan.to_json(made)) == made


# Journals


class Counted:
    """A model that counts its calls, and one that stops the run at a prompt."""

    def __init__(self, replies: dict[str, str], stop: str = "") -> None:
        self.prompts: list[str] = []
        self.replies, self.stop = replies, stop

    def __call__(self, request: Request, number: int) -> str:
        prompt = request.messages[-1].text
        if self.stop and self.stop in prompt:
            raise KeyboardInterrupt
        self.prompts.append(prompt)
        return next((value for key, value in self.replies.items() if key in prompt), "x")


async def run(text: str, script: Counted, journal: Path, **inputs: Json) -> Json:
    made = make_plan(check_flow(Source(text), catalog()))
    options = RunOptions(model="scripted:m", journal=journal, opener=scripted(script))
    return (await run_async(made, inputs, options=options)).value


def test_an_edited_branch_pays_only_for_what_is_new(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    first = Counted({"Which": "technical", "Fault": "broken"})
    asyncio.run(run(SUPPORT, first, journal, mail="m"))
    assert len(first.prompts) == 3
    again = Counted(first.replies)
    other = SUPPORT.replace("Bill: ", "The bill: ").replace('"We will call you."', 'ask "Call {{ mail }}"')
    asyncio.run(run(other, again, journal, mail="m"))
    assert again.prompts == []
    own = Counted(first.replies)
    asyncio.run(run(SUPPORT.replace("Repair: ", "Mend: "), own, journal, mail="m"))
    assert own.prompts == ["Mend: broken"]


def test_a_run_goes_on_inside_its_branch(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    replies = {"Which": "technical", "Fault": "broken"}
    first = Counted(replies, stop="Repair")
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(run(SUPPORT, first, journal, mail="m"))
    assert first.prompts == ["Which team? m", "Fault: m"]
    second = Counted(replies)
    options = RunOptions(opener=scripted(second))
    done = asyncio.run(resume_async("last", journal, options=options))
    assert done.value == "x"
    assert second.prompts == ["Repair: broken"]


# Pictures


def test_a_picture_shows_the_branches_of_which_one_runs() -> None:
    picture = picture_of(planned(SUPPORT), catalog().functions)
    cluster: Any = next(part for part in picture.walk() if getattr(part, "what", "").startswith("match team"))
    assert cluster.name == "reply"
    titles = [getattr(part, "name", "") or getattr(part, "title", "") for part in cluster.inside]
    assert titles == ["billing", "technical", '"human resources"', "else", ""]
    for text in (to_mermaid(picture), to_dot(picture)):
        assert "one of them" in text
