"""An evaluation as JUnit's XML: a test suite for each side, with a test case for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowrun.dsl import dataclass, xml_attribute, xml_text

from ..vocabulary.quoting import one_line
from .columns import Column
from .measures import Measures
from .side import Row
from .words import row_words


def junit(columns: Sequence[Column], least: Mapping[str, float] | None = None) -> str:
    """Write the sides of an evaluation. ``least`` is the wanted accuracy of each answer that has one, by its label.

    Without ``least`` a wrong row fails, and a row without an answer is an error. With it the test cases `accuracy` of
    the first side alone decide, and the wrong rows are skipped: they are no failures as long as few of them are wrong.
    """
    least = least or {}
    suites = [
        _Suite(one, f"{one.side.name} · {column.label}" if len(columns) > 1 else one.side.name).text(
            least.get(column.label) if at == 0 else None, decides=not least
        )
        for column in columns
        for at, one in enumerate(column.sides)
    ]
    body = "\n".join(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="flowrun eval">\n{body}\n</testsuites>\n'


@dataclass(frozen=True, slots=True)
class _Suite:
    """The test suite of one side."""

    one: Measures
    name: str

    def text(self, least: float | None, *, decides: bool) -> str:
        """Write the suite. ``decides`` tells whether each row does; else only the accuracy may fail."""
        one, share = self.one, self.one.accuracy
        cases = [self._row(row, decides=decides) for row in one.side.rows]
        below = least is not None and share.value < least
        if least is not None:
            text = (
                f"accuracy {share.value:.3f} (95 %: {share.low:.3f} to {share.high:.3f}), at least {least:g} is wanted"
            )
            inside = f'<failure message="{xml_attribute(text)}" type="accuracy"/>' if below else ""
            cases.insert(0, self._case("accuracy", inside, None))
        wrong = share.rows - share.right
        failures = wrong - one.unanswered if decides else int(below)
        errors, skipped = (one.unanswered, 0) if decides else (0, wrong)
        counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
        lines = "\n".join(cases)
        return f'  <testsuite name="{xml_attribute(one_line(self.name))}" {counts}>\n{lines}\n  </testsuite>'

    def _row(self, row: Row, *, decides: bool) -> str:
        inside = ""
        if not row.right:
            said = row_words(row)
            kind = "skipped" if not decides else "failure" if row.answered else "error"
            type_ = "" if kind == "skipped" else f' type="{"wrong" if row.answered else "no answer"}"'
            inside = (
                f'<{kind} message="{xml_attribute(said)}"{type_}>{"" if kind == "skipped" else xml_text(said)}</{kind}>'
            )
        return self._case(f"row {row.index + 1}", inside, row.milliseconds)

    def _case(self, name: str, inside: str, milliseconds: int | None) -> str:
        time = "" if milliseconds is None else f' time="{milliseconds / 1000:.3f}"'
        start = f'    <testcase classname="{xml_attribute(one_line(self.name))}" name="{xml_attribute(name)}"{time}'
        return f"{start}>{inside}</testcase>" if inside else f"{start}/>"
