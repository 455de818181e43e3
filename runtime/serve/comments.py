"""The comments of a flow file as descriptions: those in front of a flow, and those of its parameters."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import Checked, Span

LONGEST = 2000
"""The most characters of a description."""


class Comments:
    """The comments of a file, by their line. Each stands alone on its line, or behind something else."""

    def __init__(self, checked: Checked) -> None:
        found = checked.file.comments
        self._alone = {one.span.line: _words(one.text) for one in found if one.own_line}
        self._behind = {one.span.line: _words(one.text) for one in found if not one.own_line}

    def before(self, span: Span) -> str:
        """Return the comments on the lines just before a part of the file, as one text."""
        line, found = span.line - 1, list[str]()
        while line in self._alone:
            found.append(self._alone[line])
            line -= 1
        return "\n".join(reversed(found)).strip()[:LONGEST]

    def first(self) -> str:
        """Return the first paragraph of the comments at the head of the file."""
        line, found = 1, list[str]()
        while self._alone.get(line):
            found.append(self._alone[line])
            line += 1
        return "\n".join(found)[:LONGEST]

    def behind(self, span: Span) -> str:
        """Return the comment at the end of the line of a part of the file."""
        return self._behind.get(span.line, "")[:LONGEST]


def descriptions(checked: Checked, flow: str) -> tuple[str, Mapping[str, str]]:
    """Return the description of a flow, and those of its parameters by name. "" stands for none."""
    comments = Comments(checked)
    declared = next(one for one in checked.file.flows if one.name.text == flow)
    lines = [one.span.line for one in declared.params]
    params = {}
    for one in declared.params:
        # The line of several parameters describes none of them.
        alone = lines.count(one.span.line) == 1 and one.span.line != declared.span.line
        params[one.name.text] = (comments.before(one.span) or comments.behind(one.span)) if alone else ""
    said = comments.before(declared.span)
    if not said and len(checked.file.flows) == 1:
        # The head of a file is about its only flow.
        said = comments.first()
    return said, params


def _words(comment: str) -> str:
    return comment.lstrip("#").strip()
