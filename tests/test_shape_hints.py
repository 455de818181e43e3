"""Hints for beginners who write shapes as other languages do."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

HINTS = [
    ('y = chain up to 3 { ask "{{ x }} {{ last | default(0) }}" -> yes | no } until ask == yes', "`verdict = …`"),
    ("y = x.length", "`length(…)`"),
    ('y = while x != "a" { ask "{{ x }}" }', "`chain up to 4 { … } until CONDITION`"),
    ('y = repeat until x == "a" { ask "{{ x }}" }', "`chain up to 4 { … } until CONDITION`"),
    ('y = if x == "a" { ask "{{ x }}" }', "`x = match VALUE { … }`"),
    ("y = match true { true = good  false = bad }", 'for a text write `"good"`'),
    (
        'z = ask "{{ x }}" -> a | b  y = match z { a = ask "q" check length(a) < 2  b = "b" }',
        "in a check mention the `answer`",
    ),
]


@pytest.mark.parametrize(("line", "help"), HINTS)
def test_a_mistake_is_answered_in_the_words_of_the_language(line: str, help: str) -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(f"flow f(x: text) {{\n  {line}\n  return y\n}}\n"), catalog())
    assert help in " ".join(one.help for one in caught.value.diagnostics)
