"""A plan with calls of flows and of Python that was edited by hand is refused, with the step that breaks a rule."""

from __future__ import annotations

import json

import pytest

from flowrun.dsl import plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary.errors import PlanError
from support.edited_plans import Edit, both, constant, inner, prompt, ref, step, with_calls

CALLS: dict[str, tuple[Edit, str]] = {
    "a flow that is not there": (lambda d: d["flows"].pop("deep"), "`d` calls the flow `deep`, and this plan has"),
    "an argument that is missing": (
        lambda d: step(d, "third")["node"]["args"].clear(),
        "the arguments of `third` do not fit the parameters of the flow `inner`",
    ),
    "an argument too many": (
        lambda d: inner(d, "d")["node"]["args"].update(more=constant(1)),
        "the arguments of `d` do not fit the parameters of the flow `deep`",
    ),
    "an argument that is not waited for": (
        lambda d: step(d, "third").update(needs=[]),
        "`third` mentions `a` and does not wait for it",
    ),
    "an argument of a sibling branch": (
        lambda d: step(d, "third").update(
            needs=["a", "left"], node={"kind": "flow", "flow": "inner", "args": {"note": ref("left")}}
        ),
        "the branch `third` of `view` needs the branch `left`",
    ),
    "a flow that calls itself": (
        lambda d: step(d["flows"]["deep"], "z").update(node={"kind": "flow", "flow": "deep", "args": {}}),
        "these flows call each other in a circle: deep → deep",
    ),
    "flows in a circle": (
        lambda d: step(d["flows"]["deep"], "z").update(
            node={"kind": "flow", "flow": "inner", "args": {"note": constant("n")}}
        ),
        "these flows call each other in a circle: inner → deep → inner",
    ),
    "a circle through a block": (
        lambda d: inner(d, "two").update(node={"kind": "flow", "flow": "inner", "args": {"note": constant("n")}}),
        "these flows call each other in a circle: inner → inner",
    ),
    "a sibling branch inside a called flow": (
        both(
            lambda d: prompt(inner(d, "two")["node"], "{{ one }}"),
            lambda d: inner(d, "two")["needs"].append("one"),
        ),
        "the branch `two` of `view` needs the branch `one`: they cannot run side by side",
    ),
    "a step of the caller": (
        lambda d: prompt(inner(d, "p")["node"], "{{ a }}"),
        "`p` mentions `a`, and that name is unknown there",
    ),
    "a parameter of the caller": (
        lambda d: prompt(inner(d, "p")["node"], "{{ policy }}"),
        "`p` mentions `policy`, and that name is unknown there",
    ),
    "a need outside of the flow": (lambda d: inner(d, "p")["needs"].append("a"), "`p` needs `a`, and no"),
    "two names in a flow": (lambda d: inner(d, "d").update(name="p"), "the name `p` has two"),
    "a parameter twice": (
        lambda d: d["flows"]["inner"]["params"].append(d["flows"]["inner"]["params"][0]),
        "two parameters of the flow `inner` have the same name",
    ),
    "a result that is not there": (
        lambda d: d["flows"]["inner"].update(result=ref("ghost")),
        "the flow `inner` returns `ghost`, and has no such step",
    ),
    "a default that mentions a step of its own": (
        lambda d: d["flows"]["inner"]["params"][1].update(default=ref("p")),
        "`tone` mentions `p`",
    ),
    "a name of the flow's own that is also a model's, not waited for": (
        both(
            lambda d: inner(d, "p").update(name="fast"),
            lambda d: prompt(inner(d, "one")["node"], "{{ fast }}"),
            lambda d: inner(d, "one").update(needs=[]),
        ),
        "`one` mentions `fast` and does not wait for it",
    ),
    "an extern that is not there": (
        lambda d: d["externs"].pop("look"),
        "`y` calls the extern `look`, and this plan declares",
    ),
    "an extern without its argument": (
        lambda d: step(d, "y")["node"]["args"].clear(),
        "the arguments of `y` do not fit the parameters of the extern `look`",
    ),
    "an extern that is no function": (
        lambda d: d["externs"]["look"].update(target="os.system"),
        "the extern `look` has no Python function: `os.system` is not module:name",
    ),
    "a reducing extern that is not there": (
        lambda d: d["externs"].pop("best"),
        "`v` calls the extern `best`, and this plan declares",
    ),
    "a reducing extern that takes no results": (
        lambda d: d["externs"]["best"]["params"].pop(0),
        "the extern `best` reduces `v`: it needs a parameter `results`, and the plan must not pass that argument",
    ),
    "a reducing extern that is given results": (
        lambda d: step(d, "v")["node"]["reduce"]["args"].update(results=constant([])),
        "the extern `best` reduces `v`: it needs a parameter `results`, and the plan must not pass that argument",
    ),
    "a reducing extern and an ask": (
        lambda d: step(d, "m")["node"]["reduce"].update(extern="best"),
        "`m` has two ways to combine its results",
    ),
    "a tree of another rule": (
        lambda d: step(d, "v")["node"]["reduce"].update(count=constant(2)),
        "`v` combines its results as a tree, and only an ask can merge a tree",
    ),
    "a type for a value": (
        lambda d: step(d, "share").update(node={"kind": "value", "expr": {"kind": "type", "type": d["type"]}}),
        "the plan has a type where it needs a value",
    ),
}


@pytest.mark.parametrize(("edit", "message"), CALLS.values(), ids=CALLS)
def test_an_edited_plan_with_calls_is_refused(edit: Edit, message: str) -> None:
    data = with_calls()
    edit(data)
    with pytest.raises(PlanError) as caught:
        verify(plan.from_json(json.dumps(data)))
    assert message in str(caught.value)


def test_an_unedited_plan_with_calls_passes() -> None:
    verify(plan.from_json(json.dumps(with_calls())))


def test_a_flow_of_another_file_may_use_the_name_of_a_model() -> None:
    data = with_calls()
    inner(data, "p").update(name="fast")
    inner(data, "one")["needs"] = ["fast"]
    prompt(inner(data, "one")["node"], "{{ fast }}")
    verify(plan.from_json(json.dumps(data)))
