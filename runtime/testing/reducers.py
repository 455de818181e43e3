"""The conformance suite of reducers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import combinations
from typing import Any

from flowrun.dsl import Given, ParamSpec, Refusal, dataclass, types
from flowrun.runtime.reducers import ReduceError, Reducer, Rule, Setting
from flowrun.runtime.vocabulary.errors import mistake_in

from .faults import Faults, is_plain, shown

_CHOICE = types.Choice(("aye", "nay"))
_NOTE = types.Record(
    (
        types.Field("label", _CHOICE),
        types.Field("score", types.Range(0, 3)),
        types.Field("more", types.Optional(types.TEXT)),
    )
)
_SAMPLES: tuple[tuple[types.Type, tuple[Any, ...]], ...] = (
    (types.TEXT, ("a", "b", "A.", "")),
    (types.INT, (0, 1, 2, 3)),
    (types.NUMBER, (0, 0.5, 1, 2.25)),
    (types.BOOL, (True, False)),
    (_CHOICE, ("aye", "nay")),
    (types.ListOf(_CHOICE), ([], ["aye"], ["nay", "aye"])),
    (types.ListOf(types.TEXT), ([], ["a"], ["a", "b"])),
    (_NOTE, tuple({"label": one, "score": n, "more": more} for one, n, more in (("aye", 1, "x"), ("nay", 3, None)))),
    (types.JSON, (None, 1, "a", [1], {"a": 1})),
)
_MOST = 5


@dataclass(frozen=True)
class _Case:
    """Results of one type that a rule takes, with arguments that fit."""

    item: types.Type
    values: tuple[Any, ...]
    args: Mapping[str, Any]
    least: int
    most: int

    def make(self, rule: Rule, count: int | None = None, launch: str = "together") -> Reducer:
        most = self.most if count is None else count
        return rule.make(Setting(min(self.least, most), most, (), deepcopy(dict(self.args)), launch, self.item))

    def results(self, dice: random.Random, count: int) -> list[Any]:
        return [deepcopy(dice.choice(self.values)) for _ in range(count)]


def check_reducer(rule: Rule, args: Mapping[str, Any] | None = None, *, timed: bool = False) -> None:
    """Check that a reducer keeps its rules. ``args`` are its arguments; without them the suite tries some that fit.

    The same results at the same places give the same value and the same tally, in whatever order they arrive. A reducer
    whose value depends on time is ``timed`` and free of this rule. A decision is final. A reducer never wants more
    samples than are planned, and no sample twice. For no results or a single one it returns a value or raises
    ReduceError. It changes no result and no argument, and its value is plain data.

    Raises: NonconformityError.
    """
    faults = Faults(f"the reducer `{rule.spec.name}`")
    faults.unless(rule.spec.name.isidentifier(), f"its name is no word: {rule.spec.name!r}")
    faults.unless(bool(rule.spec.summary.strip()), "it has no summary")
    faults.unless(rule.spec.spares or not rule.spec.votes, "it votes, so it must also do without failed results")
    try:
        cases = list(_cases(rule, args, faults))
        if faults.unless(bool(cases), "it takes results of no type, with no arguments; give `args`"):
            for case in cases:
                _check(rule, case, faults, timed)
    except Exception as error:  # noqa: BLE001 (whatever it raises is the finding)
        faults.add(f"it raises something else than a ReduceError: {mistake_in(error)}")
    faults.finish()


def _cases(rule: Rule, args: Mapping[str, Any] | None, faults: Faults) -> Iterator[_Case]:
    """Yield a case for each type of results that the rule takes, with the first arguments that fit."""
    for item, values in _SAMPLES:
        tries = [args] if args is not None else _arguments(rule.spec.params, item)
        for given, least in (
            (one, least) for one in tries for least in ((_MOST, 1) if rule.spec.adaptive else (_MOST,))
        ):
            found = rule.spec.result(Given(item, least, _MOST, given))
            if isinstance(found, Refusal):
                faults.unless(bool(found.message and found.help), "it refuses results without a reason or a way out")
                continue
            yield _Case(item, values, given, least, _MOST)
            break


def _arguments(params: tuple[ParamSpec, ...], item: types.Type) -> list[dict[str, Any]]:
    """Return arguments to try: the required ones alone, and together with one or two others."""
    known = {param.name: value for param in params if (value := _argument(param, item)) is not None}
    if any(param.required and param.name not in known for param in params):
        return []
    needed = {param.name: known[param.name] for param in params if param.required}
    others = [name for name in known if name not in needed]
    more = [(), *((name,) for name in others), *combinations(others, 2)]
    return [{**needed, **{name: known[name] for name in names}} for names in more]


def _argument(param: ParamSpec, item: types.Type) -> Any:
    if param.takes_field:
        fields = item.fields if isinstance(item, types.Record) else ()
        numeric = param.name == "by"
        names = [field.name for field in fields if types.is_number(field.type) == numeric]
        return names[0] if names else None
    if types.is_number(param.type):
        low = 1 if param.low is None else param.low
        return min(max(low, 1), 2 if param.high is None else param.high)
    return "x" if param.type == types.TEXT else None


def _check(rule: Rule, case: _Case, faults: Faults, timed: bool) -> None:
    dice = random.Random(rule.spec.name)
    where = f"over results of the type {types.show(case.item)}"
    for count in (0, 1, 2, case.most):
        for _ in range(1 if count < 2 else 6):
            results = case.results(dice, count)
            lost = {index for index in range(count) if count > 1 and dice.random() < 0.2}
            ends = []
            for _ in range(2):
                order = dice.sample(range(count), count)
                ends.append(_end(rule, case, results, order, lost, faults, where))
            faults.unless(
                timed or ends[0] == ends[1],
                f"{where} its value depends on the order in which they arrive: {shown(ends)}",
            )
    for launch in ("cost", "latency", "together"):
        _drive(rule, case, case.results(dice, case.most), launch, dice, faults, where)


def _end(
    rule: Rule, case: _Case, results: list[Any], order: list[int], lost: set[int], faults: Faults, where: str
) -> str:
    """Give all results to a reducer, in this order. Return its value and tally as text."""
    before = deepcopy(results)
    try:
        reducer = case.make(rule, len(results))
    except ReduceError as error:
        return str(error)
    for index in order:
        if index in lost:
            reducer.skip(index)
        else:
            reducer.add(index, results[index])
    faults.unless(isinstance(reducer.decided, bool), "`decided` is no bool")
    value = _value(reducer, faults, f"{where} ({len(results)} of them)")
    faults.unless(results == before, f"{where} it changes the results")
    tally = reducer.tally(len(results))
    faults.unless(rule.spec.votes or tally is None, "it is no vote, and keeps a tally")
    return f"{value!r} {tally!r}"


def _drive(
    rule: Rule, case: _Case, results: list[Any], launch: str, dice: random.Random, faults: Faults, where: str
) -> None:
    """Use a reducer as a run does: launch the samples that it wants until it is decided or wants no more."""
    reducer, flying, launched = case.make(rule, launch=launch), list[int](), 0
    while not reducer.decided and launched + len(flying) >= 0:
        more = reducer.wanted(launched)
        if not faults.unless(
            isinstance(more, int) and 0 <= more <= case.most - launched,
            f"{where} it wants {more!r} more of {case.most} samples, with {launched} launched",
        ):
            return
        flying += range(launched, launched + more)
        launched += more
        if not flying:
            break
        index = flying.pop(dice.randrange(len(flying)))
        reducer.add(index, results[index])
    if reducer.decided:
        value = _value(reducer, faults, where)
        for index in flying:
            reducer.add(index, results[index])
        faults.unless(bool(reducer.decided), f"{where} it is decided, and then no longer")
        again = _value(reducer, faults, where)
        # The message of a failure may change, since it may count the late results.
        same = (isinstance(value, ReduceError) and isinstance(again, ReduceError)) or repr(value) == repr(again)
        faults.unless(same, f"{where} a late result changes its value, though it was decided")


def _value(reducer: Reducer, faults: Faults, where: str) -> Any:
    try:
        value = reducer.value()
    except ReduceError as error:
        faults.unless(bool(str(error).strip()), f"{where} it fails without a sentence")
        return error
    faults.unless(is_plain(value), f"{where} its value is no plain data: {shown(value)}")
    return value
