"""The parts of a checked file that tests should reach. ``KINDS`` has one function for each kind of part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import syntax as s
from ..checked import Checked
from ..checking.program import Step
from ..source import Span
from .answers import answers
from .home import CoverageItem, CoverageMark, Home, Kind, asks_in

RETRIED = "retries"
LOST = "errors"
REPLACED = "else"
HOLDS, FAILS = "when", "skip"
GOOD, NEVER_GOOD = "until", "rounds"


def _asks(home: Home) -> Iterator[CoverageItem]:
    for step in home.steps:
        for part, ask in asks_in(step):
            said = f"no test {'needs the decision of' if part == 'decide' else 'asks'} `{home.path(step, part)}`"
            yield home.item(home.mark(step, part), "ask", ask.span, said)


def _branches(home: Home) -> Iterator[CoverageItem]:
    for step in home.steps:
        when = step.line.when
        if when is None:
            continue
        path, otherwise = home.paths[step], when.otherwise
        runs, skips = home.mark(step, HOLDS), home.mark(step, FAILS)
        yield _branch(when.span, (runs, skips), f"no test runs `{path}`", "the condition never holds")
        span = when.span if otherwise is None else otherwise.span
        said = f"no test skips `{path}`" if otherwise is None else f"no test takes the `else` of `{path}`"
        yield _branch(span, (skips, runs), said, "the condition always holds")


def _branch(
    span: Span, marks: tuple[CoverageMark, CoverageMark], said: str, why: str, kind: Kind = "branch"
) -> CoverageItem:
    own, other = marks
    untried = f"{said}: no test comes to its condition"
    return CoverageItem(own, kind, span.line, span.column, f"{said}: {why}", other, untried)


def _rounds(home: Home) -> Iterator[CoverageItem]:
    for step in home.steps:
        node = step.line.node
        if not isinstance(node, s.Rounds):
            continue
        path, span = home.paths[step], node.until.span
        good, never = home.mark(step, GOOD), home.mark(step, NEVER_GOOD)
        yield _branch(span, (good, never), f"no test ends the rounds of `{path}`", "the condition never holds", "round")
        yield _branch(
            span, (never, good), f"no test uses up the rounds of `{path}`", "the condition always holds", "round"
        )


def _policies(home: Home) -> Iterator[CoverageItem]:
    for model in home.checked.file.models:
        if model.fallback is not None:
            name = model.name.text
            mark = home.model_mark(name, REPLACED)
            said = f"no test comes to the other model of `{name}`"
            yield home.item(mark, "policy", model.fallback.span, said)
        yield from _retried_model(home, model)
    for step in home.steps:
        for option in step.line.options:
            if option.name.text == LOST and not _is(option.value, "fail"):
                said = f"no test loses an element of `{home.paths[step]}`"
                yield home.item(home.mark(step, LOST), "policy", option.span, said)
        for part, option in retry_options(step):
            if any(True for _ in retrying(step, part)):
                said = f"no test makes a call of `{home.paths[step]}` again"
                yield home.item(home.mark(step, RETRIED, part), "policy", option.span, said)


def _retried_model(home: Home, model: s.ModelDecl) -> Iterator[CoverageItem]:
    for option in model.options:
        if option.name.text == RETRIED and not _none(option.value):
            said = f"no test makes a call of the model `{model.name.text}` again"
            yield home.item(home.model_mark(model.name.text, RETRIED), "policy", option.span, said)


def _is(value: s.Expr | s.Ask, word: str) -> bool:
    return isinstance(value, s.Name) and value.word.text == word


def _none(value: s.Expr | s.Ask) -> bool:
    return isinstance(value, s.Number) and not value.value


def retry_options(step: Step) -> Iterator[tuple[str, s.Option]]:
    """Yield the `retries` that a line sets, for itself ("") and for its reducer ("reduce"), if they are not 0."""
    node = step.line.node
    reduce = node.reduce.options if isinstance(node, s.Map | s.Repeat | s.Fanout) else ()
    for part, options in (("", step.line.options), ("reduce", reduce)):
        for option in options:
            if option.name.text == RETRIED and not _none(option.value):
                yield part, option


def retrying(step: Step, part: str = "") -> Iterator[tuple[Step, str]]:
    """Yield the asks for which the `retries` of a line hold: its own, and those inside it that set none themselves."""
    for own, _ in asks_in(step):
        if part == "" or own != "ask":
            if part == "" and own != "ask" and _sets_own(step, reduce=True):
                continue
            yield step, own
    for inner in step.steps if part == "" else ():
        if not _sets_own(inner):
            yield from retrying(inner)


def _sets_own(step: Step, *, reduce: bool = False) -> bool:
    node = step.line.node
    options = node.reduce.options if reduce and isinstance(node, s.Map | s.Repeat | s.Fanout) else step.line.options
    return any(option.name.text == RETRIED for option in options)


KINDS: dict[Kind, Callable[[Home], Iterator[CoverageItem]]] = {
    "ask": _asks,
    "branch": _branches,
    "round": _rounds,
    "policy": _policies,
    "answer": answers,
}
"""The kinds of parts, with the function that finds those of a file."""


def coverage_items(checked: Checked) -> tuple[CoverageItem, ...]:
    """Return the parts of a file that tests should reach, in the order of the file."""
    home = Home(checked)
    found = [item for find in KINDS.values() for item in find(home)]
    return tuple(sorted(found, key=lambda item: item.line))
