"""The costs of labels: none for a run's journal, and little for a check."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from flowrun.dsl import Checked, Source, check_flow, labels_of, make_plan
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.testing import VirtualLoop

TEXT = """flow f(mail: untrusted text, pages: untrusted [text]) {
  why = ask "Why? {{ mail }}"
  kind = map page in pages at most 9 { ask "Kind? {{ page }}" -> a | b } reduce majority
  return { why, kind }
}
"""


def asked(path: Path, text: str, journal: Path) -> int:
    """Run a flow with a journal, and return the number of its requests."""
    path.write_text(text, encoding="utf-8")
    calls: list[int] = []

    def said(request: object, number: int) -> str:
        calls.append(number)
        return "a"

    def opener(address: str, around: object) -> ScriptedProvider:
        return ScriptedProvider(said, model=address)

    options = RunOptions(opener=opener, model="scripted:a", journal=str(journal), learn=False)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        done = runner.run(run_async(path, {"mail": "m", "pages": ["x", "y", "z"]}, options=options))
    assert done.ok
    return len(calls)


def test_a_label_changes_only_the_keys_of_calls_that_show_free_text(tmp_path: Path) -> None:
    flow, journal = tmp_path / "f.flow", tmp_path / "journal.db"
    bare = TEXT.replace("untrusted ", "")
    assert asked(flow, bare, journal) > 2
    assert asked(flow, bare.replace("mail: text", "mail: trusted text"), journal) == 0
    # Only the prompt of `why` shows the mail; those of the pages do not.
    assert asked(flow, bare.replace("mail: text", "mail: untrusted text"), journal) == 1
    assert asked(flow, bare.replace("mail: text", "mail: untrusted text"), journal) == 0


def large(steps: int) -> str:
    """Return a flow of that many steps that untrusted data reach by templates, blocks, records and conditions."""
    lines = []
    for number in range(steps // 8):
        before = f"p{number - 1}" if number else "mail"
        lines.append(f'a{number} = ask "{{{{ {before} }}}} {{{{ mail }}}}" -> yes | no')
        lines.append(f"m{number} = map x{number} in pages at most 9 {{")
        lines.append(f'  b{number} = ask "{{{{ x{number} }}}}" -> yes | no')
        lines.append(f'  c{number} = ask "{{{{ b{number} }}}} {{{{ x{number} }}}}"')
        lines.append(f"  d{number} = ask \"{{% if b{number} == 'yes' %}}{{{{ c{number} }}}}{{% endif %}}\"")
        lines.append("} reduce collect")
        lines.append(f"r{number} = {{ a: a{number}, b: m{number} }}")
        lines.append(f'p{number} = text "{{{{ r{number}.a }}}} {{{{ mail }}}}"')
        lines.append(f'z{number} = ask "{{{{ p{number} }}}}" -> {{ a: bool  b: text  c: 1..5 }} when a{number} == yes')
    every = ", ".join(f"z{number}" for number in range(steps // 8))
    body = "\n  ".join(lines)
    return f"flow f(mail: untrusted text, pages: untrusted [text]) {{\n  {body}\n  return {{ {every} }}\n}}\n"


def seconds(work: Callable[[], object]) -> float:
    # When the interpreter looks for garbage depends on all that the process has made before.
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        work()
        return time.process_time() - began
    finally:
        gc.enable()


@pytest.mark.no_cover
def test_a_thousand_steps_are_read_in_a_part_of_their_check() -> None:
    known = catalog()
    text = large(1000)
    plain = Source(text.replace("untrusted ", ""))
    checked: Checked = check_flow(Source(text), known)
    plan = make_plan(checked)
    assert sum(1 for _ in plan.walk()) == 1000
    labels_of(plan, known)
    pairs = [(seconds(lambda: labels_of(plan, known)), seconds(lambda: check_flow(plain, known))) for _ in range(3)]
    # The labels take a quarter of the check here; half of it is the limit, because other processes disturb both.
    assert median(labels / check for labels, check in pairs) < 0.5


def test_flows_that_call_flows_do_not_multiply_the_work() -> None:
    """Each flow calls the one before in two maps, so a reading for each call would take 2^30 readings."""
    text = 'flow f0(x: text) {\n  y = ask "{{ x }}"\n  return y\n}\n'
    for number in range(1, 30):
        body = f"at most 2 {{ f{number - 1}(x: p) }} reduce concat"
        first, second = f"  a = map p in [x, x] {body}\n", f"  b = map q in [x, a] {body.replace('x: p', 'x: q')}\n"
        text += f"flow f{number}(x: text) {{\n{first}{second}  return a + b\n}}\n"
    text += "flow root(pages: untrusted [text]) {\n  z = map page in pages at most 9 { f29(x: page) } reduce collect\n"
    plan = make_plan(check_flow(Source(text + "  return z\n}\n"), catalog()))
    assert seconds(lambda: labels_of(plan, catalog())) < 5
    place = labels_of(plan, catalog()).place("y", flow="f0")
    assert place is not None and place.request["pages"].free


@pytest.mark.no_cover
def test_the_reading_of_labels_grows_as_the_flow_does() -> None:
    known = catalog()
    small, big = (make_plan(check_flow(Source(large(steps)), known)) for steps in (100, 800))
    for plan in (small, big):
        labels_of(plan, known)
    times = [(seconds(lambda: labels_of(small, known)), seconds(lambda: labels_of(big, known))) for _ in range(3)]
    assert median(big_time / small_time for small_time, big_time in times) < 24
