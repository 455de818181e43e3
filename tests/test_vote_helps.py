"""The way out that a message names, for the usual mistakes around votes, searches and cascades."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

TEXTS = 'repeat 3 { ask "x {{ q }}" }'
WORDS = 'repeat 3 { ask "x {{ q }}" -> yes | no } reduce majority'
CASES = [
    (f'{TEXTS} reduce consistent(ask "w {{{{ results }}}}")', "F0303", "write `judge: ask"),
    (f'{TEXTS} reduce consistent(ask m "w {{{{ results }}}}")', "F0101", "`consistent(judge: ask …)`"),
    (f'{TEXTS} reduce best(ask "w {{{{ results }}}}")', "F0303", "`best(judge: ask …)`"),
    (f'{TEXTS} reduce best(ask m "w {{{{ results }}}}")', "F0101", "`best(judge: ask …)`"),
    (f'{TEXTS} reduce first(ask m "w {{{{ result }}}}" -> yes | no)', "F0101", "`first(if: ask …)`"),
    (f"{TEXTS} reduce best(1 + 2)", "F0303", "`by: score`"),
    (f"{WORDS[:-8]}ahead(2, launch: latency)", "F0303", "write it behind the reducer, `with launch: …`"),
    (f"{WORDS}(concurrency: 2)", "F0303", "`with concurrency: …`"),
    (f'{TEXTS} reduce concat(ask m "w")', "F0101", "give the step a name"),
    (f'{TEXTS} reduce first(if: ask "ok?" -> yes | no)', "F0769", "of the body: write `{{ result }}` into the prompt"),
    (f'cascade {{ {WORDS} else ask "y" -> yes | no when agreement < 80% }}', "F0301", "write `0.8`"),
    (f'cascade {{ {WORDS} else ask "y" -> yes | no when 66.6% > agreement }}', "F0301", "write `0.666`"),
    (f'cascade {{ {WORDS} else ask "y" -> yes | no when last < 80% }}', "F0301", ""),
]


@pytest.mark.parametrize(("node", "code", "help"), CASES)
def test_the_help_names_what_to_write(node: str, code: str, help: str) -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(f'model m = "openai:x"\nflow f(q: text) {{ x = {node} return x }}'), catalog())
    (found,) = [one for one in caught.value.diagnostics if one.code == code]
    assert help in (found.help or "")
    assert bool(help) == bool(found.help)
