"""The end of a run: its answer, its account and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrun.dsl import types

from ..account.figures import figures_of
from ..api import Result
from ..engine.decisions import Failure
from ..journal.project import journal_option, resume_command
from ..values.expressions import ModelValue
from ..vocabulary.errors import StoppedError
from ..vocabulary.quoting import inert
from . import exits
from .console import complain, print_answer, print_json
from .outputs import Outputs
from .summary import closing_line, doubtful_line, failures_lines, losses_lines
from .vote_lines import single_calls, votes_lines
from .waits import waiting_figures

if TYPE_CHECKING:
    from ..inputs.cuts import Taken


def shown_path(path: str) -> str:
    """Write a path for a shell, which expands brackets."""
    from shlex import quote  # few runs need it

    plain = path.replace("[", ".").replace("]", "")
    return quote(path if "#" in path or '"' in path else plain)


def finish(
    result: Result,
    journal: Path | None,
    *,
    as_json: bool,
    quiet: bool,
    flags: str = "",
    output: Outputs | None = None,
    taken: Mapping[str, Taken] | None = None,
) -> int:
    """Print the answer and the account of a run, and return its exit code.

    The answer goes to ``output``; None is standard output. ``quiet`` leaves out all but the answer, the losses and the
    errors. ``flags`` are the options that a resume of the run needs. ``taken`` has the inputs that are not whole lists.
    """
    taken = taken or {}
    told, lost = _delivered(result, output, taken if as_json else None)
    for line in () if quiet else told:
        print(inert(line), file=sys.stderr)
    for trouble in lost:
        complain(trouble)
    account = [] if quiet else [*votes_lines(result), *_cascades_told(result)]
    for line in (*account, *losses_lines(result, all_causes=quiet)):
        print(inert(line), file=sys.stderr)
    for line in failures_lines(result):
        complain(line)
    stopped = result.outcome.stopped
    if stopped is not None and not isinstance(stopped, StoppedError):
        complain(str(stopped))
    if not quiet:
        if doubtful := result.summary.whole.doubtful:
            complain(doubtful_line(doubtful))
        parts = [f"{name}: {one.told()}" for name, one in taken.items()]
        print(inert(" · ".join([closing_line(result), *parts])), file=sys.stderr)
    if journal is None and result.status == "open":
        complain("this run keeps no journal, so it cannot be resumed: run it on a terminal, or keep a journal")
    if journal is not None and result.run and (lost or result.outcome.resumable):
        complain(way_on(result, journal, flags))
    if isinstance(stopped, StoppedError):
        return 128 + stopped.signal if stopped.signal else exits.INTERRUPTED
    return exits.DISK if lost else exits.STATUS[result.status]


def _delivered(
    result: Result, output: Outputs | None, taken: Mapping[str, Taken] | None
) -> tuple[list[str], list[str]]:
    """Write the answer to its places. Return remarks on that for the user, and the failures.

    ``taken`` is for the account as JSON, which is printed instead; None for the answer itself.

    If it cannot be written there, it goes to standard output, because the answer is paid.
    """
    told, lost = ([], []) if output is None else output.finish(result)
    instead = bool(lost) and not result.handed
    try:
        if taken is not None:
            print_json({**report(result), **_first(taken)})
        elif result.outcome.complete and (output is None or instead):
            print_answer(result.value)
        sys.stdout.flush()
    except OSError as error:
        lost.append(f"the output cannot be written: {error.strerror or error}")
    else:
        if instead and taken is None:
            lost[-1] += "; the answer is on standard output"
    return told, lost


def way_on(result: Result, journal: Path, flags: str = "") -> str:
    """Write the commands that go on with a run."""
    command = resume_command(result.run, journal)
    if result.questions:
        path = shown_path(_paths(result)[0])
        answer = f"flowrun answer {result.run} {path} VALUE{journal_option(journal)}"
        return f"answer with: {answer}; then resume the run with: {command}{flags}"
    if result.status == "budget":
        command += " --budget …"
    kept = result.summary.calls + result.summary.recalled
    answers = "1 answer is" if kept == 1 else f"{kept:,} answers are"
    return f"{answers} saved; resume the run with: {command}{flags}"


def _first(taken: Mapping[str, Taken]) -> dict[str, Any]:
    """Return the lists that are not whole as the account names them."""
    return {"first": {name: {"taken": one.taken, "whole": one.whole} for name, one in taken.items()}} if taken else {}


def report(result: Result) -> dict[str, Any]:
    """Return a run in the form that `--json` prints."""
    from ..vocabulary.tally_json import vote_json  # many runs print their value alone

    summary, whole, names = result.summary, result.summary.whole, _names(result)
    return {
        "status": result.status,
        "run": result.run or None,
        "value": result.value,
        "failures": [_failure(one, names) for one in result.failures],
        "losses": [_failure(one, names) for one in result.outcome.losses],
        **({"stopped": str(result.outcome.stopped)} if result.outcome.stopped is not None else {}),
        **_questions(result),
        **({"steps": _plain(result.outcome.steps)} if result.outcome.steps else {}),
        "votes": {
            names(path): {
                **vote_json(tally),
                "cost_saved": summary.saved_cost(summary.votes[path]) if path in summary.votes else None,
            }
            for path, tally in result.outcome.tallies.items()
        },
        **_totals(result),
        **_cascades(result),
        "advice": single_calls(result) or None,
        # The account covers the whole run. The other figures cover only the time since it began or was resumed.
        "calls": whole.answered,
        **figures_of(whole, summary.prices),
        "recalled": summary.recalled,
        "in_doubt": summary.in_doubt,
        "hedged": summary.hedged,
        "spared": summary.spared,
        "cancelled": summary.cancelled,
        "retries": summary.retries,
        "cost_saved": summary.saved,
        "budget_spent": result.spent,
        "seconds": round(summary.seconds, 3),
        "seconds_loading": round(summary.loading, 3),
        "seconds_one_after_another": round(summary.busy, 3),
        **waiting_figures(summary.waits),
    }


def _cascades_told(result: Result) -> list[str]:
    """Return a line for each cascade of the plan: how many went up to each stage, and what that saved."""
    if not result.outcome.cascades:
        return []
    from ..account.cascades import cascade_counts, cascade_lines

    return cascade_lines(cascade_counts(result.outcome.cascades, result.summary.cost_of))


def _totals(result: Result) -> dict[str, Any]:
    if not result.outcome.tallies:
        return {}
    from ..account.vote_totals import totals_json

    return totals_json(result.outcome.tallies.values())


def _cascades(result: Result) -> dict[str, Any]:
    if not result.outcome.cascades:
        return {}
    from ..account.cascades import cascade_counts, cascades_json

    return {"cascades": cascades_json(cascade_counts(result.outcome.cascades, result.summary.cost_of))}


def _questions(result: Result) -> dict[str, Any]:
    """Return the open questions as `--json` prints them."""
    if not result.questions:
        return {}
    rows = [
        {"path": path, "type": types.show(one.type), "text": one.text}
        for path, one in zip(_paths(result), result.questions, strict=True)
    ]
    return {"questions": rows}


def _paths(result: Result) -> list[str]:
    """Return the paths of the open questions as `flowrun answer` and `flowrun show` write them."""
    return [*map(_names(result), (one.path for one in result.questions))]


def _names(result: Result) -> Callable[[str], str]:
    """Return the function that writes a path of the engine as `flowrun show` does."""
    if result.source is None:
        return str
    from ..plans.step_paths import PathNames

    return PathNames(result.source.plan).of


def _failure(failure: Failure, names: Callable[[str], str]) -> dict[str, Any]:
    kind = type(failure.error).__name__.removesuffix("Error").lower() if failure.error is not None else "flow"
    return {"path": names(failure.path), "reason": failure.reason, "kind": kind}


def _plain(value: Any) -> Any:
    """Make a value of the flow fit for JSON. A model becomes its address."""
    if isinstance(value, ModelValue):
        return value.address
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
