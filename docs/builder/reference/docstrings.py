"""Docstrings as Markdown."""

from __future__ import annotations

import re
from inspect import cleandoc

from ..markdown import outside_code

_FIELD = re.compile(r"^ {4}([A-Za-z_][\w, ]*): ?(.*)$")


def paragraphs(text: str) -> str:
    """Return a docstring as Markdown: its sections of fields become lists, and signs of Markdown stay signs."""
    lines: list[str] = []
    fields = False
    for line in cleandoc(text).splitlines():
        if re.fullmatch(r"(Attributes|Args|Raises|Returns):", line):
            fields = True
            lines += ["", ""]
        elif fields and (found := _FIELD.match(line)):
            names = ", ".join(f"`{name.strip()}`" for name in found[1].split(","))
            lines.append(f"- {names}: {found[2]}")
        elif fields and line.startswith("     "):
            lines[-1] += f" {line.strip()}"
        else:
            fields = fields and not line.strip()
            lines.append(line)
    joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    joined = re.sub(r"``([^`]+)``", r"`\1`", joined)
    return outside_code(joined, lambda part: re.sub(r"([<>])", r"\\\1", part).replace("{", "{")).strip()


def first_sentence(text: str | None) -> str:
    """Return the first line of a docstring; "" if there is none."""
    return paragraphs((text or "").strip().partition("\n\n")[0].replace("\n", " ")) if text else ""
