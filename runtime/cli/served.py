"""The parts that `flowrun mcp` and `flowrun serve` share: the check before they start, and their words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowrun.dsl import dataclass

from ..api import Result
from ..costs.written_budget import Budget, read_budget
from ..limits.shared import Limiters
from ..serve.inputs import Inputs
from ..serve.ready import must_be_ready
from ..serve.runs import Runs, ServedOptions
from ..serve.server_budget import ServerBudget
from ..serve.tools import Tool, Wanted, budget_text, checked_files, tools_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert
from .console import show_findings
from .journals import journal_path
from .outcome import report, way_on
from .paths import find_flows
from .summary import failures_lines, losses_lines


@dataclass(frozen=True, slots=True)
class Served:
    """The flows of a server that are checked, and their runs."""

    tools: Mapping[str, Tool]
    runs: Runs
    options: ServedOptions

    async def must_be_ready(self) -> None:
        """Raise UsageError if a flow could not be run."""
        await must_be_ready(self.tools.values(), self.options, self.runs.purse)


class CommandWords:
    """The words of the command for the end of a run."""

    def report(self, result: Result) -> dict[str, Any]:
        return report(result)

    def why(self, result: Result, journal: Path | None) -> str:
        lines = [*losses_lines(result, all_causes=True), *failures_lines(result)]
        stopped = result.outcome.stopped
        lines += [] if stopped is None else [str(stopped)]
        if journal is not None and result.run and result.outcome.resumable:
            lines.append(way_on(result, journal))
        return inert("\n".join(lines))


def served(given: Mapping[str, Any], tell: Callable[[str], None], listeners: Sequence[Any] = ()) -> Served:
    """Check the files and make what serves them. Nothing is sent. Raises FlowError, UsageError."""
    files = checked_files(_files(given["paths"]))
    if warnings := [one for _, checked in files for one in checked.warnings]:
        show_findings(warnings)
    budget = _budget(given["budget"])
    tools = tools_of(Wanted(given["flows"], given["model"], budget, given["allow_python"], os.environ), files)
    purse = ServerBudget(_budget(given["total_budget"]))
    purse.must_bound((tool.name, tool.budget) for tool in tools.values())
    if given["no_journal"] and given["journal"] is not None:
        raise UsageError("--no-journal and --journal exclude each other: give only one of them")
    options = ServedOptions(
        model=given["model"],
        allow_read=given["allow_read"],
        allow_host=given["allow_host"],
        allow_python=given["allow_python"],
        journal=None if given["no_journal"] else journal_path(given["journal"]),
        progress=False,
        on_event=listeners,
        limiters=Limiters(),
    )
    models = {name for tool in tools.values() for name in tool.models}
    inputs = Inputs(tuple(given["allow_read"]), models)
    return Served(tools, Runs(options, inputs, purse, CommandWords(), given["max_runs"], tell), options)


def _budget(text: str | None) -> Budget | None:
    return None if text is None else read_budget(text)


def _files(paths: Iterable[Path]) -> list[Path]:
    """Return the flow files at paths: folders stand for the files in them, as for `validate`."""
    files, refused = find_flows(tuple(paths))
    for _, error in refused:
        raise error
    return [Path(path) for path in dict.fromkeys(map(str, files))]


def start_lines(tools: Mapping[str, Tool], runs: Runs, total: str | None) -> Iterator[str]:
    """Yield what the server serves: a line for each flow, with its bounds and its budget."""
    for name, tool in tools.items():
        params = ", ".join(param.name for param in tool.plan.params)
        yield f"  {name}({params}): {tool.limits}"
    yield f"at most {runs.most:,} calls at the same time; " + (
        "no total budget" if total is None else f"the total budget is {budget_text(read_budget(total))}"
    )
    yield "no journal: answers are not kept" if runs.journal is None else f"journal: {runs.journal}"


def print_line(line: str) -> None:
    """Print a line for the user of the server. Standard output may belong to a protocol."""
    print(inert(line), file=sys.stderr, flush=True)
