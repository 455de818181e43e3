"""The part of a flow that answers one row, for flows that take all rows at once.

Such a flow maps over the list of its rows. The body of that map is evaluated like a flow whose parameter is the row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from flowrun.dsl import dataclass, label_table, types
from flowrun.dsl import plan as p


@dataclass(frozen=True, slots=True)
class OneRow:
    """A plan that answers one row. ``element`` is its parameter with the row.

    ``path`` is what is left of the path to the answer.
    """

    plan: p.Plan
    element: str
    path: str


def one_row(plan: p.Plan, columns: Collection[str], given: Collection[str], path: str) -> OneRow | None:
    """Find the map that answers the rows. ``path`` may begin with its name.

    None if the flow does not take its rows as a list, if several maps take them and the path names none, if the body of
    the map needs other steps, or if it counts the elements.
    """
    lists = [
        (param, record)
        for param in plan.params
        if param.name not in columns and param.name not in given and param.required
        if (record := _row_of(param.type)) is not None
    ]
    if len(lists) != 1:
        return None
    [(rows, record)] = lists
    maps = [step for step in plan.steps if isinstance(step.node, p.Map) and step.node.source == p.Ref(rows.name)]
    first, _, rest = path.partition(".")
    named = [step for step in maps if step.name == first]
    if len(named or maps) != 1:
        return None
    step = (named or maps)[0]
    node = step.node
    assert isinstance(node, p.Map)
    inside = {one.name for one in p.walk_steps(node.body.steps)}
    if node.index is not None or not inside.issuperset(_needs(node.body.steps)):
        return None
    others = tuple(param for param in plan.params if param is not rows)
    last = next(one for one in node.body.steps if one.name == node.body.result)
    result = last.node.expr if isinstance(last.node, p.Value) else p.Ref(last.name)
    # The budget of the flow is that of all rows together, so it does not hold for one row.
    made = replace(
        plan,
        params=(p.Param(node.element, record, None, True), *others),
        steps=node.body.steps,
        result=result,
        type=last.type,
        calls_limit=None,
        money_limit=None,
    )
    made = replace(made, labels=label_table(made))
    return OneRow(made, node.element, rest if named else path)


def _row_of(type_: types.Type) -> types.Record | None:
    inner = types.unwrapped(type_)
    item = types.unwrapped(inner.item) if isinstance(inner, types.ListOf) else None
    return item if isinstance(item, types.Record) else None


def _needs(steps: tuple[p.Step, ...]) -> Iterator[str]:
    for step in p.walk_steps(steps):
        yield from step.needs
        if isinstance(step.node, p.Map | p.Repeat | p.Fanout):
            yield from step.node.reduce.needs
