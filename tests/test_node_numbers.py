"""The numbers of a tree's nodes: each node has its own, the same text gives the same, and tables are kept by them."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, make_plan, parse_flow
from flowrun.dsl import syntax as s
from flowrun.dsl.audit.tree import Tree
from flowrun.dsl.checked import Checked
from flowrun.dsl.plan import walk_steps
from flowrun.runtime.plans.language import language
from flowrun.runtime.session.loading import load

ROOT = Path(__file__).parent.parent
FLOWS = sorted([*(ROOT / "workflows").glob("*.flow"), *(ROOT / "tests" / "corpus" / "ok").glob("*.flow")])


def nodes(part: Any) -> Iterator[Any]:
    """Yield the nodes of a tree that can have a number, in the order of the text."""
    if isinstance(part, tuple):
        for one in part:
            yield from nodes(one)
    elif is_dataclass(part) and type(part).__module__.startswith(s.__name__):
        if hasattr(part, "number"):
            yield part
        for field in fields(part):
            yield from nodes(getattr(part, field.name))


def checked_twice(path: Path) -> tuple[Checked, Checked]:
    return load(path), load(path)


def distinct(found: list[Any]) -> bool:
    """True if all nodes are numbered, and each number belongs to one node. (`repeat 3` holds its number twice.)"""
    of = {one.number: one for one in found}
    return min(of) >= 0 and all(of[one.number] is one for one in found)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_flow_that_is_checked_twice_gives_equal_tables(path: Path) -> None:
    first, second = checked_twice(path)
    assert first.typed.nodes == second.typed.nodes
    assert first.program.templates.keys() == second.program.templates.keys()
    assert pickle.loads(pickle.dumps(first.typed.nodes.shapes)) == second.typed.nodes.shapes


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_every_node_has_a_number_of_its_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first, second = (list(nodes(parse_flow(Source(text)))) for _ in range(2))
    assert distinct(first)
    assert [one.number for one in first] == [one.number for one in second]


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_the_tree_that_audits_a_plan_has_numbers_too(path: Path) -> None:
    checked = load(path)
    plan = make_plan(checked)
    tree = Tree(plan, plan, plan.flow, language())
    assert distinct(list(nodes(tree.file())))
    assert len(tree.planned) == sum(1 for _ in walk_steps(plan.steps))


def test_the_tables_name_nodes_of_the_tree() -> None:
    for path in FLOWS:
        checked = load(path)
        found = {one.number: one for one in nodes(checked.file)}
        tables = checked.typed.nodes
        assert all(isinstance(found[number], s.Ask) for number in tables.answers)
        assert all(isinstance(found[number], s.Param) for number in tables.params)
        assert all(isinstance(found[number], s.FlowDecl) for number in tables.results)
        assert all(isinstance(found[number], s.Call | s.Reduce | s.Name) for number in tables.callees)
        # The texts of prompts in other files have numbers below those of the tree.
        own = [number for number in checked.program.templates if number >= 0]
        assert all(isinstance(found[number], s.String) for number in own)
        assert len(own) == len(checked.program.templates) - len(checked.program.prompts)
        assert all(isinstance(found[number], s.Ask) for number in tables.prompts)


def test_a_number_has_no_part_in_what_a_node_is() -> None:
    one, other = (
        parse_flow(Source(before + "flow f(a: int) { return a + 1 }")) for before in ("", 'model m = "scripted:m"\n')
    )
    assert one.flows == other.flows and hash(one.flows) == hash(other.flows)
    assert one.flows[0].number != other.flows[0].number
    assert repr(one.flows) == repr(other.flows)


def identities(text: str) -> list[int]:
    """The lines of a module on which `id` is called, or passed on as a function."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    passed = [keyword.value for node in calls for keyword in node.keywords if keyword.arg == "key"]
    passed += [node.args[0] for node in calls if isinstance(node.func, ast.Name) and node.func.id == "map"]
    used = [*(node.func for node in calls), *passed]
    return sorted(node.lineno for node in used if isinstance(node, ast.Name) and node.id == "id")


def test_no_table_of_the_static_half_is_kept_by_the_identity_of_a_node() -> None:
    assert identities("kept = {}\nkept[id(node)] = 1\nkeys = map(id, nodes)\n") == [2, 3]
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "dsl").rglob("*.py"))
        if (lines := identities(path.read_text(encoding="utf-8")))
    }
    assert not found
