"""The losses in the data of a page: their causes, and the commands that ask the lost calls again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from shlex import quote

from ..account.causes import FIRST, Causes, FailureCause
from ..account.spoilt_calls import spoilt_calls
from ..journal.project import journal_option, resume_command
from ..plans.step_paths import PathNames
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import RunRecord
from .strings import Strings


def losses_of(record: RunRecord, names: PathNames, strings: Strings, journal: Path | None) -> dict[str, Json]:
    causes = Causes()
    for loss in record.end.losses:
        causes.add(loss.path, loss.reason)

    def command(cause: FailureCause) -> str:
        paths = [path for path, _ in cause.first]
        return again(record, paths, names, cause.count, journal) if record.id else ""

    return losses_data(causes, sum(loss.fatal for loss in record.end.losses), command, names, strings)


def losses_data(
    causes: Iterable[FailureCause],
    fatal: int,
    command: Callable[[FailureCause], str],
    names: PathNames,
    strings: Strings,
) -> dict[str, Json]:
    """Return the part ``losses`` of a run. ``fatal`` counts the failures that ended a step.

    ``command`` returns the command that asks the lost calls of a cause again, "" if there is none.
    """
    causes = sorted(causes, key=lambda one: -one.count)
    return {
        "count": sum(cause.count for cause in causes),
        "fatal": fatal,
        "causes": [
            {
                "reason": strings.foreign(cause.first[0][1]),
                "count": cause.count,
                "first": [[strings.add(names.of(path)), strings.foreign(reason)] for path, reason in cause.first],
                "command": strings.add(command(cause)),
            }
            for cause in causes
        ],
    }


def again(record: RunRecord, paths: Sequence[str], names: PathNames, count: int, journal: Path | None = None) -> str:
    """Write the command that asks lost calls again. A resume alone takes their spoilt answers from the journal.

    ``paths`` are the first of ``count`` losses of one cause.
    """
    command = resume_command(record.id, journal) + " --allow-python" * bool(record.plan.externs)
    spoilt = spoilt_calls(record, paths)
    if not spoilt:
        return command
    few = count <= len(paths) and len(spoilt) <= FIRST
    what = [quote(names.of_call(call)) for call in spoilt] if few else ["--failed"]
    where = journal_option(journal)
    return " && ".join([*(f"flowrun journal forget {record.id} {one}{where}" for one in what), command])
