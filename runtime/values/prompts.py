"""The rendering of templates into prompts: jinja2 in its sandbox, on plain data, with bounded output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from flowrun.dsl import ImageValue, template_pieces, written_places

from .candidates import Candidates
from .fences import Fences
from .image_values import is_shown
from .prompt_cuts import CUTS, Cuts
from .prompt_text import FENCES, IMAGES, METER, MOST_CHARACTERS, Meter, PromptError, shown

if TYPE_CHECKING:
    from jinja2 import Template

    from ..vocabulary.image import Image
    from .images import Images

__all__ = ["compiled", "render", "render_all", "shown"]

_FILTER_ERRORS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""The exceptions that jinja2's filters raise on values that they cannot take."""


@lru_cache(maxsize=4096)
def compiled(
    template: str, numbered: bool = False, fenced: tuple[int, ...] = (), cuts: tuple[int, ...] = ()
) -> tuple[Template, tuple[str, ...]]:
    """Compile a template. Return it ready to render, with the names that it takes from the flow.

    With ``numbered``, loops over candidates write their numbers, unless the template does so itself. The values at the
    places of ``fenced`` get marks. The length of the text is noted before the parts with the numbers of ``cuts``.
    """
    from flowrun.dsl import template_names

    from . import template_trees as trees
    from .template_environment import ENVIRONMENT

    # The names come first, so that a template outside of the subset is refused before jinja2 evaluates anything.
    names = template_names(template)
    tree = ENVIRONMENT.parse(template)
    if fenced:
        tree = trees.fenced(tree, _numbers(template, fenced))
    if numbered:
        tree = trees.with_numbers(tree)
    if cuts:
        tree = trees.with_cuts(tree, cuts)
    return ENVIRONMENT.from_string(trees.metered(tree, ENVIRONMENT)), names


_pieces = lru_cache(maxsize=4096)(template_pieces)


@lru_cache(maxsize=4096)
def _numbers(template: str, fenced: tuple[int, ...]) -> frozenset[int]:
    """Return the numbers of the written values at some places, from 0. Raises PromptError for a place without one."""
    places = written_places(template)
    if not set(fenced) <= set(places):
        raise PromptError("the plan marks a place of the template in which no value is written")
    return frozenset(places.index(place) for place in fenced)


def _joined_pieces(
    pieces: tuple[str | tuple[str, ...], ...],
    lookup: Callable[[str], Any],
    fences: Fences,
    fenced: frozenset[int],
    cuts: Cuts | None,
    images: Images | None,
) -> str | None:  # fmt: skip
    """Render a template that only writes named values. None if a field is missing, so that jinja2 reports it."""
    texts = []
    number = 0
    for piece in pieces:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        value = lookup(piece[0])
        for field in piece[1:]:
            if not isinstance(value, dict) or field not in value:
                return None
            value = value[field]
        if ImageValue.made and is_shown(value):
            texts.append(shown(value) if images is None else images.write(value))
        else:
            text = value if isinstance(value, str) else shown(value)
            texts.append(fences.write(text) if number in fenced else text)
        number += 1
    characters = sum(map(len, texts))
    if characters > MOST_CHARACTERS:
        Meter().grow(characters)
    if cuts is not None:
        cuts.ends = [sum(map(len, texts[:part])) for part in cuts.parts] if cuts.parts else ()
    return "".join(texts)


_NO_FENCES = Fences()
_NONE = frozenset[int]()
_FENCED = itemgetter(1)


def render_all(
    templates: Sequence[tuple[str, tuple[int, ...]]], lookup: Callable[[str], Any], cuts: Sequence[Cuts] = ()
) -> list[str]:
    """Render the templates of one request, each with the places of its foreign texts. Raises PromptError.

    ``cuts`` note the lengths of the beginnings of the texts, if a caller wants to know them.
    """
    each: Sequence[Cuts | None] = cuts or [None] * len(templates)
    if not any(map(_FENCED, templates)):
        return [render(template, lookup, cuts=cut) for (template, _), cut in zip(templates, each, strict=True)]
    fences = Fences()
    texts = [
        render(template, lookup, fences, fenced, None if fenced else cut)
        for (template, fenced), cut in zip(templates, each, strict=True)
    ]
    fences.close()
    found = [
        render(template, lookup, fences, fenced, cut) if fenced else text
        for (template, fenced), text, cut in zip(templates, texts, each, strict=True)
    ]
    if not fences.steady:
        for cut in cuts:
            cut.forget()
    return found


def render_images(
    templates: Sequence[tuple[str, tuple[int, ...]]], lookup: Callable[[str], Any], cuts: Sequence[Cuts] = ()
) -> list[tuple[str, tuple[Image, ...]]]:
    """Render the templates of one request, as ``render_all`` does, with the images in each. Raises PromptError.

    ``cuts`` count the marks of the images, too.
    """
    fences = Fences()
    for template, fenced in templates:
        if fenced:
            render(template, lookup, fences, fenced)
    fences.close()
    each: Sequence[Cuts | None] = cuts or [None] * len(templates)
    from .images import with_images

    found = [
        with_images(partial(render, template, lookup, fences, fenced, cut), cut)
        for (template, fenced), cut in zip(templates, each, strict=True)
    ]
    if not fences.steady:
        for cut in cuts:
            cut.forget()
    return found


def render(
    template: str,
    lookup: Callable[[str], Any],
    fences: Fences = _NO_FENCES,
    fenced: tuple[int, ...] = (),
    cuts: Cuts | None = None,
    images: Images | None = None,
) -> str:
    """Render a template: texts as they are, everything else as JSON.

    ``fences`` writes the values at the places of ``fenced``, ``cuts`` notes the lengths of beginnings of the text, and
    ``images`` has the images of a message.
    Raises PromptError if a value is missing, if a text grows beyond ``MOST_CHARACTERS``, or if the loops make more than
    ``MOST_ROUNDS`` turns.
    """
    plain = _pieces(template)
    if plain is not None:
        try:
            text = _joined_pieces(plain, lookup, fences, _numbers(template, fenced) if fenced else _NONE, cuts, images)
        except _FILTER_ERRORS as error:
            raise PromptError(f"the template cannot be filled in: {error}") from None
        if text is not None:
            return text
    from jinja2 import TemplateError

    pieces = []
    output = Meter()
    try:
        parts = () if cuts is None else cuts.begun(output)
        program, names = compiled(template, fenced=fenced, cuts=parts)
        values = {name: lookup(name) for name in names}
        if any(isinstance(value, Candidates) for value in values.values()):
            program, _ = compiled(template, numbered=True, fenced=fenced, cuts=parts)
        for piece in program.generate({**values, METER: Meter(), FENCES: fences, CUTS: cuts, IMAGES: images}):
            output.grow(len(piece))
            pieces.append(piece)
    except (TemplateError, *_FILTER_ERRORS) as error:
        raise PromptError(f"the template cannot be filled in: {error}") from None
    return "".join(pieces)
