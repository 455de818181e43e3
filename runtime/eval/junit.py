"""An evaluation as JUnit's XML: a test suite for each side, with a test case for each row."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import xml_attribute, xml_text

from ..vocabulary.quoting import one_line
from .measures import Measures
from .side import Row
from .words import row_words


def junit(found: Sequence[Measures], least: float | None = None) -> str:
    """Write the sides of an evaluation.

    Without ``least`` a wrong row fails, and a row without an answer is an error. With it the test case `accuracy` of
    the first side alone decides, and the wrong rows are skipped: they are no failures as long as few of them are wrong.
    """
    suites = [_suite(one, least, first=at == 0) for at, one in enumerate(found)]
    body = "\n".join(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="flowrun eval">\n{body}\n</testsuites>\n'


def _suite(one: Measures, least: float | None, *, first: bool) -> str:
    cases = [_row(row, one, decides=least is None) for row in one.side.rows]
    share = one.accuracy
    below = first and least is not None and share.value < least
    if least is not None:
        text = f"accuracy {share.value:.3f} (95 %: {share.low:.3f} to {share.high:.3f}), at least {least:g} is wanted"
        inside = f'<failure message="{xml_attribute(text)}" type="accuracy"/>' if below else ""
        cases.insert(0, _case("accuracy", one, inside, None))
    wrong = share.rows - share.right
    failures = int(below) if least is not None else wrong - one.unanswered
    errors = one.unanswered if least is None else 0
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="{0 if least is None else wrong}"'
    lines = "\n".join(cases)
    return f'  <testsuite name="{xml_attribute(one_line(one.side.name))}" {counts}>\n{lines}\n  </testsuite>'


def _row(row: Row, one: Measures, *, decides: bool) -> str:
    inside = ""
    if not row.right:
        said = row_words(row)
        kind = "skipped" if not decides else "failure" if row.answered else "error"
        type_ = "" if kind == "skipped" else f' type="{"wrong" if row.answered else "no answer"}"'
        inside = (
            f'<{kind} message="{xml_attribute(said)}"{type_}>{"" if kind == "skipped" else xml_text(said)}</{kind}>'
        )
    return _case(f"row {row.index + 1}", one, inside, row.milliseconds)


def _case(name: str, one: Measures, inside: str, milliseconds: int | None) -> str:
    time = "" if milliseconds is None else f' time="{milliseconds / 1000:.3f}"'
    start = f'    <testcase classname="{xml_attribute(one_line(one.side.name))}" name="{xml_attribute(name)}"{time}'
    return f"{start}>{inside}</testcase>" if inside else f"{start}/>"
