"""Tests for random flows: each ask gets a reply, under a path that is written in one of the allowed ways."""

from __future__ import annotations

import random
from collections.abc import Iterator

from flowrun.dsl import plan as p
from flowrun.dsl import types as t
from flowrun.runtime.plans.step_paths import StepNode, step_nodes


def asks(plan: p.Plan) -> Iterator[tuple[tuple[StepNode, ...], p.Ask]]:
    """Yield the asks of a plan, each with the steps from the outermost block to it."""
    todo: list[tuple[StepNode, ...]] = [(node,) for node in reversed(step_nodes(plan.steps))]
    while todo:
        chain = todo.pop()
        last = chain[-1]
        if last.step is None:
            block = chain[-2].step
            assert block is not None
            reduce = getattr(block.node, "reduce", None)
            if isinstance(reduce, p.Reduce) and reduce.asks:
                yield chain, reduce.asks[0]
            continue
        if isinstance(last.step.node, p.Ask):
            yield chain, last.step.node
        todo += [(*chain, inner) for inner in reversed(last.inside(plan))]


def answer(type_: t.Type) -> str:
    """Write an answer of a type."""
    match type_:
        case t.Simple("int"):
            return "3"
        case t.Simple("number"):
            return "1.5"
        case t.Simple("bool"):
            return "true"
        case t.Range(low, high):
            return f"{low}" if low >= 0 else f"{high}" if high >= 0 else f"-{-high}"
        case t.Choice(options):
            return f'"{options[0]}"'
        case t.ListOf(item):
            return f"[{answer(item)}]"
        case t.Optional(item):
            return answer(item)
        case t.Record(fields):
            return "{ " + ", ".join(f"{field.name}: {answer(field.type)}" for field in fields) + " }"
    return '"some words"'


def path_of(chain: tuple[StepNode, ...], rng: random.Random) -> str:
    """Write the path of an ask, now and then with the number of an element or a sample."""
    words = []
    for node in chain:
        numbered = node.elements and node is not chain[-1] and rng.random() < 0.2
        words.append(node.name + (rng.choice(["[0]", ".0"]) if numbered else ""))
    return ".".join(words)


def write_test(plan: p.Plan, rng: random.Random) -> str:
    """Write a test of the last flow of a random file, with a reply for each ask."""
    lines = ['items = ["a", "b"]', "p0 = true", "p1 = false"]
    for chain, ask in asks(plan):
        given = answer(ask.answer)
        forms = [given, f"slow(5s, {given})", 'error("429")', f'slow(2.5s, error("timeout")), {given}', 'cut("ha")']
        if ask.answer != t.TEXT:
            forms.append('malformed("{")')
        only = rng.choice(["", "", " when p0", ' when items == ["a"]'])
        path = path_of(chain, rng)
        samples = any(isinstance(node.step.node, p.Repeat) for node in chain if node.step is not None)
        form = rng.choice(forms)
        if samples and "), " in form:
            form = given
        lines.append(f"reply {path}{only}: {form}")
    lines.append(rng.choice(["expect calls > 0", "expect cost < $1", "expect not failed", "expect result == result"]))
    return 'test "of random" of f {\n  ' + "\n  ".join(lines) + "\n}\n"
