"""Asks that a person answers: `ask human "…"`. The word means a person wherever no name `human` is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic
from .program import Scope

HUMAN = "human"
PLANNED = "ask human"
"""The name of a person in the tree of a plan. No flow can declare it."""
OPTIONS = frozenset({"timeout"})
"""The options that an ask of a person may have."""


def asks_person(ask: s.Ask, scope: Scope) -> bool:
    """Tell whether a person answers an ask. A name `human` that the file declares wins."""
    model = ask.model
    if not isinstance(model, s.Name):
        return False
    return model.word.text == PLANNED or (model.word.text == HUMAN and scope.lookup(HUMAN) is None)


def no_model_help(ask: s.Ask, scope: Scope) -> str:
    """Return the help for an ask whose model is no model: a step called `human`, the item of a list, or a value."""
    symbol = scope.lookup(ask.model.word.text) if isinstance(ask.model, s.Name) else None
    if symbol is not None and symbol.name == HUMAN and symbol.kind in ("step", "branch"):
        return "give the step another name: `ask human` asks a person"
    node = symbol.step.line.node if symbol is not None and symbol.kind == "element" and symbol.step else None
    source = node.over if isinstance(node, s.Repeat) else node.source if isinstance(node, s.Map) else None
    if source is not None:
        return f"name only declared models in `{source.span.text}`, or send the item in the prompt of a model"
    return 'declare a model at the top of the file: `model NAME = "provider:name"`'


def offered(written: s.TypeExpr | None) -> tuple[s.Word | s.String, ...] | None:
    """Return the words of `yes | no | text`, which offers words and takes any other text. None for other types."""
    if not isinstance(written, s.TypeChoice):
        return None
    words = tuple(one for one in written.options if not (isinstance(one, s.Word) and one.text == t.TEXT.kind))
    return words if words and len(words) == len(written.options) - 1 else None


def refused_check(ask: s.Ask) -> Iterator[Diagnostic]:
    """Report the check of an ask that a person answers."""
    if ask.check is not None:
        yield Diagnostic(
            "F0633",
            "the answer of a person is not checked",
            ask.check.span,
            note="a person may decide as they like, and flowrun asks one question once",
            help="delete the check, narrow the type, or let a `match` or a `when` decide about the answer",
        )


def refused_options(options: Iterable[s.Option], inherited: Collection[int]) -> Iterator[Diagnostic]:
    """Report the options of an ask that a person cannot follow.

    ``inherited`` has the places of the options that stand at the flow. Those are for models, and no mistake.
    """
    for option in options:
        if option.name.text not in OPTIONS and option.span.start not in inherited:
            yield Diagnostic(
                "F0660",
                f"`{option.name.text}` is an option for a model, and a person answers here",
                option.name.span,
                note="flowrun asks a person again until the answer fits, and one question goes to one person",
                help="delete the option; a person takes `timeout` alone",
            )


def refused_messages(ask: s.Ask) -> Iterator[Diagnostic]:
    """Report the parts of a dialogue. A person reads a single text."""
    if any(message.role is not None for message in ask.messages):
        roles = [message.role for message in ask.messages if message.role is not None]
        yield Diagnostic(
            "F0661",
            "a person reads one text, without the parts of a dialogue",
            roles[0].span,
            help='write the question as one text, `ask human "…"`',
        )
