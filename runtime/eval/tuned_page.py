"""The page of a tuning: one HTML file that loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ..pages.assembly import assemble
from ..pages.markup import safe, table
from ..vocabulary.quoting import one_line
from .tuned import Tuned
from .tuned_words import heads, percent, table_row, unfinished, verdict


def tuned_page(name: str, found: Tuned, lines: Sequence[tuple[int, str]]) -> str:
    """Make the page of a tuned flow. ``lines`` are those to write, by number. All foreign text in it is inert."""
    return assemble(
        {"title": safe(f"{name} · tuning"), "body": "".join(_body(name, found, lines))}, frame="plain.html", scripts=()
    )


def _body(name: str, found: Tuned, lines: Sequence[tuple[int, str]]) -> Iterator[str]:
    yield f"<h1>{safe(name)}</h1>"
    measure = "labels" if found.labelled else "rows without labels"
    yield (
        f'<p class="quiet">Tuning with {found.rows:,} {measure}: at most {percent(found.lose)} of the answers may be '
        f"lost, {percent(found.sure)} sure.</p>"
    )
    for line in verdict(found):
        yield f"<p>{safe(line)}</p>"
    if found.found:
        written = "\n".join(f"{number:>4} | {one_line(line)}" for number, line in lines)
        yield f"<h2>The line{'s' if len(lines) > 1 else ''} to write</h2><pre>{escape(written)}</pre>"
    yield "<h2>The settings, from the dearest to the cheapest</h2>"
    rows = ((*table_row(found, one), found.tries[one.place].run) for one in found.judged)
    yield f'<div class="wide">{table((*heads(found)[:-1], "end", "run"), rows)}</div>'
    if found.left:
        yield f"<p>{safe(unfinished(found))}</p>"
