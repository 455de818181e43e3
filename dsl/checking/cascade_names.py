"""The stages of a cascade: the shape of their lines, and the name `last` for the value of the stage before."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..path_names import branch_names
from ..source import Span
from ..syntax.stage_words import LAST, bare_words
from .program import Mention, Scope, Step, Symbol


def is_stage(step: Step) -> bool:
    return step.parent is not None and isinstance(step.parent.line.node, s.Cascade)


def stages(step: Step, node: s.Cascade) -> Iterator[Step]:
    """Yield the stages of a cascade. Each but the first sees the value of the stage before as `last`."""
    inner = step.inner = Scope(step.scope)
    words = [line.name.text if line.name else f"stage{place}" for place, line in enumerate(node.body.lines, 1)]
    before: Step | None = None
    for line, made in zip(node.body.lines, branch_names(words), strict=True):
        name = line.name.text if line.name else made
        scope = Scope(inner)
        stage = Step(line, scope, step, branch=name)
        if before is not None:
            scope.symbols[LAST] = Symbol(LAST, "last", before.span, scope, before)
        if line.name is not None:
            inner.branches.setdefault(line.name.text, stage)
        before = stage
        yield stage


def shape_problems(step: Step, node: s.Cascade) -> Iterator[Diagnostic]:
    """Report a cascade that cannot go on, and stages that cannot be told apart."""
    lines = node.body.lines
    if len(lines) < 2:
        yield Diagnostic(
            "F0688",
            "this cascade has no second stage" if lines else "this cascade is empty",
            Span(node.span.source, node.span.start, node.span.start + len("cascade")),
            help="write `else` and the stage that runs next, `cascade { ask cheap … else ask strong … when … }`"
            + ("; for a single step write the step alone" if lines else ""),
        )
    if lines and (when := lines[0].when) is not None:
        fix = Fix("delete the condition", (Edit(with_blank(when.span), ""),), safe=False)
        yield Diagnostic(
            "F0688",
            "the first stage has no condition: no stage is before it",
            when.span,
            note="the condition of a stage says when the cascade goes on from the stage before",
            help="write the condition behind the stage that it leads to, "
            "or behind the cascade, as `chain { cascade { … } } when …`",
            fix=fix,
        )
    known: dict[str, s.Word] = {}
    for name in (line.name for line in lines if line.name is not None):
        if name.text in known:
            yield _taken(name.text, name.span, known[name.text].span, "first used here")
        elif (outer := step.scope.lookup(name.text)) is not None and outer.kind != "last":
            yield _taken(name.text, name.span, outer.span, "first declared here")
        known.setdefault(name.text, name)


def name_problems(stage: Step) -> Iterator[Diagnostic]:
    """Report words of a condition, or `last`, where the file also has a step or a parameter of that name."""
    outer = stage.parent.scope if stage.parent is not None else stage.scope
    if LAST in stage.scope.symbols and (other := outer.lookup(LAST)) is not None and other.kind != "last":
        for one in _mentions(stage):
            yield _taken(LAST, one.span, other.span, "first declared here")
            break
    for word in bare_words(stage.line.when.condition) if stage.line.when is not None else ():
        if (other := outer.lookup(word.text)) is not None:
            yield Diagnostic(
                "F0202",
                f"the name `{word.text}` has two meanings here",
                word.span,
                labels=(Label(other.span, "it is also declared here"),),
                note=f"in the condition of a stage `{word.text}` tells of the stage before",
                help="give the other one another name",
            )


def tells_of_before(stage: Step) -> bool:
    """Tell whether the condition of a stage mentions the stage before. Its words have `last` in them."""
    if stage.line.when is None:
        return False
    span = stage.line.when.condition.span
    inside = [one for one in _mentions(stage) if one.span.source is span.source]
    return any(span.start <= one.span.start < span.end for one in inside)


def _mentions(stage: Step) -> list[Mention]:
    own = stage.scope.symbols.get(LAST)
    return [one for inner in stage.walk() for one in inner.mentions if own is not None and one.symbol is own]


def _taken(name: str, span: Span, first: Span, label: str) -> Diagnostic:
    return Diagnostic(
        "F0202",
        f"the name `{name}` is taken",
        span,
        labels=(Label(first, label),),
        note="a name has only one meaning in its scope, so each mention is clear",
        help="choose another name for one of the two",
    )


def with_blank(span: Span) -> Span:
    """Return a span with the blanks before it."""
    text = span.source.text
    start = len(text[: span.start].rstrip(" "))
    return Span(span.source, start, span.end)
