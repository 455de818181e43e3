"""The maps and repeats whose bodies can run elsewhere, and the names that they need there."""

from __future__ import annotations

import pytest

from flowrun.dsl import plan as p
from flowrun.runtime.plans.placing import first_needed, outer_names, placeable
from support.harness import planned

HEAD = 'model quick = "openai:quick" else "ollama:spare"\nmodel late = "openai:late" with batch: true\n'
PART = 'flow part(n: text) budget 9 calls {\n  y = map e in [n] { ask "p {{ e }}" } reduce collect\n  return y\n}\n'
ASKS = 'flow asks(n: text) {\n  y = ask human "ok {{ n }}?"\n  return y\n}\n'


def step_of(line: str, *before: str, name: str = "x", head: str = "") -> tuple[p.Plan, p.Step]:
    lines = "\n  ".join([*before, line])
    plan = planned(f"{HEAD}{head}flow f(items: [text], doc: document, which: model) {{\n  {lines}\n  return x\n}}\n")
    return plan, next(one for one in plan.walk() if one.name == name)


@pytest.mark.parametrize(
    "line",
    [
        'x = map n in items { ask quick "a {{ n }}" } reduce collect',
        'x = map n in items { a = map m in [n] { ask "{{ m }}" } reduce collect } reduce flatten',
        'x = repeat 5 { ask "a" -> yes | no } reduce majority',
        'x = map n in items { ask "a {{ n }}" } reduce ask human "sum up {{ results }}"',
    ],
)
def test_a_block_can_run_elsewhere(line: str) -> None:
    assert placeable(*step_of(line)) == ""


@pytest.mark.parametrize(
    ("line", "reason", "more"),
    [
        ('x = ask "a"', "no map", {}),
        ('x = chain { a = map n in items { ask "{{ n }}" } reduce collect }', "another block", {"name": "a"}),
        ("x = part(doc)", "a budget of its own", {"name": "y", "head": PART}),
        ('x = map n in items where n != "" { n } reduce collect', "hands its elements on", {}),
        ('x = map n in items { ask human "ok {{ n }}?" } reduce collect', "a person", {}),
        ("x = map n in items { asks(n) } reduce collect", "a person", {"head": ASKS}),
        ('x = map n in items { ask late "a {{ n }}" } reduce collect', "a batch API", {}),
        ('x = map n in items { ask quick "a {{ n }}" with batch: true } reduce collect', "a batch API", {}),
    ],
)
def test_a_block_stays_here(line: str, reason: str, more: dict[str, str]) -> None:
    assert reason in placeable(*step_of(line, **more))


def test_an_ask_that_refuses_a_batch_can_run_elsewhere() -> None:
    line = 'x = map n in items { ask quick "a {{ n }}" with batch: false } reduce collect'
    assert placeable(*step_of(line)) == ""


def test_pages_stay_with_their_process() -> None:
    found = step_of('x = map n in items { ask "a {{ n }}" } reduce collect', "pp = pages(doc)")
    assert "pages" in placeable(*found)


@pytest.mark.parametrize(
    ("ask", "local", "default", "stays"),
    [
        ("quick", "openai:quick", "", True),
        ("quick", "ollama:spare", "", True),
        ("quick", "openai:late", "", False),
        ("", "ollama:another", "", True),
        ("", "ollama:another", "ollama:another", True),
        ("", "ollama:another", "openai:m", False),
        ("which", "ollama:another", "openai:m", True),
    ],
)
def test_a_model_of_this_process_is_asked_here(ask: str, local: str, default: str, stays: bool) -> None:
    line = f'x = map n in items {{ ask {ask} "a {{{{ n }}}}" }} reduce collect'
    assert bool(placeable(*step_of(line), frozenset({local}), default)) is stays


def test_lists_that_are_taken_item_by_item_are_made_here() -> None:
    inner = 'a = map n in items { map m in [n] { ask "{{ m }}" } reduce collect } reduce flatten'
    taken = step_of('x = map n in a { ask "{{ n }}" } reduce collect', inner, name="a")
    assert "as they arrive" in placeable(*taken)
    plain = step_of(
        'x = map n in a { ask "{{ n }}" } reduce collect',
        'a = map n in items { ask "{{ n }}" -> [text] } reduce flatten',
        name="a",
    )
    assert placeable(*plain) == ""


BEFORE = ('one = ask "one"', 'two = ask "two"', 'v = repeat 3 { ask "v" -> yes | no } reduce majority')


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('ask "{{ n }}"', set()),
        ('ask "{{ n }} {{ one }}"', {"one"}),
        ('a = map c in [one] { ask "{{ c }}" } reduce collect', {"one"}),
        ('a = ask "{{ n }}" b = agreement(v)', {"v"}),
        ('a = ask quick "{{ n }}" b = chain { c = ask "{{ a }} {{ two }}" }', {"two", "quick"}),
        ('a = ask "{{ n }}" -> { t: text } check length(answer.t) > length(one)', {"one"}),
        ('a = repeat 3 { ask "{{ n }}" -> yes | no } reduce majority(ties: ask "{{ two }}")', {"two"}),
    ],
)
def test_the_names_that_a_body_needs(body: str, names: set[str]) -> None:
    _, step = step_of(f"x = map n in items {{ {body} }} reduce collect", *BEFORE)
    assert {one for one in outer_names(step) if one in {"one", "two", "v", "quick", "n", "a", "c"}} == names


@pytest.mark.parametrize(
    ("body", "missing", "names"),
    [
        ('ask "{{ n }} {{ one }}"', {"one"}, {"one"}),
        ('a = ask "{{ n }} {{ one }}" b = ask "{{ a }} {{ two }}"', {"one", "two"}, {"one", "two"}),
        ('a = ask "{{ n }} {{ one }}" b = ask "{{ a }} {{ two }}"', {"two"}, set()),
        ('a = ask "{{ n }} {{ one }}" b = ask "{{ n }}"', {"one"}, set()),
        ('a = text "{{ n }}" b = ask "{{ a }} {{ one }}"', {"one"}, {"one"}),
        ('a = ask "{{ n }} {{ one }}" b = repeat 3 { ask "{{ a }}" -> yes | no } reduce majority', {"one"}, {"one"}),
        ('a = ask "{{ n }} {{ one }}" b = repeat 3 { ask "{{ n }}" -> yes | no } reduce majority', {"one"}, set()),
    ],
)
def test_a_body_waits_if_it_cannot_begin(body: str, missing: set[str], names: set[str]) -> None:
    _, step = step_of(f"x = map n in items {{ {body} }} reduce collect", *BEFORE)
    assert first_needed(step, missing) == names
