"""Diagnostics as text for people."""

from __future__ import annotations

from collections.abc import Iterable

from .diagnostics import Diagnostic, Label
from .safe_text import inert, one_line
from .source import Span

WIDEST = 160
_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "place": "\x1b[1;34m",
    "help": "\x1b[1;32m",
    "bold": "\x1b[1m",
}


def render_diagnostic(diagnostic: Diagnostic, *, colour: bool = False) -> str:
    """Render one problem: code and message, its lines with carets under them, the reason and the way out."""
    paint = _painter(colour)
    severity = diagnostic.severity
    head = paint(severity, f"{severity}[{diagnostic.code}]") + paint("bold", f": {inert(diagnostic.message)}")
    width = max(len(str(place.line)) for place in [diagnostic.span, *(label.span for label in diagnostic.labels)])
    gutter = " " * width
    lines = [
        head,
        f"{gutter}{paint('place', '-->')} {one_line(str(diagnostic.span))}",
        f"{gutter} {paint('place', '|')}",
    ]
    here: list[Label] = []
    elsewhere: list[Label] = []
    for label in diagnostic.labels:
        (here if label.span.source is diagnostic.span.source else elsewhere).append(label)
    primary = Label(diagnostic.span, diagnostic.label)
    shown = 0
    for label in sorted([primary, *here], key=lambda label: label.span.line):
        mark, style = ("^", severity) if label is primary else ("-", "place")
        snippet = _snippet(label, mark, style, width, paint)
        lines += snippet[1:] if label.span.line == shown and len(snippet[0]) < WIDEST else snippet
        shown = label.span.line
    for label in elsewhere:
        lines.append(f"{gutter}{paint('place', ':::')} {one_line(str(label.span))}")
        lines += _snippet(label, "-", "place", width, paint)
    if diagnostic.note or diagnostic.help or diagnostic.fix:
        lines.append(f"{gutter} {paint('place', '|')}")
    if diagnostic.note:
        lines.append(f"{gutter} {paint('place', '=')} note: {inert(diagnostic.note)}")
    fix = diagnostic.fix
    # A fix that --fix makes is shown as a fix; a fix for a person to judge is shown as help.
    mends = fix is not None and fix.safe
    help = diagnostic.help or (fix.title if fix and not mends else "")
    if help and not (fix and mends and fix.title == help):
        lines.append(f"{gutter} {paint('place', '=')} {paint('help', 'help')}: {inert(help)}")
    if fix and mends:
        lines.append(f"{gutter} {paint('place', '=')} {paint('help', 'fix')}: {inert(fix.title)}")
    return "\n".join(lines)


def render_diagnostics(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """Write problems as text, as ``render_diagnostic`` does, with an empty line between two."""
    return "\n\n".join(render_diagnostic(diagnostic, colour=colour) for diagnostic in diagnostics)


def render_excerpt(
    head: str, span: Span, label: str, notes: Iterable[tuple[str, str]] = (), *, colour: bool = False
) -> str:
    """Render a message about a part of a source that is no diagnostic: its line with carets, and notes below it."""
    paint = _painter(colour)
    gutter = " " * len(str(span.line))
    bar = paint("place", "|")
    lines = [
        paint("error", inert(head)),
        f"{gutter}{paint('place', '-->')} {one_line(str(span))}",
        f"{gutter} {bar}",
        *_snippet(Label(span, label), "^", "error", len(gutter), paint),
    ]
    notes = tuple(notes)
    if notes:
        lines.append(f"{gutter} {bar}")
    for word, text in notes:
        named = f"{paint('help', word)}: " if word else ""
        lines.append(f"{gutter} {paint('place', '=')} {named}{inert(text)}")
    return "\n".join(lines)


def _snippet(label: Label, mark: str, style: str, width: int, paint: _Paint) -> list[str]:
    span = label.span
    text, column, length = _visible(span)
    number = str(span.line).rjust(width)
    under = " " * column + paint(style, mark * length + (f" {inert(label.text)}" if label.text else ""))
    bar = paint("place", "|")
    return [f"{paint('place', number)} {bar} {text}".rstrip(), f"{' ' * width} {bar} {under}"]


def _visible(span: Span) -> tuple[str, int, int]:
    """Return the line of a span with tabs and controls made visible, and the start and number of its marks."""
    line = span.source.line(span.line)
    start = span.column - 1
    end = min(start + max(span.end - span.start, 1), max(len(line), start + 1))
    first = max(0, start - WIDEST // 2) if len(line) > WIDEST else 0
    last = min(len(line), first + WIDEST)
    end = min(end, max(last, start + 1))
    before, marked, after = line[first:start], line[start:end], line[end:last]
    shown_before, shown_marked = _shown(before), _shown(marked)
    head = "…" if first else ""
    tail = "…" if last < len(line) else ""
    return (
        head + shown_before + shown_marked + _shown(after) + tail,
        len(head + shown_before),
        max(len(shown_marked), 1),
    )


def _shown(text: str) -> str:
    return "".join("    " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class _Paint:
    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, style: str, text: str) -> str:
        return f"{_COLOURS[style]}{text}\x1b[0m" if self.colour and text else text


def _painter(colour: bool) -> _Paint:
    return _Paint(colour)
