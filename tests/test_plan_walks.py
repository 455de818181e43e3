"""The walk over a plan's expressions: it meets every expression that the plan holds, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from flowrun.dsl import make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.session.loading import load

ROOT = Path(__file__).parent.parent
FLOWS = sorted([*(ROOT / "workflows").glob("*.flow"), *(ROOT / "tests" / "corpus" / "ok").glob("*.flow")])
KINDS: tuple[type, ...] = get_args(get_args(p.Expr)[0])


def held(part: Any, *, inside: bool = False) -> Iterator[tuple[Any, bool]]:
    """Yield the expressions in a part of a plan by its fields alone; True if another expression holds it."""
    if isinstance(part, KINDS):
        yield part, inside
        inside = True
    if isinstance(part, tuple | list):
        parts = list(part)
    elif isinstance(part, dict):
        parts = list(part.values())
    else:
        parts = [getattr(part, field.name) for field in fields(part)] if is_dataclass(part) else []
    for one in parts:
        yield from held(one, inside=inside)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_the_walk_meets_every_expression(path: Path) -> None:
    plan = make_plan(load(path))
    found = list(held(plan))
    roots = [expr for expr, inside in found if not inside]
    assert Counter(map(repr, p.walk_exprs(roots))) == Counter(repr(expr) for expr, _ in found)
    assert [*p.walk_exprs(roots)] == [expr for expr, _ in found]


def test_the_flows_hold_expressions_of_every_kind() -> None:
    met = {type(expr) for path in FLOWS for expr, _ in held(make_plan(load(path)))}
    assert met == set(KINDS)
