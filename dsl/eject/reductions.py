"""The reducers of blocks: how the results of the bodies become one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import plan as p
from .. import types as t
from ..records import dataclass
from .bodies import Bodies, defined
from .output import literal, text_literal
from .problems import EjectError
from .scopes import Scope

VOTES = frozenset({"majority", "quorum", "unanimous", "weighted", "ahead", "window", "approval", "ranked"})
_RULES = {
    "flatten": "flattened", "concat": "concatenated", "sum": "summed", "mean": "averaged", "median": "middle",
    "dedupe": "deduped", "best": "best_of", "rank": "ranked", "merge": "merged_records",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WrittenBlock:
    """A block whose bodies are written. ``variable`` is for its value.

    ``function`` makes one of its bodies, and ``total`` is their number. ``policy`` has the arguments for lost bodies
    and for those that are open at once. ``sizes`` are the least and the most samples of a repeat; ``branches`` are
    those of a fan-out.
    """

    step: p.Step
    reduce: p.Reduce
    variable: str
    total: str
    function: str
    policy: str
    sizes: tuple[int, ...] = ()
    branches: Sequence[str] = ()

    @property
    def at_once(self) -> str:
        """The argument for the bodies that are open at once."""
        return self.policy[self.policy.index(", at_once") :] if "at_once" in self.policy else ""

    @property
    def sampled(self) -> bool:
        return isinstance(self.step.node, p.Repeat)

    @property
    def chooses(self) -> bool:
        """True if the vote chooses the number of its samples."""
        return self.sampled and self.sizes[0] < self.sizes[1]


class Reductions:
    """The writer of reducers."""

    def __init__(self, bodies: Bodies, plan: p.Plan, extern: Callable[[str], str]) -> None:
        self.bodies = bodies
        self.out = bodies.out
        self.plan = plan
        self.extern = extern

    def write(self, block: WrittenBlock, scope: Scope) -> None:
        """Write the lines that run the bodies and combine their results."""
        step, reduce, variable = block.step, block.reduce, block.variable
        # The bodies that are written by now left the line of their last step.
        self.bodies.expressions.line = step.line or self.bodies.expressions.line
        if reduce.searches:
            raise self._error("a search has no plain form", "ask for a fixed number of results, and reduce by a field")
        if reduce.same:
            raise self._error("a vote that compares its answers has no plain form", "vote on a choice")
        if reduce.deciding is not None:
            raise self._error("a reducer that asks a judge, or about a tie, has no plain form", "reduce by a field")
        if reduce.form == "rule" and reduce.rule in VOTES:
            self._vote(block, scope)
            return
        bodies = f"{block.total}, {block.function}"
        if reduce.form == "rule" and reduce.rule == "first":
            scope.lines.append(f"{variable} = await {self.out.use('first_of')}({bodies}{block.at_once})")
            return
        results = f"await {self.out.use('each')}({bodies}{block.policy})"
        if reduce.form == "rule" and reduce.rule == "collect" and not block.branches:
            scope.lines.append(f"{variable} = {results}")
            return
        name = scope.flow.free(f"{variable}_results")
        scope.lines.append(f"{name} = {results}")
        if reduce.form == "rule":
            scope.lines.append(f"{variable} = {self._rule(block, scope, name)}")
        elif reduce.form == "extern":
            self._extern(reduce, scope, variable, name)
        else:
            self._ask(block, scope, name)

    def _error(self, what: str, help: str = "") -> EjectError:
        return self.bodies.expressions.error(what, help)

    def _args(self, reduce: p.Reduce, scope: Scope) -> dict[str, str]:
        return {name: self.bodies.expressions.write(one, scope) for name, one in reduce.args.items()}

    def _rule(self, block: WrittenBlock, scope: Scope, results: str) -> str:
        reduce = block.reduce
        args = self._args(reduce, scope)
        if reduce.rule == "collect":
            if "skip" in block.policy:
                raise self._error("a fan-out that leaves branches out has no plain form", "use `errors: none`")
            return f"dict(zip({literal(list(block.branches))}, {results}, strict=True))"
        if reduce.rule == "count" and set(args) <= {"by"}:
            present = self.out.use("present")
            given = "".join(f", {one}" for one in args.values())
            return f"sum(one is not None for one in {present}({results}{given}))"
        if reduce.rule == "count":
            item = _counted_of(block)
            if isinstance(item, t.Record | t.Union | t.ListOf):
                raise self._error("the count of this answer has no plain form", "count a field")
            given = "".join(f", {name}={one}" for name, one in args.items())
            return f"{self.out.use('count_of')}({results}{given}{', words=True' if isinstance(item, t.Choice) else ''})"
        if reduce.rule not in _RULES:
            raise self._error(f"the reducer `{reduce.rule}` has no plain form", "reduce by another rule")
        given = "".join(f", {name}={one}" for name, one in args.items())
        if reduce.rule == "dedupe":
            return f"{self.out.use('deduped')}({self.out.use('present')}({results}){given})"
        if reduce.rule == "merge":
            given += self._empty_record(block.step)
        return f"{self.out.use(_RULES[reduce.rule])}({results}{given})"

    def _empty_record(self, step: p.Step) -> str:
        """Write the record that no results make, if all its fields may be empty."""
        item = t.unwrapped(_item_of(step))
        if not isinstance(item, t.Record) or not all(
            isinstance(one.type, t.Optional | t.ListOf) for one in item.fields
        ):
            return ""
        empty: dict[str, Any] = {one.name: [] if isinstance(one.type, t.ListOf) else None for one in item.fields}
        return f", empty={literal(empty)}"

    def _extern(self, reduce: p.Reduce, scope: Scope, variable: str, results: str) -> None:
        from .answers import reader_of
        from .expressions import shape_of

        assert reduce.extern is not None
        extern = self.plan.externs[reduce.extern]
        shape = shape_of(next(one.type for one in extern.params if one.name == "results"))
        taken = results if shape == "None" else f"{self.out.use('shaped')}(list({results}), {shape})"
        defaults = {one.name: one.default for one in extern.params if one.default is not None and one.name != "results"}
        every = {**defaults, **reduce.args}
        given = [f"{name}={self.bodies.expressions.write(one, scope)}" for name, one in every.items()]
        parts = [
            text_literal(p.plain_name(reduce.extern)),
            reader_of(self.out, extern.type),
            self.extern(reduce.extern),
        ]
        parts += [*given, f"results={taken}"]
        scope.lines.append(f"{variable} = await {self.out.use('called')}({', '.join(parts)})")

    def _ask(self, block: WrittenBlock, scope: Scope, results: str) -> None:
        reduce, variable, branches = block.reduce, block.variable, block.branches
        assert reduce.ask is not None
        merge = scope.flow.free(f"{variable}_merge")
        inner = scope.inner(ballot=False)
        if branches and "skip" not in block.policy:
            inner.values |= {name: f"{results}[{place}]" for place, name in enumerate(branches)}
        params = ("so_far", "next") if reduce.form == "fold" else ("results",)
        own = {name: scope.flow.free(f"merge_{name}" if name in self.out.reserved else name) for name in params}
        inner.values |= own
        for name in reduce.needs:
            inner.look(name)
        written = self.bodies.asks.write(reduce.ask, reduce.options, inner, f"{variable}_merge")
        head = ", ".join(f"{name}: Any" for name in own.values())
        scope.lines += defined(f"async def {merge}({head}) -> Any:", [*inner.lines, f"return {written}"])
        empty = _empty_of(reduce.ask.answer)
        match reduce.form:
            case "ask":
                nothing = self.out.use("nothing")
                scope.lines.append(
                    f"{variable} = await {merge}(list({results})) if {results} else {nothing}({results}, {empty})"
                )
            case "fold":
                begin = ""
                if "from" in reduce.args:
                    begin = ", " + self.bodies.expressions.write(reduce.args["from"], scope)
                scope.lines.append(f"{variable} = await {self.out.use('folded')}({results}, {merge}, {empty}{begin})")
            case _:
                scope.lines.append(f"{variable} = await {self._tree(reduce.count, scope, results, merge, empty)}")

    def _tree(self, count: p.Expr | None, scope: Scope, results: str, merge: str, empty: str) -> str:
        match count:
            case p.Constant(number):
                return f"{self.out.use('tree')}({results}, {number}, {merge}, {empty})"
            case p.RuleOf(args={"size": p.Constant(size)}):
                return f"{self.out.use('tree_by_tokens')}({results}, {size}, {merge}, {empty})"
            case p.RuleOf() | None:
                raise self._error("the size of this tree has no plain form", "write the number of results of a merge")
        number = self.bodies.expressions.write(count, scope)
        return f"{self.out.use('tree')}({results}, {number}, {merge}, {empty})"

    def _vote(self, block: WrittenBlock, scope: Scope) -> None:
        args = self._args(block.reduce, scope)
        if "stands" in args:
            raise self._error("a vote that must stand against samples has no plain form", "drop `stands`")
        if "risk" in args:
            raise self._error("a vote with a risk has no plain form", "write a confidence in place of the risk")
        if "undecided" in args:
            raise self._error("a vote that says what it does undecided has no plain form", "drop `undecided`")
        if isinstance(_counted_of(block), t.Choice):
            args["words"] = "True"
        kind = self._kind(block, args)
        launch = self._launch(block)
        given = "".join(f", {name}={one}" for name, one in args.items())
        size = f"{block.sizes[0]}, {block.sizes[1]}" if block.chooses else block.total
        way = "" if launch == "cost" else f", {text_literal(launch)}"
        vote = f"{self.out.use(kind)}({size}{given})"
        if block.reduce.tallied:
            scope.lines.append(f"{scope.tally(block.step.name)}.append({vote})")
            vote = f"{scope.tally(block.step.name)}[-1]"
        voted = self.out.use("voted")
        scope.lines.append(f"{block.variable} = await {voted}({vote}, {block.function}{way}{block.at_once})")

    def _kind(self, block: WrittenBlock, args: dict[str, str]) -> str:
        """Return the class of a vote. Its arguments become those of the class."""
        match block.reduce.rule:
            case "majority" if block.chooses:
                return "Confident"
            case "majority":
                args.pop("confidence", None)
                return "Vote"
            case "quorum" if not block.chooses:
                return "Quorum"
            case "unanimous" if not block.chooses:
                return "Unanimous"
            case "ahead" if "lead" in args and block.chooses:
                args["by_votes"] = args.pop("lead")
                return "Ahead"
        raise self._error(f"the vote `{block.reduce.rule}` has no plain form", "vote by `majority`")

    def _launch(self, block: WrittenBlock) -> str:
        launch = "together" if isinstance(block.step.node, p.Fanout) else "cost"
        chosen = block.step.options.get("launch")
        if isinstance(chosen, p.Constant) and block.sampled:
            launch = str(chosen.value)
        if launch not in ("cost", "together"):
            raise self._error("a vote that is launched for latency has no plain form", "drop the option `launch`")
        return launch


def _counted_of(block: WrittenBlock) -> t.Type:
    """Return the type of the values that a block counts: of its results, or of one field of them."""
    item = t.unwrapped(_item_of(block.step))
    if isinstance(by := block.reduce.args.get("by"), p.Constant) and isinstance(item, t.Record | t.Union):
        field = item.field(str(by.value))
        return t.unwrapped(field.type) if field is not None else item
    return item


def _item_of(step: p.Step) -> t.Type:
    """Return the type of one result of a block."""
    assert step.block is not None
    if isinstance(step.node, p.Fanout):
        return t.join(one.type for one in step.block.steps)
    return next(one.type for one in step.block.steps if one.name == step.block.result)


def _empty_of(answer: t.Type) -> str:
    if not t.may_be_empty(answer):
        return "None"
    return "[]" if isinstance(answer, t.ListOf) else '""'
