"""The flows of files as tools: their names, schemas, bounds and budgets, and what a server refuses before it starts."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from flowrun.dsl import Bounds, Checked, Diagnostic, FlowError, dataclass, did_you_mean
from flowrun.dsl import plan as p

from ..costs.written_budget import Budget
from ..externs.externs import permit
from ..forecast.estimate import bounds_without_inputs
from ..plans.wanted_models import asks_of
from ..providers.default_model import model_without_option
from ..session.loading import load, plan_of
from ..vocabulary.amounts import bound_text, count_text, limit_text
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .comments import descriptions
from .schemas import Schema, input_schema, output_schema


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of a file when it was read."""

    path: str
    changed: int
    size: int


@dataclass(frozen=True, slots=True)
class Tool:
    """A flow as a tool. ``budget`` is that of a call; None for none. ``about`` describes the parameters.

    ``models`` are the names that a caller may give for a parameter that is a model. ``fresh`` are the states of the
    files that the flow comes from, until it was told that one has changed.
    """

    plan: p.Plan
    said: str
    about: Mapping[str, str]
    bounds: Bounds
    budget: Budget | None
    models: Collection[str]
    fresh: list[Stamp] = field(default_factory=list)
    inputs: Schema = field(default_factory=dict)
    output: Schema = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.plan.flow

    @property
    def calls(self) -> int | None:
        """The most calls of a run without server failures; None if there is no bound."""
        most = self.bounds.calls.most
        return None if most is None else round(most)

    @property
    def limits(self) -> str:
        """The bounds and the budget of a call in one sentence."""
        words = [_calls_text(self.bounds)]
        most = self.bounds.cost.most
        if most:
            words.append(f"at most {bound_text(most, up=True)} without server failures")
        if self.budget is not None:
            words.append(f"the budget of a call is {budget_text(self.budget)}")
        return f"{', '.join(words)}."

    @property
    def description(self) -> str:
        return "\n\n".join(filter(None, (self.said or f"The flow `{self.name}`.", f"Bounds: {self.limits}")))

    def told_of_change(self) -> bool:
        """Tell whether a file of the flow has changed since it was read, the first time that this is so."""
        if not self.fresh or all(stamp_of(one.path) == one for one in self.fresh):
            return False
        self.fresh.clear()
        return True


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rights of a server: the flows that it may run (all if none are named), their model, and the permissions."""

    flows: Collection[str] = ()
    model: str | None = None
    budget: Budget | None = None
    allow_python: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


def stamp_of(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return Stamp(path, 0, 0)
    return Stamp(path, found.st_mtime_ns, found.st_size)


def checked_files(paths: Sequence[Path]) -> list[tuple[Path, Checked]]:
    """Read and check flow files. Raises FlowError with the errors of all of them, and InputError."""
    found, errors = list[tuple[Path, Checked]](), list[Diagnostic]()
    for path in paths:
        try:
            found.append((path, load(path)))
        except FlowError as error:
            errors += error.diagnostics
    if errors:
        raise FlowError(tuple(errors))
    return found


def tools_of(wanted: Wanted, files: Sequence[tuple[Path, Checked]]) -> dict[str, Tool]:
    """Plan all flows of checked files. They are returned by name.

    Raises UsageError for two flows of one name and for a flow that no server can run.
    """
    found: dict[str, Tool] = {}
    known: list[str] = []
    for path, checked in files:
        names = [one.name.text for one in checked.file.flows]
        if not names:
            raise UsageError(f"{shown(str(path))} has no flow, only types for other files")
        known += names
        for name in names:
            if wanted.flows and name not in wanted.flows:
                continue
            tool = _tool(checked, path, name, wanted)
            other = found.setdefault(name, tool)
            if other is not tool:
                raise UsageError(
                    f"{shown(other.plan.source)} and {shown(str(path))} both have a flow `{name}`, and a tool needs a "
                    "name of its own: rename one of them, or choose the flows with --flow NAME"
                )
    missing = [name for name in wanted.flows if name not in found]
    if missing:
        guess = did_you_mean(missing[0], known) or "there are " + ", ".join(f"`{one}`" for one in known)
        raise UsageError(f"--flow {missing[0]}: no flow of these files is called {shown(missing[0])}; {guess}")
    return found


def _tool(checked: Checked, path: Path, name: str, wanted: Wanted) -> Tool:
    plan = plan_of(checked, name)
    permit(plan, wanted.allow_python)
    _must_answer_alone(plan)
    said, about = descriptions(checked, name)
    models = {one.name for one in plan.models} | ({wanted.model} if wanted.model else set())
    model = wanted.model or model_without_option(wanted.environ, plan.source).name
    own = Budget(plan.calls_limit, plan.money_limit)
    sources = [str(path), *(os.path.join(os.path.dirname(path), one) for one in checked.imports)]
    return Tool(
        plan,
        said,
        about,
        bounds_without_inputs(plan, model, wanted.environ),
        wanted.budget or (None if own == Budget() else own),
        models,
        [*map(stamp_of, sources)],
        input_schema(plan.params, about, models),
        output_schema(plan.type),
    )


def _must_answer_alone(plan: p.Plan) -> None:
    """Raise UsageError for a flow that waits for people or for batch APIs: its caller waits for the answer."""
    for step in plan.walk():
        if any(ask.person for ask in asks_of(step)):
            raise UsageError(
                f"the flow `{plan.flow}` asks a person, and a caller of a tool waits for its answer: run it by "
                f"`flowrun {plan.source}`, or choose other flows with --flow NAME"
            )
    options = [step.options.get("batch") for step in plan.walk()] + [one.options.get("batch") for one in plan.models]
    if any(one not in (None, p.Constant(False)) for one in options):
        raise UsageError(
            f"the flow `{plan.flow}` asks a batch API, which may take 24 hours, and a caller of a tool waits for its "
            f"answer: run it by `flowrun {plan.source}`, or take `batch: true` away"
        )


def _calls_text(bounds: Bounds) -> str:
    least, most = round(bounds.calls.least), bounds.calls.most
    if most is None:
        return f"{count_text(least, 'call')} or more without server failures"
    if round(most) == least:
        return f"{count_text(least, 'call')} without server failures"
    return f"{least:,} to {count_text(round(most), 'call')} without server failures"


def budget_text(budget: Budget) -> str:
    parts = [] if budget.money is None else [limit_text(budget.money)]
    parts += [] if budget.calls is None else [count_text(budget.calls, "call")]
    return " and ".join(parts)
