"""A body goes to another process as JSON, and its end comes back: with values, tallies, losses and errors."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from flowrun.dsl import ImageValue, plan
from flowrun.runtime.engine.body_json import (
    KIND,
    failure_json,
    failure_of,
    launch_json,
    over_of,
    scope_json,
    tally_json,
    tally_of,
    value_json,
    value_of,
)
from flowrun.runtime.engine.body_terms import CancelBody, LaunchBody
from flowrun.runtime.engine.decisions import Decision, Failure, Finish, Launch
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.plans.placing import placeable
from flowrun.runtime.reducers import ReduceError, UndecidedError
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.values.rules import FileText, RuleValue
from flowrun.runtime.values.sure import SureWord, sureness
from flowrun.runtime.vocabulary import errors
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.error_forms import error_json, error_of
from flowrun.runtime.vocabulary.errors import FlowrunError
from flowrun.runtime.vocabulary.tally import Tally
from flowrun.runtime.vocabulary.usage import Rate, Rates, TokenDetail, Usage
from support.harness import functions, planned

FLOW = """
flow part(word: text) budget 3 calls {
  said = ask "part {{ word }}"
  return said
}
flow f(names: [text], tone: text) {
  intro = ask "intro {{ tone }}"
  mood = repeat 3 { ask "mood" -> calm | loud } reduce majority
  xs = map n, at in names {
    sure = agreement(mood)
    draft = ask "draft {{ at }} {{ n }} {{ intro }} {{ mood }} {{ sure }}"
    vote = repeat 3 { ask "vote {{ draft }}" -> yes | no } reduce majority
    agreed = agreement(vote)
    parts = map one in [n, "bad", mood] { part(one) } reduce collect with errors: skip
    line = text "{{ draft }} {{ vote }} {{ parts | length }} {{ agreed }}"
  } reduce collect with errors: skip
  return { xs, intro, }
}
"""
INPUTS = {"names": ["ada", "bob", "lost", "eve"], "tone": "dry"}

# The process has the pure modules and nothing else. It gets a plan, a scope and a body, and prints the end of the body.
WORKER = """
import json, sys
from flowrun.dsl import plan
from flowrun.runtime.engine.body_json import launch_of, over_json, scope_of
from flowrun.runtime.engine.decisions import BodyOver, Launch
from flowrun.runtime.engine.placed import Bodies
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.errors import PermanentError

given = json.load(sys.stdin)
flow = plan.from_json(given["plan"])
calls = lambda name, args, tally: FUNCTIONS[name].call(args, World(tally))
bodies = Bodies(flow, Context({}, ModelValue("m", "m"), calls), first=1 << 40)
scope = scope_of(given["scope"])
todo, asked, ends = bodies.open([launch_of(given["launch"], {scope.number: scope})]), [], []
while todo:
    one = todo.pop(0)
    if isinstance(one, BodyOver):
        ends.append(over_json(one))
    elif isinstance(one, Launch):
        text = one.call.messages[0].text
        assert one.call.number > 1 << 40
        asked.append([one.call.place, text])
        if "bad" in text or "lost" in text:
            todo += bodies.failed(one.call.number, PermanentError("no", status=400))
        else:
            words = one.call.request.choices
            todo += bodies.answered(one.call.number, Answer(words[len(asked) % 2 * 0] if words else text.upper()))
