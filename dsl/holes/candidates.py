"""The candidates of a hole that the file gives none: those that make sense in its place, from cheap to dear."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .. import syntax as s
from ..syntax.stage_words import as_written
from .walk import Found

FIGURES = frozenset({"agreement", "margin", "sure"})
"""The figures of a vote or of an answer that a condition compares with a number."""
_SAMPLES = ("3", "5", "9", "15", "21", "40")
_BY_RULE = {"ahead": ("1", "2", "3", "4", "5"), "window": ("2", "3", "4", "5")}
_BY_NAME = {"confidence": ("0.8", "0.9", "0.95", "0.98", "0.99"), "risk": ("0.2", "0.1", "0.05", "0.01")}
_SURE = ("0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.99")
_SHARES = ("0.5", "0.6", "0.7", "0.8", "0.9", "1")
_NEVER, _ALWAYS = "0", "2"
"""No share is below 0, and each is below 2: the two ends of a condition."""
_FEW = 12
"""A vote of at most so many samples has all its shares as candidates."""


def usual(found: Found, file: s.File) -> tuple[str, ...]:
    """Return the candidates of a hole by its place, as they are written; () if the place has none."""
    match found.around:
        case (*_, s.Repeat() as repeat):
            return _samples(repeat, found.hole)
        case (*_, s.Reduce(rule), s.Arg(None)):
            return _quorums(found) if rule.text == "quorum" else _leads(found, _BY_RULE.get(rule.text, ()))
        case (*_, s.Reduce(), s.Arg(s.Word(name))):
            return _BY_NAME.get(name, ())
        case (*_, s.Binary("<" | "<=" | ">" | ">=") as comparison):
            shares = _shares(comparison, found, file)
            # A step that runs below a share runs more often with a higher one.
            below = comparison.operator.startswith("<") == (comparison.right is found.hole)
            return shares if below else shares[::-1]
    return ()


def figure_of(expr: Any) -> str:
    """Return the figure of a vote that an expression is, such as `agreement(x)`; "" for any other expression."""
    match expr:
        case s.Call(s.Word(name), _) | s.Name(s.Word(name)) if name in FIGURES:
            return name
    return ""


def _samples(repeat: s.Repeat, hole: s.Hole) -> tuple[str, ...]:
    if repeat.most is not hole:
        return ()
    if repeat.least is hole:
        return _SAMPLES
    if isinstance(repeat.least, s.Hole):
        return ()
    return tuple(one for one in _SAMPLES if int(one) > repeat.least.value)


def _leads(found: Found, usual_ones: tuple[str, ...]) -> tuple[str, ...]:
    """Return the leads that a vote can have, whichever number of samples is chosen."""
    repeat = found.inner(s.Repeat)
    if repeat is None or found.around[-3] is not repeat:
        return usual_ones
    most = [repeat.most]
    if isinstance(repeat.most, s.Hole):
        most = [*repeat.most.values] or [s.Number(one, "", repeat.most.span) for one in _samples(repeat, repeat.most)]
    fewest = min((one.value for one in most if isinstance(one, s.Number)), default=0)
    return tuple(one for one in usual_ones if int(one) <= fewest)


def _quorums(found: Found) -> tuple[str, ...]:
    """Return the quorums of more than half of the results, if the file tells their number."""
    repeat, fanout = found.inner(s.Repeat), found.inner(s.Fanout)
    block = found.around[-3]
    count = 0
    if block is repeat and repeat is not None and not isinstance(repeat.most, s.Hole):
        count = int(repeat.most.value)
    elif block is fanout and fanout is not None:
        count = len(fanout.body.lines)
    return tuple(str(one) for one in range(count // 2 + 1, count + 1)) if count <= _FEW else ()


def compared(comparison: s.Binary, hole: s.Hole) -> s.Expr:
    """Return what a hole is compared with, as it is written."""
    return as_written(comparison.right if comparison.left is hole else comparison.left)


def _shares(comparison: s.Binary, found: Found, file: s.File) -> tuple[str, ...]:
    other = compared(comparison, found.hole)
    figure = figure_of(other)
    if not figure:
        return ()
    if figure == "sure":
        return (_NEVER, *_SURE, _ALWAYS)
    count = _votes(other, found, file)
    if figure == "margin":
        return tuple(map(str, range(count + 2))) if count else ()
    # A share is rounded down, so that a vote with exactly this share is not below it.
    shares = [f"{int(100 * one / count) / 100:g}" for one in range(1, count + 1)] if count else _SHARES
    return tuple(dict.fromkeys((_NEVER, *shares, _ALWAYS)))


def _votes(figure: Any, found: Found, file: s.File) -> int:
    """Return the number of samples of the vote whose figure is compared; 0 if it may differ or is large."""
    match figure:
        case s.Call(_, (s.Arg(None, s.Name(s.Word(name))),)):
            repeats = list(_repeats(file, name))
        case s.Name():
            repeats = _stage_before(found)
        case _:
            return 0
    counts = {repeat.most.value if _fixed(repeat) else 0 for repeat in repeats}
    count = int(counts.pop()) if len(counts) == 1 else 0
    return count if count <= _FEW else 0


def _stage_before(found: Found) -> list[s.Repeat]:
    """Return the stage before the one whose condition has a hole, if it is a repeat."""
    cascade = found.inner(s.Cascade)
    lines = () if cascade is None else cascade.body.lines
    before = [one for one, line in pairwise(lines) if line in found.around]
    return [one.node for one in before if isinstance(one.node, s.Repeat)]


def _fixed(repeat: s.Repeat) -> bool:
    return repeat.least is repeat.most and not isinstance(repeat.most, s.Hole)


def _repeats(part: Any, name: str) -> Iterator[s.Repeat]:
    """Yield the repeats that steps of a name are."""
    for flow in part.flows:
        todo: list[Any] = [flow.body]
        while todo:
            body = todo.pop()
            for line in body.lines:
                if isinstance(line.node, s.Repeat) and line.name is not None and line.name.text == name:
                    yield line.node
                if inside := getattr(line.node, "body", None):
                    todo.append(inside)
