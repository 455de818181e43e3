"""The text of `flowrun audit`: each kind of reach by example."""

from __future__ import annotations

import os

import pytest

from flowrun.dsl import Source
from flowrun.runtime.cli.audits import Reaches, reaches_of, text_lines
from flowrun.runtime.session.loading import examine_source
from support.audit_cases import FILE, cases, written

WIDTH = 80


def audited(text: str, *, width: int = WIDTH) -> str:
    found = examine_source(Source(text, "a.flow"), {})
    assert found.checked is not None, found.findings
    reaches: Reaches = reaches_of([found])
    return "\n".join(text_lines(reaches, width))


@pytest.mark.parametrize("name", cases())
def test_a_flow_has_the_reach_that_is_written_below_it(name: str) -> None:
    flow, expected = cases()[name]
    if os.environ.get("FLOWRUN_UPDATE"):
        told = cases()
        told[name] = flow, audited(flow)
        FILE.write_text(written(told), encoding="utf-8")
        return
    assert audited(flow) == expected
    assert max(map(len, expected.splitlines())) <= WIDTH
