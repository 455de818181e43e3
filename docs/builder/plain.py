"""GitHub's Markdown for Python-Markdown, which builds the site.

Python-Markdown wants an empty line before a list, four spaces before what belongs to an item, and no further words
behind the language of a block. In the code of a table it takes a bar as it is, and would show the backslash that GitHub
wants there.
"""

from __future__ import annotations

import re

_ITEM = re.compile(r"^( *)([-*+]|\d{1,9}[.)])( +)(?=\S)")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_TAB = 4


def for_python_markdown(text: str) -> str:
    """Return a page in the form that Python-Markdown reads as GitHub reads the original."""
    lines, fence = [], ""
    stack: list[tuple[int, int]] = []  # for each open item: where its sign and where its text begins
    before, closed = "", False
    for line in text.split("\n"):
        bare = line.lstrip(" ")
        indent = len(line) - len(bare)
        if fence:
            lines.append(" " * (_TAB * len(stack)) + line[min(indent, _inner(stack)) :] if bare else "")
            if re.fullmatch(rf"{fence}[ \t]*", bare):
                fence, closed = "", True
            continue
        if closed and bare:
            lines.append("")
        closed = False
        if not bare:
            lines.append("")
            before = ""
            continue
        item = _ITEM.match(line)
        if item and before and not stack and item[2][0].isdigit() and item[2][:-1] != "1":
            item = None  # within a paragraph, only a list that begins with 1 begins
        if item:
            while stack and indent < stack[-1][1] and indent <= stack[-1][0]:
                stack.pop()
            while stack and indent < stack[-1][1]:
                stack.pop()
            if before and not _ITEM.match(before) and not stack and not _follows_item(lines):
                lines.append("")
            lines.append(" " * (_TAB * len(stack)) + item[2] + " " + line[item.end() :])
            stack.append((indent, item.end()))
        elif stack and (indent >= stack[-1][1] or (before and not bare.startswith(("#", "```", "|")))):
            while stack and indent < stack[-1][1] and not before:
                stack.pop()
            lines.append(" " * (_TAB * len(stack)) + line[min(indent, _inner(stack)) :])
        else:
            while stack and indent < stack[-1][1]:
                stack.pop()
            lines.append(" " * (_TAB * len(stack)) + line[min(indent, _inner(stack)) :])
        opened = re.match(r"(`{3,}|~{3,})([^`\n]*)$", bare)
        if opened:
            fence = opened[1]
            words = opened[2].split()
            lines[-1] = " " * (_TAB * len(stack)) + fence + (words[0] if words else "")
        if bare.startswith("|"):
            lines[-1] = _CODE.sub(lambda found: found[0].replace("\\|", "|"), lines[-1])
        before = "" if fence else line
    return "\n".join(lines)


def _inner(stack: list[tuple[int, int]]) -> int:
    return stack[-1][1] if stack else 0


def _follows_item(lines: list[str]) -> bool:
    """Tell whether the last line belongs to an item of a list."""
    for line in reversed(lines):
        if not line:
            return False
        if _ITEM.match(line):
            return True
    return False
