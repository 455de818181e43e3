"""The file has tests of a flow, and none of them answers an ask of this flow. So no test can pass this ask, and nothing
after it is tested. Write a `reply` for it, or a `cassette`, in a test that gets there. A flow that a tested flow calls
counts as tested, too.

```flow bad
flow label(mail: text) {
  kind = ask "Spam? {{ mail }}" -> spam | fine
  reason = ask "Why? {{ mail }}" when kind == spam
  return { kind, reason }
}

test "a letter is fine" of label {
  mail = "See you on Monday"
  reply kind: fine
  expect kind == fine
}
```

```flow good
flow label(mail: text) {
  kind = ask "Spam? {{ mail }}" -> spam | fine
  reason = ask "Why? {{ mail }}" when kind == spam
  return { kind, reason }
}

test "a letter is fine" of label {
  mail = "See you on Monday"
  reply kind: fine
  expect kind == fine
}

test "an offer has a reason" of label {
  mail = "You have won"
  reply kind: spam
  reply reason: "It sells something"
  expect reason contains "sells"
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.callees import Imported
from ..checking.program import Flow, Program, Step
from ..checking.typed import Typed
from ..checking.units import Unit
from ..diagnostics import Diagnostic
from .lint import Lint

_Asking = tuple[Step, bool]
"""A step that asks, or the reduction of a block."""


def untested_ask(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    if not program.file.tests:
        return []
    # Most files have no tests.
    from ..checking.test_lines import setups_of, whole_lines
    from ..checking.tested_flow import TestedFlows

    unit = Unit("", program, typed, Imported())
    flows, setups = TestedFlows(unit), setups_of(program)
    tested: dict[Flow, None] = {}
    below: dict[Flow, list[Flow]] = {}
    answered: set[_Asking] = set()
    for test in program.file.tests:
        found = flows.of(test)
        if found is None:
            continue
        if found.flow not in below:
            below[found.flow] = list(_reached(unit, found.flow))
            tested |= dict.fromkeys(below[found.flow])
        lines = [one.line for one in whole_lines(test, setups, found)]
        if any(isinstance(line, s.Cassette) for line in lines):
            answered |= {asking for one in below[found.flow] for asking in _asking(one)}
        for line in lines:
            if isinstance(line, s.Reply):
                answered |= {(ask.step, ask.reduces) for ask in found.asks(line.path)}
    return [
        _finding(flow, step, reduces)
        for flow in program.flows
        if flow in tested
        for step, reduces in _asking(flow)
        if (step, reduces) not in answered
    ]


def _reached(unit: Unit, flow: Flow) -> Iterator[Flow]:
    """Yield a flow, and the flows of the same file that it calls."""
    todo, done = [flow], {flow}
    while todo:
        one = todo.pop()
        yield one
        for step in one.walk():
            callee = unit.typed.nodes.callees.get(step.line.node.number) if isinstance(step.line.node, s.Call) else None
            called = unit.flow(callee.name) if callee is not None and not callee.path else None
            if called is not None and called not in done:
                done.add(called)
                todo.append(called)


def _asking(flow: Flow) -> Iterator[_Asking]:
    from ..checking.test_paths import asks_of

    for step in flow.walk():
        node = step.line.node
        if isinstance(node, s.Ask):
            yield step, False
        elif isinstance(node, (s.Map, s.Repeat, s.Fanout)) and asks_of(node.reduce):
            yield step, True


def _finding(flow: Flow, step: Step, reduces: bool) -> Diagnostic:
    node = step.line.node
    span = node.reduce.rule.span if reduces and isinstance(node, (s.Map, s.Repeat, s.Fanout)) else step.span
    path = _path(step, reduces)
    return Diagnostic(
        "F0731",
        f"no test of `{flow.decl.name.text}` answers this ask",
        span,
        note="a test that comes to this ask cannot go on",
        help=f"write `reply {path}: …` in a test, or give a test a `cassette`",
    )


def _path(step: Step, reduces: bool) -> str:
    """Return the path of an ask as far as the names of the author go."""
    words = ["reduce"] if reduces else []
    one: Step | None = step
    while one is not None:
        words.append(one.own_name or "ask")
        one = one.parent
    return ".".join(reversed(words))


LINT = Lint("F0731", untested_ask)
