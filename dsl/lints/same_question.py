"""Two steps send the same prompt to the same model with the same options, so one answer is paid twice. Mostly the
second step is a copy that was meant to be changed. Blanks and line ends make no difference. Change one of the two, or
mention the first answer in both places. If several answers to one question are wanted, write `repeat 3 { … }`, with a
reducer that combines them.

```flow bad
flow weigh(plan: text) {
  views = fanout {
    pro = ask "What speaks for this? {{ plan }}"
    con = ask "What speaks for this? {{ plan }}"
  } reduce collect
  return views
}
```

```flow good
flow weigh(plan: text) {
  views = fanout {
    pro = ask "What speaks for this? {{ plan }}"
    con = ask "What speaks against this? {{ plan }}"
  } reduce collect
  return views
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Scope, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import Costs, walk


def same_question(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    costs = Costs(program, catalog)
    prints = _Prints()
    for flow in program.flows:
        # Within one scope a name always means the same, so equal texts mean equal prompts.
        first: dict[tuple[Scope, int], Step] = {}
        marks: dict[Step, int] = {}
        for step in reversed(list(walk(flow))):
            marks[step] = prints.of(step, marks)
        for step in walk(flow):
            one = first.setdefault((step.scope, marks[step]), step)
            if one is not step and costs.pays(step):
                found.append(_finding(step, one))
    return found


def _finding(step: Step, one: Step) -> Diagnostic:
    name = f"`{step.title}`" if step.symbol else "this line"
    known = f"`{one.title}`" if one.symbol else one.title
    return Diagnostic(
        "F0709",
        f"{name} sends the same prompt as {known}",
        step.span,
        labels=(Label(one.span, "first sent here"),),
        note="model and options are the same too, and each call costs money",
        help=(f"mention {known} in both places" if one.symbol else "ask once, and give the step a name")
        + ", or change one of the two; for several answers write `repeat 2 { … }`",
    )


class _Prints:
    """Numbers that identify the content of steps.

    Two steps get the same number if they differ only in their own names and in blanks.
    """

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def of(self, step: Step, inner: dict[Step, int]) -> int:
        """Return the number of a step. ``inner`` has the numbers of the steps inside it."""
        line = step.line
        node: object = line.node
        body = tuple((part.line.name, inner[part]) for part in step.steps)
        match line.node:
            case s.Ask() as ask:
                node = _ask(ask)
            case s.Fanout(_, reduce):
                node = (s.Fanout, body, _reduce(reduce))
            case s.Map(element, source, where, at_most, _, reduce, index=index):
                node = (s.Map, element, index, source, where, at_most, body, _reduce(reduce))
            case s.Repeat(least, most, _, reduce, element=element, over=over):
                node = (s.Repeat, least, most, element, over, body, _reduce(reduce))
            case s.Chain():
                node = (s.Chain, body)
            case s.Cascade():
                node = (s.Cascade, *((inner[part], part.line.when) for part in step.steps))
            case s.Match(value, _, classes):
                node = (s.Match, value, classes, body)
            case s.Rounds(most, _, until, otherwise, by):
                node = (s.Rounds, most, until, otherwise, by, body)
        key = (node, _options(line.options), line.when)
        return self._numbers.setdefault(key, len(self._numbers))


def _ask(ask: s.Ask) -> object:
    messages = tuple((part.role, " ".join(part.template.value.split())) for part in ask.messages)
    return (s.Ask, ask.model, messages, ask.answer, ask.prompt, ask.check)


def _reduce(reduce: s.Reduce) -> object:
    asked = _ask(reduce.ask) if reduce.ask is not None else None
    return (reduce.rule, reduce.args, asked, reduce.count, _options(reduce.options))


def _options(options: tuple[s.Option, ...]) -> object:
    return tuple(sorted(options, key=lambda option: option.name.text))


LINT = Lint("F0709", same_question)
