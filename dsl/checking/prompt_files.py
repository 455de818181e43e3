"""Prompts in files of their own: their paths, and their text as the template of a prompt.

This module reads no file. Its callers provide the text.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..parsing.readable import unreadable
from ..source import Source
from .file_paths import joined_path, wrong_path

FIRST_NUMBER = -2
"""The number of the string of the first prompt file. Later ones go down, because no node of the file has them."""


def prompt_path(importer: str, decl: s.PromptDecl) -> str | Diagnostic:
    """Return the path of a prompt's file, or the problem with it.

    Like ``importer``, the path starts at the folder of the flow that is run.
    """
    written = decl.path.value
    path = PurePosixPath(written)
    help = 'write a path to a file in this folder or below it: `from "prompts/note.md"`'
    if path.name in ("", ".", "..") or written.endswith("/"):
        reason = "a prompt must name a file"
    elif path.suffix == ".flow":
        reason, help = "this is a flow file, and a prompt is a text", f'write `import "{written}"` for a flow file'
    elif not (reason := wrong_path(written, "a prompt", "stand")):
        return joined_path(importer, written)
    return Diagnostic("F0643", reason, decl.path.span, help=help)


def missing_prompt(decl: s.PromptDecl, reason: str) -> Diagnostic:
    help = "write the path of a text file, from the folder of this flow file"
    return Diagnostic("F0644", f"this prompt cannot be read: {reason}", decl.path.span, help=help)


def prompt_text(source: Source, place: int, decl: s.PromptDecl) -> s.String | list[Diagnostic]:
    """Return the text of a prompt's file as a template, or the problems with it.

    The line ends behind the text are no part of it. ``place`` is the place of the prompt among those of the flow file.
    """
    if found := unreadable(source):
        return list(found)
    text = source.text.rstrip("\n")
    if not text.strip():
        return [missing_prompt(decl, "the file is empty")]
    return s.String(text, source.span(0, len(text)), ((0, 0),), triple=True, number=FIRST_NUMBER - place)
