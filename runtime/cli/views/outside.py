"""The view of what a run took from outside: the values of its externs, and the files that it read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from flowrun.dsl import plan as p

from ...plans.run_calls import RunCalls
from ...reads.places import names_read
from ...vocabulary.amounts import count_text, size_text, time_text
from ...vocabulary.call_path import CallPath
from ...vocabulary.quoting import inert, json_text, one_line
from ...vocabulary.run_record import ExternRecord, FileRecord, OutsideRecord
from .screen import Screen


def outside_at(calls: RunCalls, path: CallPath | None) -> OutsideRecord:
    """Return what the steps at a path, and those inside them, took from outside; without a path, the whole run.

    The journal does not tell which step read a file. So a step has the files that its text names; a step that computes
    a path has all files that no step names.
    """
    whole = calls.record.end.outside
    if path is None:
        return whole
    externs = tuple(
        one
        for one, segments in zip(whole.externs, calls.externs, strict=True)
        if path.holds(segments) or path.holds(segments, labels=True)
    )
    steps = calls.node(path)
    nodes = [] if not steps else [one for one in calls.naming.inside(steps[:-1]) if one.name == steps[-1]]
    named: set[str] = set()
    computed = False
    for node in nodes:
        if node.step is not None:
            names, dynamic = names_read(p.as_data(_alone(calls.record.plan, node.step)))
            named.update(names)
            computed |= dynamic
    elsewhere = set(names_read(p.as_data(calls.record.plan))[0])
    files = tuple(one for one in whole.files if one.path in named or (computed and one.path not in elsewhere))
    return OutsideRecord(externs, files)


def _alone(plan: p.Plan, step: p.Step) -> p.Plan:
    """Return a plan with one step, and the flows that it calls."""
    called = {one.node.flow for one in p.walk_steps((step,)) if isinstance(one.node, p.FlowCall)}
    flows = {name: flow for name, flow in plan.flows.items() if name in called}
    return replace(plan, steps=(step,), flows=flows, result=p.Constant(None))


def outside_lines(found: OutsideRecord, calls: RunCalls, screen: Screen) -> Iterator[str]:
    """Yield the lines about externs and files, with their values and contents."""
    for extern in found.externs:
        yield ""
        yield screen.paint(f"── {one_line(calls.path_of(extern.path))} = {one_line(extern.function)}(…)", "dim")
        yield from _extern_lines(extern)
    for file in found.files:
        yield ""
        yield screen.paint(f"── {'pattern' if file.pattern else 'file'} {one_line(file.path)}", "dim")
        yield from _file_lines(file, screen)


def count_lines(found: OutsideRecord) -> Iterator[str]:
    """Yield the line of a whole run about what it took from outside."""
    parts = []
    if found.externs:
        parts.append(count_text(len(found.externs), "value") + " of Python functions")
    if found.files:
        parts.append(f"{count_text(len(found.files), 'file')} read")
    if parts:
        yield f"from outside: {', '.join(parts)}; `flowrun show RUN STEP` shows them"


def outside_json(found: OutsideRecord, calls: RunCalls) -> dict[str, Any]:
    """Return the values of externs and the files as JSON data. What the journal does not have is null."""
    return {
        "externs": [
            {
                "path": calls.path_of(one.path),
                "function": one.function,
                "value": one.value,
                "error": one.error or None,
                "size": one.size if one.sha256 else None,
                "sha256": one.sha256 or None,
                "began": one.began,
                "ended": one.ended,
            }
            for one in found.externs
        ],
        "files": [
            {**asdict(one), "error": one.error or None} | ({"size": None, "sha256": None} if one.error else {})
            for one in found.files
        ],
    }


def _extern_lines(one: ExternRecord) -> Iterator[str]:
    if one.began is not None and one.ended is not None:
        yield f"time      {time_text(one.ended - one.began)}"
    if one.error:
        yield f"error     {one_line(one.error)}"
    if one.sha256:
        yield f"value     not in the journal: {size_text(one.size)} of JSON, SHA-256 {one_line(one.sha256)}"
    elif not one.error:
        yield from _text_of(one.value if isinstance(one.value, str) else json_text(one.value))


def _file_lines(file: FileRecord, screen: Screen) -> Iterator[str]:
    if file.error:
        yield f"error     {one_line(file.error)}"
        return
    yield f"size      {size_text(file.size)}"
    yield f"SHA-256   {one_line(file.sha256)}"
    if file.content is None:
        yield "content   not shown: the journal does not have it, or it is no text"
        return
    lines = list(_text_of(file.content))
    most = len(lines) if screen.height is None else max(6, screen.height - 6)
    yield from lines[:most]
    if len(lines) > most:
        yield screen.paint(
            f"… and {count_text(len(lines) - most, 'more line')}; a pipe, such as `| less`, gets all", "dim"
        )


def _text_of(text: str) -> Iterable[str]:
    return inert(text).split("\n")
