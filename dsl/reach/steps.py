"""Facts about single steps: the types of their answers, the functions that they call, and the votes that stand."""

from __future__ import annotations

from .. import plan as p
from .. import types as t
from .sites import Site


def answer_of(step: p.Step, kind: str) -> t.Type | None:
    node = step.node
    if isinstance(node, p.Ask):
        return node.answer
    if kind in ("reducer", "judge") and isinstance(node, (p.Map, p.Repeat, p.Fanout)):
        ask = node.reduce.deciding if kind == "judge" else node.reduce.ask
        return ask.answer if ask is not None else None
    return step.type


def may_be_free(type_: t.Type | None) -> bool:
    return not isinstance(type_, (t.Choice, t.Range)) and type_ != t.BOOL


def stands_of(vote: p.Step) -> int | None:
    reduce = vote.node.reduce if isinstance(vote.node, (p.Map, p.Repeat, p.Fanout)) else None
    given = reduce.args.get("stands") if reduce is not None else None
    return given.value if isinstance(given, p.Constant) and isinstance(given.value, int) else None


def called_title(site: Site) -> str:
    """Return the title of a step in quotes, or the name of the function that it calls."""
    name = extern_of(site.step)
    return f"`{name}`" if name else site.title


def extern_of(step: p.Step) -> str:
    """Return the name of the function that a step or its reducer calls; "" if there is none."""
    node = step.node
    if isinstance(node, p.ExternCall):
        return p.plain_name(node.extern)
    if isinstance(node, (p.Map, p.Repeat, p.Fanout)) and node.reduce.called is not None:
        return p.plain_name(node.reduce.called)
    return ""
