"""The comments on the parameters of a flow: behind a parameter on its line, or alone on the lines above it."""

from __future__ import annotations

from bisect import bisect_left

from . import syntax as s


def param_comments(file: s.File, flow: str) -> dict[str, str]:
    """Return the comments on the parameters of a flow, by the names of the parameters, without ``#``.

    Comments to the checker do not count.
    """
    found: dict[str, str] = {}
    params = next((one.params for one in file.flows if one.name.text == flow), ())
    text = file.span.source.text
    ends = [at for at, letter in enumerate(text) if letter == "\n"]
    comments = {bisect_left(ends, one.span.start): one for one in file.comments}
    for param in params:
        first, last = (bisect_left(ends, place) for place in (param.span.start, param.span.end))
        behind = comments.get(last)
        said = []
        if behind is not None and not text[param.span.end : behind.span.start].strip(" ,\t"):
            said = [behind]
        elif not text[text.rfind("\n", 0, param.span.start) + 1 : param.span.start].strip():
            line = first - 1
            while (above := comments.get(line)) is not None and above.own_line:
                said.insert(0, above)
                line -= 1
        words = [one.text.lstrip("#").strip() for one in said]
        if told := " ".join(word for word in words if word and not word.startswith("flowrun:")):
            found[param.name.text] = told
    return found
