"""The order in which a map opens its elements: by what their prompts show, and only where nothing else can tell."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.engine.beginnings import beginning_of
from flowrun.runtime.engine.blocks.sending_order import waits_for_all
from flowrun.runtime.engine.reductions import Reduction
from flowrun.runtime.engine.strands import FIRST_LOOK, Strands, by_beginning
from support.harness import planned
from support.prefix_runs import ROWS, PrefixRun, results, rows
from support.prefix_servers import Blocks, Machine, Slots, best_hits, shared

TEXTS = st.lists(st.sampled_from(["", "a", "b", "a" * FIRST_LOOK, "a" * 2000 + "b", "a" * 2000 + "c"]), max_size=30)


def documents(sent: Sequence[str]) -> list[str]:
    return [prompt[: prompt.index(".")] for prompt in sent]


@given(TEXTS, TEXTS)
def test_the_order_has_each_element_once_and_keeps_like_ones_together(first: list[str], second: list[str]) -> None:
    pairs = list(zip(first, second, strict=False))
    order, found = by_beginning(range(len(pairs)), [lambda at: pairs[at][0], lambda at: pairs[at][1]])
    assert sorted(order) == list(range(len(pairs)))
    # Each group stands in one stretch, where its first element stood, and its elements keep their order.
    stretches = [pairs[at][0] for at in order]
    assert len([1 for at, one in enumerate(stretches) if not at or stretches[at - 1] != one]) == len(set(stretches))
    assert all(
        [at for at in order if pairs[at] == pair] == sorted(at for at in order if pairs[at] == pair) for pair in pairs
    )
    if not found:
        assert list(order) == list(range(len(pairs)))


def test_texts_that_only_begin_alike_stand_together() -> None:
    texts = ["x" * 700 + "1", "y" * 700, "x" * 700 + "2"]
    assert by_beginning(range(3), [texts.__getitem__]) == by_beginning(range(3), [texts.__getitem__])
    assert list(by_beginning(range(3), [texts.__getitem__])[0]) == [0, 2, 1]


@given(st.integers(1, 9), st.integers(0, 60), st.booleans(), st.randoms(use_true_random=False))
def test_strands_give_each_element_once(width: int, count: int, alike: bool, drawn: random.Random) -> None:
    chunks = [(range(at, min(at + 7, count)), alike) for at in range(0, count, 7)]
    strands = Strands(width, lambda: chunks.pop(0) if chunks else ((), False))
    taken: list[int] = []
    out: list[int] = []
    for _ in range(count):
        taken.append(strands.take())
        out.append(taken[-1])
        while out and drawn.random() < 0.6:
            strands.done(out.pop(drawn.randrange(len(out))))
    assert sorted(taken) == list(range(count))
    if width == 1 or not alike:
        assert taken == list(range(count))
    with pytest.raises(IndexError):
        strands.take()


def beginnings(body: str, *, flows: str = "") -> tuple[tuple[str, ...], ...] | None:
    plan = planned(f"""{flows}
