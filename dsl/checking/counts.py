"""The number of a block's results, as far as the file decides it, and maps with too many elements or none."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog, Given, ReducerSpec
from ..diagnostics import Diagnostic, Label
from .folding import Folding
from .origins import origins
from .program import Step
from .typed import Typed

_FILL = "put an element into the list, or use a reducer that accepts an empty list, such as `collect` or `count`"


def numbers_of(step: Step, folding: Folding) -> Given:
    """Return the least and the greatest number of results that a block can have."""
    node = step.line.node
    match node:
        case s.Repeat(least, most):
            return Given(t.UNKNOWN, int(least.value), int(most.value))
        case s.Fanout():
            return Given(t.UNKNOWN, None, len(step.steps))
        case s.Map():
            counts = [folding.elements(step)[1], int(node.at_most.value) if node.at_most is not None else None]
            # A map over no elements is reported by ``counted_map``.
            return Given(t.UNKNOWN, None, min((count for count in counts if count is not None), default=None) or None)
    return Given(t.UNKNOWN)


def counted_map(step: Step, typed: Typed, catalog: Catalog) -> Iterator[Diagnostic]:
    """Report a map whose list is longer than its `at most`, and a map without elements whose reducer needs some."""
    node = step.line.node
    if not isinstance(node, s.Map):
        return
    folding = typed.folding
    spec = None if node.reduce.ask is not None else catalog.reducers.get(node.reduce.rule.text)
    ask = node.reduce.ask
    answer = t.UNKNOWN if ask is None else typed.nodes.answers.get(ask.number, t.UNKNOWN)
    least, most = folding.elements(step)
    allowed = node.at_most
    if allowed is not None and least > allowed.value >= 1:
        yield Diagnostic(
            "F0402",
            f"`at most {allowed.digits}` allows fewer elements than the list has: {least}",
            allowed.span,
            labels=_source(step, node, folding, f"{least} elements"),
            note="`at most` does not shorten the list: the map fails in every run, before its first call",
            help=f"write `at most {least}` or more, or delete `at most`",
        )
    if most == 0 and (failed := _of_nothing(node.reduce, spec, answer)):
        yield Diagnostic(
            "F0364",
            f"{failed}, and the list of this map is empty",
            node.reduce.rule.span,
            labels=_source(step, node, folding, "no elements"),
            note="the block fails in every run",
            help=_FILL,
        )


def _of_nothing(reduce: s.Reduce, spec: ReducerSpec | None, answer: t.Type) -> str:
    """Return the reason why a block without results fails, as the beginning of a sentence. "" if it does not fail."""
    if reduce.ask is not None:
        begins = reduce.rule.text == "fold" and bool(reduce.args)
        fits = begins or answer == t.UNKNOWN or t.may_be_empty(answer)
        return "" if fits else f"without results the value is `none`, which is not {t.show(answer)}"
    if spec is None or not (spec.needs or spec.votes):
        return ""
    return f"a vote by `{spec.name}` needs ballots" if spec.votes else f"`{spec.name}` needs results"


def _source(step: Step, node: s.Map, folding: Folding, text: str) -> tuple[Label, ...]:
    """Label the places in the file that determine the number of elements."""
    where = node.where
    if where is not None and folding.known(where, step.inner or step.scope) is False:
        return (
            Label(where.span, "this condition drops every element"),
            *origins(where, step.inner or step.scope, folding),
        )
    return (Label(node.source.span, text), *origins(node.source, step.scope, folding))