effects = sorted({"asyncio", "aiohttp", "sqlite3"} & sys.modules.keys())
print(json.dumps({"ends": ends, "asked": asked, "effects": effects, "open": bodies.open_bodies}))
"""


def said(launch: Launch) -> Answer | FlowrunError:
    text, words = launch.call.messages[0].text, launch.call.request.choices
    if "bad" in text or "lost" in text:
        return errors.PermanentError("no", status=400)
    return Answer(words[0] if words else text.upper())


def in_another_process(flow: plan.Plan, launch: LaunchBody) -> Any:
    given = {"plan": plan.to_json(flow), "scope": scope_json(launch.scope), "launch": launch_json(launch)}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ran(flow: plan.Plan, *, away: bool) -> tuple[Any, list[tuple[str, str]], int]:
    """Run the flow with or without other processes. Return its outcome, its calls and the number of bodies away."""
    context = Context({}, ModelValue("m", "m"), functions, placing=lambda step: away and not placeable(flow, step))
    state = State(flow, INPUTS, context)
    todo: list[Decision] = state.begin()
    asked: list[tuple[str, str]] = []
    bodies, outcome = 0, None
    while todo:
        one = todo.pop(0)
        if isinstance(one, Launch):
            asked.append((one.call.place, one.call.messages[0].text))
            answer = said(one)
            number = one.call.number
            known = isinstance(answer, Answer)
            todo += state.answered(number, answer) if known else state.failed(number, answer)  # type: ignore[arg-type]
        elif isinstance(one, LaunchBody):
            if one.scope.step == "mood":
                todo += state.bodies_here([one.number])
                continue
            bodies += 1
            answer = in_another_process(flow, one)
            assert answer["effects"] == []
            assert answer["open"] == 0
            asked += [(path, text) for path, text in answer["asked"]]
            [end] = answer["ends"]
            todo += state.body_over(over_of(end))
        elif isinstance(one, Finish):
            outcome = one.outcome
        else:
            assert not isinstance(one, CancelBody)
    return outcome, asked, bodies


def test_a_body_runs_in_another_process() -> None:
    flow = planned(FLOW)
    (here, asked, _), (there, also, bodies) = ran(flow, away=False), ran(flow, away=True)
    assert bodies == 4
    assert here.value == there.value
    assert len(here.value["xs"]) == 3
    assert here.tallies == there.tallies
    assert sorted(map(str, here.losses)) == sorted(map(str, there.losses))
    assert len(here.losses) == 4
    assert (here.status, here.resumable) == (there.status, there.resumable)
    assert sorted(asked) == sorted(also)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        "text \ud800",
        [1, ["a"], {"b": None}],
        {KIND: "model", "of": 1},
        {"a": {KIND: {KIND: "x"}}},
        ModelValue("quick", "openai:quick", (("temperature", 0.5), ("stop", ["a"])), "gemini:spare"),
        RuleValue("chars", {"size": 800}),
    ],
)
def test_a_value_goes_and_comes(value: Any) -> None:
    found = value_of(json.loads(json.dumps(value_json([value, {"x": value}]))))
    assert found == [value, {"x": value}]
    assert type(found[0]) is type(value)


def test_values_that_are_more_than_their_json_keep_it() -> None:
    word = SureWord("yes")
    word._sure = 0.75
    image, file = ImageValue({"image": "d", "path": "a.png"}), FileText({"path": "a", "text": "b"})
    sure, seen, text = value_of(json.loads(json.dumps(value_json([word, image, file]))))
    assert (sure, sureness(sure)) == ("yes", 0.75)
    assert (type(seen), seen) == (ImageValue, image)
    assert (type(text), text.shown) == (FileText, "b")


def test_a_word_of_another_class_becomes_a_text() -> None:
    class Word(str):
        def __str__(self) -> str:
            return "another"

    assert value_json(Word("one")) == "one"
    assert type(value_json((1, 2))) is list


def test_a_tally_goes_and_comes() -> None:
    tally = Tally("a", (("a", 2), ({"x": 1}, 0.5)), 5, 1, True, 4, 3, False, "a", 3.5, ("a", "b"), 1, 0, 2, "branch")
    assert tally_of(json.loads(json.dumps(tally_json(tally)))) == tally


def made(kind: type[FlowrunError]) -> FlowrunError:
    try:
        return kind("it broke")
    except TypeError:
        return kind(5)


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FlowrunError)]


@pytest.mark.parametrize("kind", [*KINDS, ReduceError, UndecidedError], ids=lambda kind: kind.__name__)
def test_an_error_keeps_its_class_and_its_facts(kind: type[FlowrunError]) -> None:
    error = made(kind)
    found = error_of(json.loads(json.dumps(error_json(error))))
    assert type(found) is kind
    assert str(found) == str(error)
    assert vars(found) == vars(error)
    failure, again = (Failure("a[1].b", "it broke", one, ballot=True) for one in (error, found))
    assert (failure.abstains, failure.sent) == (again.abstains, again.sent)


def test_an_error_keeps_its_figures() -> None:
    usage, rates = Usage(3, 4, TokenDetail(1), "batch"), Rates(Rate(5, 4, 1.5))
    error = errors.AnswerError("cut", text="abc", usage=usage, rates=rates, final=True, more={"logprobs": [1]})
    found = failure_of(json.loads(json.dumps(failure_json(Failure("a", "cut", error))))).error
    assert isinstance(found, errors.AnswerError)
    assert (found.usage, found.rates, found.more) == (usage, rates, {"logprobs": [1]})
    assert found.usage is not None
    assert found.usage.detail == TokenDetail(1)


def test_an_unknown_error_is_the_nearest_known_one() -> None:
    form = {"kinds": ["OddError", "MalformedError", "AnswerError", "FlowrunError"], "message": "odd", "facts": {}}
    assert type(error_of(form)) is errors.MalformedError
    assert type(error_of({"kinds": ["Odd"], "message": "odd"})) is FlowrunError