type Row = {{ doc: text, q: text, n: int }}
flow f(rows: [Row], rule: text) {{
  all = map row in rows {{ {body} }} reduce collect
  return all
}}""")
    [step] = [step for step in plan.steps if step.name == "all"]
    found = beginning_of(step.node, plan.flows)  # type: ignore[arg-type]
    return None if found is None else found.paths


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ('ask "{{ rule }} {{ row.doc }}: {{ row.q }}"', (("doc",), ("q",))),
        ('ask system "{{ row.q }}" user "{{ row.doc }}"', (("q",), ("doc",))),
        ('ask "{{ row }}"', ((),)),
        ('ask "{{ rule }}"', None),
        ("row.doc", None),
        ('d = row.doc\nask "{{ d }} {{ row.q }}"', (("doc",), ("q",))),
        ('repeat 3 { ask "{{ row.doc }}" -> yes | no } reduce majority', (("doc",),)),
        ('first = ask "{{ row.doc }}"\nask "{{ first }} {{ row.q }}"', (("doc",),)),
    ],
)
def test_what_a_prompt_shows_of_an_element(body: str, paths: Any) -> None:
    assert beginnings(body) == paths


def test_the_parameters_of_a_called_flow_are_parts_of_the_element() -> None:
    flows = 'flow g(t: text, u: text) {\n  return ask "{{ u }} {{ t }}"\n}\n'
    assert beginnings("g(t: row.doc, u: row.q)", flows=flows) == (("q",), ("doc",))


@pytest.mark.parametrize("keeps", [False, True])
def test_results_keep_the_order_of_the_rows(keeps: bool) -> None:
    given_rows = rows(5, 8)
    run = PrefixRun(ROWS, {"rows": given_rows}, Machine(Slots(2), 2), keeps=keeps).go()
    found = results(run)
    assert [one[-12:] for one in found] == [f"A {row['doc']} Question: {row['q']}"[-12:] for row in given_rows]
    changes = sum(1 for one, other in zip(documents(run.sent), documents(run.sent)[1:], strict=False) if one != other)
    if keeps:
        # The two places take turns with two documents. The prompts of one place change the document four times.
        assert len({tuple(documents(run.sent)[at : at + 4]) for at in range(0, 40, 4)}) < 9
        assert run.machine.hits > 0.8
    else:
        assert changes == 39


ORDERED = {
    "budget": ROWS.replace("flow f(rows: [Row]) {", "flow f(rows: [Row]) budget 1000 calls {"),
    "tree": ROWS.replace("reduce collect", 'reduce by 2 ask "{{ results }}"'),
}


@pytest.mark.parametrize("kind", ["budget", "tree"])
def test_the_order_of_the_list_stays_where_it_may_matter(kind: str) -> None:
    run = PrefixRun(ORDERED[kind], {"rows": rows(5, 8)}, Machine(Slots(1), 1), window=2).go()
    # A window of two bodies leaves the queue no choice.
    numbers = [int(one.split("number ")[1].split("?")[0]) for one in run.sent if one.startswith("Document")]
    assert len(numbers) == 40
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("reduce", "waits"),
    [
        ("collect", True),
        ('ask "{{ results }}"', True),
        ("first", False),
        ("majority", False),
        ('fold ask "{{ so_far }} {{ next }}" -> yes | no', False),
        ('by 2 ask "{{ results }}" -> yes | no', False),
    ],
)
def test_only_reducers_that_wait_for_all_results_allow_another_order(reduce: str, waits: bool) -> None:
    plan = planned(ROWS.replace("reduce collect", f"reduce {reduce}").replace('row.q }}"', 'row.q }}" -> yes | no'))
    [step] = plan.steps
    assert waits_for_all(Reduction(step, step.node.reduce, {}, None)) is waits  # type: ignore[union-attr]


def test_a_place_goes_on_with_its_document_where_places_share_one() -> None:
    run = PrefixRun(ROWS, {"rows": rows(20, 20)}, Machine(Slots(12), 12)).go()
    assert run.machine.hits > 0.86


@pytest.mark.parametrize(
    ("cache", "width", "docs", "questions"),
    [("slots", 4, 20, 20), ("slots", 8, 10, 40), ("blocks", 16, 20, 20), ("blocks", 32, 20, 30)],
)
def test_nearly_all_hits_of_the_best_order(cache: str, width: int, docs: int, questions: int) -> None:
    def machine() -> Machine:
        return Machine(Slots(width) if cache == "slots" else Blocks(600), width)

    given_rows = rows(docs, questions)
    random.Random(3).shuffle(given_rows)
    plain = PrefixRun(ROWS, {"rows": given_rows}, machine(), keeps=False).go()
    alike = PrefixRun(ROWS, {"rows": given_rows}, machine()).go()
    assert results(plain) == results(alike)
    best = best_hits(Slots(1) if cache == "slots" else Blocks(600), alike.sent)
    assert alike.machine.hits >= 0.95 * best
    assert plain.seconds >= 1.5 * alike.seconds


def test_nothing_changes_where_nothing_is_shared() -> None:
    given_rows = [{"doc": f"{number} " * 300, "q": "?"} for number in range(300)]
    runs = [PrefixRun(ROWS, {"rows": given_rows}, Machine(Slots(8), 8), keeps=keeps).go() for keeps in (False, True)]
    assert runs[0].seconds == runs[1].seconds
    assert runs[0].sent == runs[1].sent


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=40), st.integers(1, 5), st.booleans())
def test_any_order_of_sending_gives_the_same_results(pairs: list[tuple[int, int]], width: int, slots: bool) -> None:
    given_rows = [{"doc": f"Document {one}. " * 100, "q": str(other)} for one, other in pairs]
    machine = Machine(Slots(width) if slots else Blocks(50), width)
    run = PrefixRun(ROWS, {"rows": given_rows}, machine).go()
    assert list(results(run)) == ["A " + f"{row['doc']} Question: {row['q']}"[-40:] for row in given_rows]
    assert sorted(run.sent) == sorted(f"{row['doc']} Question: {row['q']}" for row in given_rows)
    assert run.provider.open == 0


def test_the_longest_common_beginning() -> None:
    assert [shared("abc", "abd"), shared("", "a"), shared("abc", "abcd"), shared("x", "y")] == [2, 0, 3, 0]
