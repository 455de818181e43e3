"""The coverage of flows by their tests: as lines of text, as JSON, and as GitHub's workflow commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import floor
from typing import Any

from flowrun.dsl import CoverageItem, dataclass, workflow_command
from flowrun.testing.coverage import Coverage, FileCoverage
from flowrun.testing.discovery import FileResult

from ...vocabulary.quoting import one_line

_KINDS = {
    "ask": ("ask", "asks"),
    "branch": ("branch", "branches"),
    "round": ("end of rounds", "ends of rounds"),
    "policy": ("error policy", "error policies"),
    "answer": ("answer", "answers"),
}
"""The kinds of parts in words: for one part, and for several."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The coverage of all files, and the least that is asked for, in percent; None if nothing is.

    ``broken`` are the files that could not be counted, because they have errors.
    """

    total: Coverage
    files: Sequence[FileCoverage]
    least: float | None
    broken: tuple[str, ...] = ()

    @classmethod
    def of(cls, results: Sequence[FileResult], least: float | None) -> Counted:
        total = Coverage()
        for result in results:
            if result.coverage is not None:
                total.take(result.coverage)
        return cls(total, total.by_file(), least, tuple(result.name for result in results if result.broken))

    @property
    def too_low(self) -> bool:
        return self.least is not None and self.total.percent() < self.least

    @property
    def missed(self) -> list[tuple[FileCoverage, CoverageItem]]:
        return [(file, item) for file in self.files for item in file.missed]


def coverage_lines(counted: Counted) -> Iterator[str]:
    """Yield the text: what no test reached, each file with its share, and the sum. A share that is too low comes first.

    Without a file that was counted there is no sum. A share is rounded down, so that only full coverage is 100.0 %.
    """
    if counted.too_low:
        yield f"error: {_too_low(counted)}"
    for file, item in counted.missed:
        yield f"{one_line(file.name)}:{item.line}: {one_line(item.missed)}"
    if counted.missed:
        yield ""
    for file in counted.files:
        yield f"{_percent(file.percent)}  {one_line(file.name)}: {file.reached:,} of {_parts(file.items)}"
    total = counted.total
    if counted.files:
        yield f"{_percent(total.percent())}  in total: {total.reached:,} of {_parts(len(total.items))} reached"
    for name in counted.broken:
        yield f"not counted: {one_line(name)}, because it has errors"


def coverage_json(counted: Counted) -> dict[str, Any]:
    total = counted.total
    return {
        "percent": _rounded(total.percent()) if counted.files else None,
        "reached": total.reached,
        "parts": len(total.items),
        "min": counted.least,
        "enough": not counted.too_low,
        "files": [
            {
                "file": file.name,
                "percent": _rounded(file.percent),
                "reached": file.reached,
                "parts": file.items,
                "missed": [
                    {"kind": item.kind, "line": item.line, "column": item.column, "message": item.missed}
                    for item in file.missed
                ],
            }
            for file in counted.files
        ],
        "not_counted": list(counted.broken),
    }


def coverage_commands(counted: Counted) -> Iterator[str]:
    """Yield a warning for each part that no test reached, after the error of a share that is too low."""
    if counted.too_low:
        yield workflow_command("error", {"title": "coverage"}, _too_low(counted))
    for file, item in counted.missed:
        given = {"file": file.name, "line": str(item.line), "col": str(item.column), "title": "coverage"}
        yield workflow_command("warning", given, item.missed)


def _too_low(counted: Counted) -> str:
    """Say what is missing most, so that a reader knows where to begin."""
    kinds = Counter(item.kind for _, item in counted.missed)
    missing = ", ".join(f"{number:,} {_KINDS[kind][number != 1]}" for kind, number in kinds.most_common())
    total = counted.total.percent()
    return (
        f"the tests reach {_percent(total).strip()} of the flows, and --min is {counted.least:g} %; missing: {missing}"
    )


def _rounded(percent: float) -> float:
    return floor(percent * 10) / 10


def _percent(percent: float) -> str:
    return f"{_rounded(percent):5.1f} %"


def _parts(number: int) -> str:
    return f"{number:,} part{'s' * (number != 1)}"
