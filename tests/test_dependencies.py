"""What is said of steps that wait for each other or for themselves, beside the message that the corpus holds."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog


def found(text: str) -> list[Diagnostic]:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text), catalog())
    return [one for one in caught.value.diagnostics if one.severity == "error"]


@pytest.mark.parametrize(
    ("line", "way_out"),
    [
        ('a = ask "More {{ a }}"', "different names"),
        ('a = ask "More {{ x }}" after a', "delete the mention"),
        ('a = ask "More {{ x }}" when a == ""', "delete the mention"),
        ("a = { a }", "delete the mention"),
        ('a = map y in [x] { ask "{{ y }} {{ a }}" } reduce concat', "a block has its value only when it ends"),
        ('b = fanout {\n a = ask "More {{ a }}"\n c = x\n } reduce collect', "different names"),
    ],
)
def test_the_way_out_fits_where_a_step_mentions_itself(line: str, way_out: str) -> None:
    [one] = found(f"flow f(x: text) {{\n  {line}\n  return x\n}}")
    assert one.code == "F0204"
    assert way_out in one.help


@pytest.mark.parametrize(
    ("head", "line", "end"),
    [
        ("flow f() {{\n", '  s{0} = ask "{{{{ s{1} }}}}"\n', "return s0 }}"),
        ("flow f() {{ a = fanout {{\n", '  s{0} = ask "{{{{ s{1} }}}}"\n', "}} reduce collect return a }}"),
        ("", "flow f{0}() {{ a = f{1}() return a }}\n", ""),
        ("", "type T{0} = [T{1}]\n", "flow f(x: T0) {{ return x }}"),
    ],
)
def test_a_long_circle_is_said_in_few_words(head: str, line: str, end: str) -> None:
    text = head.format() + "".join(line.format(n, (n + 1) % 500) for n in range(500)) + end.format()
    [one] = found(text)
    assert one.code == "F0204"
    assert "… and 49" in one.message + one.note
    assert len(one.labels) < 10
    assert len(one.message) + len(one.note) < 400
