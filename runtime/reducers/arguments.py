"""The arguments that votes take, and the type of the answers that they count."""

from __future__ import annotations

from flowrun.dsl import AskSpec, Given, ParamSpec, Refusal, alike, types


def ties(*, alone: int) -> ParamSpec:
    """Return the argument of a vote that says what happens at a tie. One ballot ``alone`` may be a tie."""
    asks = AskSpec(lambda item: types.INT if _listed(item) else item, 0, 1, alone)
    return ParamSpec("ties", types.Choice(("first", "error")), asks=asks)


TIES = ties(alone=0)
AT_LEAST = ParamSpec("at_least", types.INT, low=1)
SAME = ParamSpec("same", types.NONE, asks=AskSpec(lambda item: types.BOOL, 0, 0, compares=True))
"""The ask or the extern that tells whether two answers say the same. A combiner makes its questions."""
STANDS = ParamSpec("stands", types.INT, low=0)
BY = ParamSpec("by", types.TEXT, takes_field=True)
PARAMS = (TIES, AT_LEAST, BY)
LARGEST = 0.5
UNDECIDED = ("fail", "none", "first")
HOLDS = ParamSpec("undecided", types.Choice(UNDECIDED))
"""The argument that says what a vote does that is not decided after all samples, or when a budget ends."""
RISK = (ParamSpec("risk", types.NUMBER, low=1e-9, high=LARGEST), HOLDS)
"""The arguments of a vote that stops by its evidence. ``evidence`` has the rule, and only such a vote loads it."""


def _listed(item: types.Type) -> bool:
    return not types.is_text(types.unwrapped(item))


def counted(given: Given, by: str = "by") -> types.Type | Refusal:
    """Return the type of the counted answers, which are the results or one of their fields."""
    item = looked_at(given, by)
    if "same" in given.args:
        return item
    if isinstance(item, types.Choice) and (pair := alike(item.options)):
        return told_apart(*pair)
    if isinstance(item, types.Record | types.Union | types.ListOf | types.Mixed) or item == types.JSON:
        names = [one.name for one in item.fields] if isinstance(item, types.Record | types.Union) else []
        way = "give the last line of the block a type with few values, `-> A | B`"
        if names:
            way = f"vote on a field, `(by: {names[0]})`, or compare the answers, `(same: ask …)`"
        return Refusal(
            f"a vote counts equal answers, and two values of type {types.show(item)} are almost never equal",
            f'{way}, or combine with `reduce ask "…"`',
        )
    return item


def told_apart(one: str, other: str) -> Refusal:
    """Refuse results whose type has two words for one answer. Joining the choices of several places can do that."""
    return Refusal(
        f"the results have two words for the same answer, `{one}` and `{other}`",
        "use the same choice for all results: `type Label = A | B`, and `-> Label`",
    )


def looked_at(given: Given, by: str = "by") -> types.Type | Refusal:
    """Return the type that a rule looks at: that of the results, or of the field of them that an argument names."""
    item, name = types.unwrapped(given.item), given.args.get(by)
    found = field_of(item, name, by) if isinstance(name, str) else item
    return found if isinstance(found, Refusal) else types.unwrapped(found)


def field_of(item: types.Type, name: str, arg: str) -> types.Type | Refusal:
    """Return the type of a field of the results. Refuse results that do not have this field."""
    if item == types.UNKNOWN:
        return item
    field = item.field(name) if isinstance(item, types.Record | types.Union) else None
    if field is not None:
        return field.type
    if not isinstance(item, types.Record | types.Union):
        return Refusal(f"these results are {types.show(item)}, which has no fields", f"delete `{arg}`", arg)
    known = ", ".join(f"`{one.name}`" for one in item.fields)
    return Refusal(f"{types.show(item)} has no field `{name}`", f"its fields: {known}", arg)


def plurality(given: Given) -> types.Type | Refusal:
    """Return the type of a vote's value. It is the type of the results."""
    found = counted(given)
    return found if isinstance(found, Refusal) else types.unwrapped(given.item)


def held(given: Given, found: types.Type | Refusal) -> types.Type | Refusal:
    """Return the type of a vote's value if it is not decided: it may be missing. Refuse arguments that do not fit."""
    undecided = given.args.get("undecided", "first")
    if isinstance(found, Refusal) or "undecided" not in given.args:
        return found
    if undecided not in UNDECIDED:
        said = "only the run knows this `undecided`, and the type of the value depends on it"
        return Refusal(said, "write `undecided: fail`, `none` or `first`", "undecided")
    return types.optional(found) if undecided == "none" else found
