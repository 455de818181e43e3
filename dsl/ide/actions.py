"""The changes that an editor offers: fixes, guesses, all safe fixes, and comments that silence a warning."""

from __future__ import annotations

from collections.abc import Iterator

from ..check import Load, examine_tree
from ..diagnostics import Diagnostic, Edit
from ..fixes import apply_fixes
from ..patterns import pattern
from ..source import Source
from .shift import between
from .values import Action
from .view import View

_GUESS = pattern(r"did you mean `([^`]+)`\?")
_IGNORE = pattern(r"#\s*flowrun:\s*ignore\[([^\]]*)\]")
_OF_COMMENTS = frozenset({"F0719", "F0720"})


def actions(view: View, start: int, end: int) -> tuple[Action, ...]:
    """Return what can be done about the problems in a part of the text."""
    found: list[Action] = []
    for one in view.findings:
        span = one.span
        if span.source.name == view.source.name and span.start <= end and span.end >= start:
            found += _of(view, one)
    return tuple(found)


def _of(view: View, finding: Diagnostic) -> Iterator[Action]:
    fix = finding.fix
    own = fix is not None and all(edit.span.source.name == view.source.name for edit in fix.edits)
    if fix is not None and fix.edits and own:
        kind = "fix" if fix.safe else "guess"
        yield Action(fix.title, "fix" if kind == "fix" else "guess", fix.edits, finding)
    elif (guess := _GUESS.search(finding.help)) and (edit := _guessed(finding, guess[1])) is not None:
        yield Action(f"write `{guess[1]}`", "guess", (edit,), finding)
    if finding.severity == "warning" and finding.code not in _OF_COMMENTS:
        yield _ignored(view, finding)


def _guessed(finding: Diagnostic, word: str) -> Edit | None:
    """Return the change of the misspelt word, if the place of the problem is that word alone."""
    text = finding.span.text
    if f"`{text}`" not in finding.message or not text or "\n" in text:
        return None
    return Edit(finding.span, word)


def _ignored(view: View, finding: Diagnostic) -> Action:
    """Return the action that silences a warning on its line."""
    source, code = view.source, finding.code
    end = source.text.find("\n", finding.span.start)
    end = len(source.text) if end < 0 else end
    comment = next(
        (one for one in view.pieces if one.type == "COMMENT" and finding.span.start <= one.start < end), None
    )
    title = f"silence {code} here"
    if comment is not None and (known := _IGNORE.search(comment.text)):
        at = comment.start + known.end(1)
        return Action(title, "ignore", (Edit(source.span(at, at), f", {code}"),), finding)
    start = source.text.rfind("\n", 0, finding.span.start) + 1
    if any(one.type == "STRING" and one.start < start < one.end for one in view.pieces):
        # No comment can stand on a line inside of a text.
        edit = Edit(source.span(0, 0), f"# flowrun: ignore-file[{code}]\n")
        return Action(f"silence {code} in this file", "ignore", (edit,), finding)
    if comment is not None or any(one.type == "STRING" and one.start < end < one.end for one in view.pieces):
        # A line with a comment of its own, or whose text goes on, takes the comment on the line before it.
        line = source.text[start:end]
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        edit = Edit(source.span(start, start), f"{indent}# flowrun: ignore[{code}]\n")
        return Action(title, "ignore", (edit,), finding)
    at = start + len(source.text[start:end].rstrip())
    return Action(title, "ignore", (Edit(source.span(at, at), f"  # flowrun: ignore[{code}]"),), finding)


def fix_all(view: View) -> Action | None:
    """Return the action that makes all safe fixes, as `validate --fix` does. None if there are none."""
    if not any(one.fix is not None and one.fix.safe for one in view.findings):
        return None

    def check(changed: Source) -> tuple[Diagnostic, ...]:
        return examine_tree(changed, view.catalog, _beside(view, changed))[0].findings

    made = apply_fixes(view.source, check)
    if made.source.text == view.source.text:
        return None
    shift = between(view.source.text, made.source.text)
    old, new = view.source.text, made.source.text
    span = view.source.span(shift.head, len(old) - shift.tail)
    count = len(made.made)
    title = f"make {count} safe {'fix' if count == 1 else 'fixes'}"
    return Action(title, "all", (Edit(span, new[shift.head : len(new) - shift.tail]),))


def _beside(view: View, changed: Source) -> Load | None:
    """Return the reader of other files, which sees this text in its changed form."""
    load = view.load
    if load is None:
        return None

    def read(path: str) -> Source | str:
        found = load(path)
        return changed if isinstance(found, Source) and found.name == changed.name else found

    return read
