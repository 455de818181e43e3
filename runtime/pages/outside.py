"""The part of a page about what a run took from outside: values of Python functions, and files that it read.

It is plain HTML, so that a reader without JavaScript sees it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..plans.step_paths import PathNames
from ..vocabulary.amounts import count_text, size_text, time_text
from ..vocabulary.quoting import inert, json_text
from ..vocabulary.run_record import ExternRecord, FileRecord, RunRecord
from .markup import safe

_ROWS = 500
"""The most values, and the most files, on a page."""
_ONE, _ALL = 20_000, 1_000_000
"""The most characters of one text, and of all texts together."""


def outside_html(record: RunRecord, *, texts: bool) -> str:
    """Write what a run took from outside. Without ``texts``, only the numbers of values and files are told."""
    outside = record.end.outside
    counts = []
    if outside.externs:
        counts.append(f"{count_text(len(outside.externs), 'value')} of Python functions")
    if outside.files:
        counts.append(f"{count_text(len(outside.files), 'file')} read")
    if not counts:
        return ""
    parts = [f"<h2>From outside</h2><p>{escape(', '.join(counts))}</p>"]
    if texts:
        names = PathNames(record.plan)
        rows = [*(_extern(one, names) for one in outside.externs[:_ROWS]), *map(_file, outside.files[:_ROWS])]
        parts += _details(rows)
        if (more := sum(max(0, len(one) - _ROWS) for one in (outside.externs, outside.files))) > 0:
            parts.append(f"<p>and {more:,} more; <code>flowrun show --json</code> has all</p>")
    return "".join(parts)


def _details(rows: list[tuple[str, str]]) -> Iterator[str]:
    left = _ALL
    for head, text in rows:
        kept = text[: min(_ONE, left)]
        left -= len(kept)
        end = "" if len(kept) == len(text) else f"… and {count_text(len(text) - len(kept), 'more character')}"
        yield f"<details><summary>{safe(head)}</summary><pre>{escape(inert(kept))}{end}</pre></details>"


def _extern(one: ExternRecord, names: PathNames) -> tuple[str, str]:
    """Return the head and the text of a value."""
    took = "" if one.began is None or one.ended is None else f", {time_text(one.ended - one.began)}"
    text = one.value if isinstance(one.value, str) else json_text(one.value)
    if one.sha256:
        text = f"not in the journal: {size_text(one.size)} of JSON, SHA-256 {one.sha256}"
    return f"{names.of(one.path)} = {one.function}(…){took}", f"error: {one.error}" if one.error else text


def _file(file: FileRecord) -> tuple[str, str]:
    if file.error:
        return f"file {file.path}", f"error: {file.error}"
    head = f"{'pattern' if file.pattern else 'file'} {file.path}, {size_text(file.size)}, SHA-256 {file.sha256}"
    return head, "the journal does not have its content, or it is no text" if file.content is None else file.content
