"""The proposals at a place of a text. The pieces before the cursor tell what may stand there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..patterns import pattern
from ..source import Span
from .code_completing import code_proposals
from .context import Context, context_at
from .pieces import Piece, template_pieces
from .proposals import NEAR, Proposals
from .scopes import scope_at
from .template_completing import in_template, template_proposals
from .values import Completion
from .view import View

Paths = Callable[[str], Sequence[str]]
"""A function that lists a folder, by its path from the folder of the file. Names of folders end with ``/``."""
_IGNORING = pattern(r"#\s*flowrun:\s*ignore(?:-file)?\[[^\]]*$")
_ENDINGS = {"IMPORT": (".flow",), "CASES": (".jsonl", ".json", ".csv", ".tsv"), "CASSETTE": (".jsonl",)}


def complete(view: View, at: int, paths: Paths | None = None, *, file: str = "") -> tuple[Completion, ...]:
    """Return what can be written at an offset. ``file`` names a prompt file that has the offset."""
    if file and file != view.source.name:
        return _ordered(_in_prompt(view, at, file))
    context = context_at(view, at)
    if context is None:
        return _ordered(_in_comment(view, at))
    scope = scope_at(view, at)
    if context.string is None:
        proposals = Proposals(view, view.source.span(context.start, context.end), scope)
        return _ordered(code_proposals(view, at, context, proposals))
    inside = [one for one in view.before(at) if one.start > context.string.start and one.type.startswith("T-")]
    word = inside.pop() if inside and inside[-1].type == "T-NAME" and inside[-1].end >= at else None
    if in_template(inside):
        span = view.source.span(at, at) if word is None else view.source.span(word.start, word.end)
        return _ordered(template_proposals(view, inside, Proposals(view, span, scope), scope))
    return _ordered(_in_text(view, at, context, context.string, paths))


def _ordered(found: Iterable[Completion]) -> tuple[Completion, ...]:
    """Return proposals in their order, each label of a kind once."""
    kept: dict[tuple[str, str], Completion] = {}
    for one in found:
        kept.setdefault((one.label, "snippet" if one.kind == "snippet" else ""), one)
    return tuple(sorted(kept.values(), key=lambda one: one.rank))


def _in_comment(view: View, at: int) -> Iterator[Completion]:
    """Yield the codes that a comment can silence."""
    line = view.source.text.rfind("\n", 0, at) + 1
    if not _IGNORING.search(view.source.text[line:at]):
        return
    start = at
    while start > line and view.source.text[start - 1].isalnum():
        start -= 1
    proposals = Proposals(view, view.source.span(start, at), None)
    warnings = {one.code: one for one in view.findings if one.severity == "warning"}
    for code, one in warnings.items():
        yield proposals.one(code, "value", one.message, "A warning of this file.", rank=NEAR)


def _in_prompt(view: View, at: int, file: str) -> Iterator[Completion]:
    """Yield the names that the file of a prompt can mention."""
    prompts = view.checked.program.prompts if view.checked is not None else []
    prompt = next((one for one in prompts if one.string.span.source.name == file), None)
    if prompt is None:
        return
    source = prompt.string.span.source
    inside: list[Piece] = [one for one in template_pieces(source.text) if one.start < at]
    word = inside.pop() if inside and inside[-1].type == "T-NAME" and inside[-1].end >= at else None
    if in_template(inside):
        span = source.span(at, at) if word is None else source.span(word.start, word.end)
        yield from template_proposals(view, inside, Proposals(view, span, prompt.scope), prompt.scope)


def _in_text(view: View, at: int, context: Context, string: Piece, paths: Paths | None) -> Iterator[Completion]:
    """Yield what a text can begin with: a path, or the name of a provider."""
    quote = 3 if string.text.startswith('"""') else 1
    start = min(string.start + quote, at)
    written = view.source.text[start:at]
    last = context.last
    if last == "FROM" and context.decl == "EXTERN":
        return
    if last in _ENDINGS or last == "FROM":
        if paths is not None:
            yield from _paths(view, start, at, written, paths, _ENDINGS.get(last, ()))
    elif last in ("EQUAL", "ELSE") and context.decl == "MODEL" and ":" not in written:
        yield from _providers(view, view.source.span(start, at))


def _paths(view: View, start: int, at: int, written: str, paths: Paths, endings: Sequence[str]) -> Iterator[Completion]:
    folder, slash, _ = written.rpartition("/")
    span = view.source.span(start + len(folder) + len(slash), at)
    proposals = Proposals(view, span, None)
    for name in paths(folder):
        if name.endswith("/"):
            yield proposals.one(name, "folder", "", "A folder.")
            continue
        fits = name.endswith(tuple(endings)) if endings else not name.endswith(".flow")
        if fits and (folder or name != view.source.name.rpartition("/")[2]):
            yield proposals.one(name, "file", "", "A file.", rank=NEAR)


def _providers(view: View, span: Span) -> Iterator[Completion]:
    proposals = Proposals(view, span, None)
    if view.index.home is not None:
        for endpoint in view.index.home.file.endpoints:
            name = endpoint.name.text
            yield proposals.one(f"{name}:", "endpoint", "", "An endpoint of this file.", rank=NEAR)
    for name in view.catalog.providers:
        yield proposals.one(f"{name}:", "provider", "", "A provider of models.")
