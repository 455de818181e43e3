"""The formatting of a text as changes of its lines, so that the cursor and the folds of the editor stay."""

from __future__ import annotations

from flowrun.dsl import Edit, FlowError, Source, format_file, parse_flow

_MOST_COMPARED = 4000
"""The most lines that are compared one by one. A longer part is replaced as a whole."""


def layout(source: Source) -> tuple[Edit, ...] | None:
    """Return the changes that `flowrun fmt` makes. None for a text that cannot be read."""
    try:
        after = format_file(parse_flow(source))
    except FlowError:
        return None
    return line_edits(source, after)


def line_edits(source: Source, after: str) -> tuple[Edit, ...]:
    """Return edits that make another text of a source. Each replaces whole lines."""
    old, new = _lines(source.text), _lines(after)
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    old_end, new_end = len(old) - last, len(new) - last
    if first == old_end and first == new_end:
        return ()
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    if max(old_end, new_end) - first > _MOST_COMPARED:
        return (Edit(source.span(starts[first], starts[old_end]), "".join(new[first:new_end])),)
    from difflib import SequenceMatcher  # only a text that changes needs it

    matcher = SequenceMatcher(None, old[first:old_end], new[first:new_end], autojunk=False)
    return tuple(
        Edit(source.span(starts[first + a], starts[first + b]), "".join(new[first + c : first + d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )


def _lines(text: str) -> list[str]:
    """Return the lines with their ends. `splitlines` ends lines at further characters, which an editor does not."""
    parts = text.split("\n")
    return [*(f"{part}\n" for part in parts[:-1]), *filter(None, parts[-1:])]
