"""The texts with a name that a file declares: ``text name = "…"``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from .. import syntax as s
from ..diagnostics import Diagnostic, Label, did_you_mean
from ..graph import cycles, topological
from ..patterns import pattern
from ..source import Span
from ..templates.constants import joined
from ..templates.plain import Mention
from ..templates.read import Template, read_template, template_pieces
from .callees import Exports
from .long_lists import few, shortened
from .program import Scope, Symbol

MOST_CHARACTERS = 1_000_000
"""The most characters of a text, and of all texts that a template writes."""

_OPENED = pattern(r"\{[{%#]")


def own_texts(file: s.File, problems: list[Diagnostic]) -> dict[str, str]:
    """Work out the texts of a file. Report texts that write anything but other texts of the file."""
    decls: dict[str, s.TextDecl] = {}
    for decl in file.texts:
        decls.setdefault(decl.name.text, decl)
    read = {name: template for name, decl in decls.items() if (template := _template(decl, problems)) is not None}
    needs: dict[str, dict[str, Mention]] = {name: {} for name in decls}
    for name, template in read.items():
        for mention in template.mentions:
            if mention.name in decls:
                needs[name].setdefault(mention.name, mention)
            else:
                problems.append(_foreign(name, template, mention, decls))
    problems += [_circle(circle, decls, needs) for circle in cycles(needs)]
    texts: dict[str, str] = {}
    for name in topological(needs)[0]:
        template = read.get(name)
        size = (
            len(template.string.value) + sum(len(texts.get(one.name, "")) for one in template.mentions)
            if template
            else 0
        )
        if size > MOST_CHARACTERS:
            problems.append(too_long(decls[name].string))
        elif template is not None:
            texts[name] = joined(template.string.value, lambda one: texts.get(one, ""))
    return {name: texts.get(name, "") for name in decls}


def too_many_texts(template: Template, scope: Scope) -> Diagnostic | None:
    """Report a template that would be too long with its texts in place."""
    symbols = [symbol for one in template.mentions if (symbol := scope.lookup(one.name)) is not None]
    # A prefix stands for one of its texts, so the longest counts.
    sizes = [
        max(map(len, [one.constant] if isinstance(one.constant, str) else one.constant.values()))
        for one in symbols
        if one.constant
    ]
    return too_long(template.string) if sum(sizes) > MOST_CHARACTERS else None


def too_long(string: s.String) -> Diagnostic:
    message = f"the texts that this template writes have more than {MOST_CHARACTERS} characters"
    return Diagnostic("F0104", message, string.span, help="read a long text from a file of its own, with `file(…)`")


def _template(decl: s.TextDecl, problems: list[Diagnostic]) -> Template | None:
    template = read_template(decl.string)
    if isinstance(template, list):
        problems += template
        return None
    fields = any(not isinstance(piece, str) and len(piece) > 1 for piece in template_pieces(decl.string.value) or ())
    if template.plain and not fields:
        return template
    opened = next((one for one in _OPENED.finditer(decl.string.value)), None)
    at = decl.string.place(*opened.span()) if opened is not None else decl.string.span
    problems.append(
        Diagnostic(
            "F0640",
            f"the text `{decl.name.text}` does more than write other texts of this file",
            at,
            note="the text is the same for all flows and all inputs",
            help="write only `{{ name }}` in it, with the name of another `text`; for more write a prompt or a step",
        )
    )
    return None


def _foreign(name: str, template: Template, mention: Mention, known: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        "F0640",
        f"the text `{name}` can write only other texts of this file, and `{mention.name}` is none of them",
        template.string.place(mention.start, mention.end),
        help=did_you_mean(mention.name, known)
        or f'declare it, `text {mention.name} = "…"`, or write the value in the prompt beside the text',
    )


def _circle(
    circle: list[str], decls: Mapping[str, s.TextDecl], needs: Mapping[str, Mapping[str, Mention]]
) -> Diagnostic:
    closed = [*circle, circle[0]]
    places = [_place(decls[one], needs[one][other]) for one, other in pairwise(closed)]
    labels = [Label(span, f"writes `{shortened(name)}`") for span, name in zip(places[1:4], closed[2:5], strict=False)]
    return Diagnostic(
        "F0204",
        f"the text `{shortened(circle[0])}` writes itself",
        places[0],
        labels=tuple(labels),
        note=f"{' → '.join(few(closed))}: the text would have no end",
        help="write the shared part as a text of its own, and mention it in both",
    )


def _place(decl: s.TextDecl, mention: Mention) -> Span:
    return decl.string.place(mention.start, mention.end)


def brought_texts(file: s.File, files: Mapping[int, Exports | None], scope: Scope) -> Iterator[Symbol]:
    """Yield the names of the texts that the imports of a file bring in. A prefix is one name for all its texts."""
    seen: set[tuple[str, str]] = set()
    for place, decl in enumerate(file.imports):
        brought = files.get(place)
        prefix = decl.prefix.text if decl.prefix is not None else ""
        if brought is None or not brought.texts or (brought.path, prefix) in seen:
            continue
        seen.add((brought.path, prefix))
        if decl.prefix is not None:
            yield Symbol(prefix, "texts", decl.prefix.span, scope, constant=brought.texts)
        else:
            for name, text in brought.texts.items():
                yield Symbol(name, "text", decl.path.span, scope, constant=text)
