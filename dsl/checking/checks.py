"""The checks of answers: `ask "…" -> Draft check length(draft.text) <= 140`."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..diagnostics import Diagnostic
from ..path_names import ANSWER
from ..syntax.children import children
from ..templates.read import read_template
from .expressions import Expressions
from .origins import origins
from .program import Program, Scope, Step
from .typed import Typed
from .verdicts import Verdicts


def checks(program: Program) -> Iterator[tuple[Step, s.Check, Scope]]:
    """Yield the checks of a file, each with its step and the scope that it sees."""
    for flow in program.flows:
        for step in flow.walk():
            if step.check_scope is not None and (found := step.asks) is not None and found[0].check is not None:
                yield step, found[0].check, step.check_scope


def check_checks(program: Program, catalog: Catalog, typed: Typed, expressions: Expressions) -> None:
    """Check all checks: their types, and that each can hold and says something about its answer."""
    verdicts = Verdicts(typed)
    for step, check, scope in checks(program):
        known = len(expressions.problems)
        expressions.expect(check.condition, scope, t.BOOL, "`check`")
        if len(expressions.problems) > known:
            continue
        typed.problems.extend(_reads(check.condition, catalog))
        if not _mentions_answer(check.condition, scope):
            typed.problems.append(_nothing(step, check, scope))
        elif verdicts.of(check.condition, scope) is False:
            typed.problems.append(_never(check, scope, typed))


def no_check(ask: s.Ask) -> Iterator[Diagnostic]:
    """Report the check of an ask that decides for a reducer."""
    if ask.check is not None:
        yield Diagnostic(
            "F0633",
            "the reducer sets what this ask answers, so there is nothing to check",
            ask.check.span,
            help="delete the check, and write what counts into the prompt",
        )


def _reads(condition: s.Expr, catalog: Catalog) -> Iterator[Diagnostic]:
    for one in _parts(condition):
        spec = catalog.functions.get(one.function.text) if isinstance(one, s.Call) and one.prefix is None else None
        if spec is not None and spec.reads:
            yield Diagnostic(
                "F0632",
                f"`{spec.name}` reads a file, and a check only calculates",
                one.span,
                help=f"read the file in a step of its own, `source = {spec.name}(…)`, and mention the step here",
            )


def _mentions_answer(condition: s.Expr, scope: Scope) -> bool:
    for one in _parts(condition):
        names = [one.word.text] if isinstance(one, s.Name) else []
        if isinstance(one, s.Template) and not isinstance(template := read_template(one.string), list):
            names = [mention.name for mention in template.mentions]
        if any((symbol := scope.lookup(name)) is not None and symbol.kind == "answer" for name in names):
            return True
    return False


def _parts(condition: s.Expr) -> Iterator[s.Expr]:
    todo: list[s.Expr | s.Ask] = [condition]
    while todo:
        one = todo.pop()
        if not isinstance(one, s.Ask):
            yield one
            todo.extend(children(one))


def _nothing(step: Step, check: s.Check, scope: Scope) -> Diagnostic:
    taken = scope.lookup(ANSWER)
    if step.line.name is not None and not step.branch:
        help = f"mention the answer by the name of its step: `check length({step.line.name.text}) <= 140`"
    elif taken is not None and taken.kind != "answer":
        named = "write the branch as `chain { x = ask … check … }`" if step.branch else "give the ask a name"
        help = f"{named} and mention that, because `{ANSWER}` already is another value here"
    else:
        help = f"mention the answer: `check length({ANSWER}) <= 140`"
    return Diagnostic(
        "F0631",
        "this check mentions nothing of the answer",
        check.condition.span,
        note="it would say the same of every answer, so no further answer could change it",
        help=help + "; for a condition on other values write `when`",
    )


def _never(check: s.Check, scope: Scope, typed: Typed) -> Diagnostic:
    return Diagnostic(
        "F0630",
        "this check can never hold",
        check.condition.span,
        labels=origins(check.condition, scope, typed.folding),
        note="each answer would be refused, and the step would fail after its last call",
        help="compare with a value that the type of the answer allows",
    )
