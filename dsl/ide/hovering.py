"""The description of the thing at a place of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import syntax as s
from .. import types as t
from ..bounds.model_facts import World
from ..catalog import FunctionSpec, OptionSpec, ParamSpec, ReducerSpec, usage
from ..checking.cascade_names import is_stage
from ..checking.program import Flow, Step
from ..codes import CODES
from ..functions import VALUE_FUNCTIONS
from ..pages import page
from ..patterns import pattern
from .figures import figures, words
from .forms import form_of, form_text, spec_param
from .pieces import Piece
from .places import decl_of, place_at
from .targets import Place
from .values import Hover
from .view import View
from .words import CONSTANTS, KINDS, OF_STAGES, RESULTS, TYPES, WORDS, sentence, shown

Price = Callable[[str], str]
"""A function that tells the price of a model by its address, in words. "" if it is not known."""
CODE = pattern(r"F\d{4}")
_PARAGRAPHS = 2
"""The paragraphs of a page that a hover shows."""


def hover(
    view: View, at: int, price: Price | None = None, world: World | None = None, *, file: str = ""
) -> Hover | None:
    """Describe the name or word at an offset. None if there is nothing to say.

    ``world`` knows the prices and the tokens of models, for the bounds of a step. ``file`` names a prompt file that has
    the offset.
    """
    if (left := None if file else _of_hole(view, at)) is not None:
        return left
    found = place_at(view, at, file)
    if found is not None:
        text = _of_stage(found) or "\n\n".join(filter(None, _described(view, found, price, world)))
        here = view.here(found.span)
        return Hover(text, here) if here is not None and text else None
    if file and file != view.source.name:
        return None
    piece = view.piece_at(at)
    if piece is None:
        return None
    if piece.type == "COMMENT":
        return _of_code(view, piece, at)
    text = _of_word(view, piece)
    return Hover(text, view.source.span(piece.start, piece.end)) if text else None


def _of_hole(view: View, at: int) -> Hover | None:
    """Describe the `?` at an offset, with its candidates. None if there is no such place."""
    tuning = None if view.checked is None else view.checked.tuning
    back = view.back(at)
    for place in () if tuning is None else tuning.places:
        start = place.hole.span.start
        if start <= back <= start + 1 and (here := view.here(place.hole.span)) is not None:
            values = ", ".join(f"`{one}`" for one in place.texts)
            said = f"A value that the file leaves open. `flowrun tune` tries {values}, and picks one of them."
            return Hover(f"{_code_block(f'{place.title} ?')}\n\n{said}", here)
    return None


def _of_stage(place: Place) -> str:
    """Describe a word about the stage before, which stands for the call of a function. "" for any other place."""
    span = place.span
    called = span.source.text[span.end :].lstrip().startswith("(")
    said = OF_STAGES.get(span.text, "") if place.target.kind == "function" and not called else ""
    return said and f"{_code_block(f'{span.text}: number')}\n\n{said}"


def _code_block(text: str) -> str:
    return f"```flow\n{text}\n```"


def _described(view: View, place: Place, price: Price | None, world: World | None) -> Iterator[str]:
    target = place.target
    kind, name = target.kind, target.name
    node = target.node
    if isinstance(node, ReducerSpec | FunctionSpec):
        yield _code_block(usage(node.name, node.params))
        yield sentence(node.summary)
        return
    if isinstance(node, OptionSpec):
        yield from _option(node)
        return
    if isinstance(node, ParamSpec):
        yield _code_block(spec_param(node))
        yield "An argument." if not node.required else "A required argument."
        return
    if kind == "filter":
        yield from _filter(name)
        return
    if kind == "type" and target.span is None:
        yield _code_block(name)
        yield TYPES.get(name, "")
        return
    if kind == "choice":
        yield f"`{name}` is a word of a choice."
        return
    if kind in ("results", "last", "answer"):
        yield _code_block(f"{name}: {shown(target.type)}" if shown(target.type) else name)
        yield RESULTS.get(name, RESULTS.get(kind, ""))
        return
    yield _code_block(_head(place))
    yield from _more(view, place, price, world)


def _head(place: Place) -> str:
    target = place.target
    if (found := decl_of(place)) is not None:
        return form_text(*found)
    if target.kind == "type" and isinstance(target.node, tuple):
        decl = target.node[1]
        assert isinstance(decl, s.TypeDecl)
        return f"type {target.name} = {decl.type.span.text}"
    if target.kind == "model" and isinstance(target.node, s.ModelDecl):
        return target.node.span.text.split("\n")[0]
    if target.kind == "endpoint" and isinstance(target.node, s.EndpointDecl):
        return target.node.span.text.split("\n")[0]
    if target.kind == "import" and isinstance(target.node, s.ImportDecl):
        return target.node.span.text
    type_ = shown(target.type)
    if not type_ and isinstance(target.node, s.FieldDecl):
        type_ = target.node.type.span.text
    return f"{target.name}: {type_}" if type_ else target.name


def _more(view: View, place: Place, price: Price | None, world: World | None) -> Iterator[str]:
    target = place.target
    node = target.step.line.node if target.step is not None else None
    if target.kind == "branch" and target.step is not None and is_stage(target.step):
        yield sentence("a stage of a cascade")
    elif target.kind == "element" and isinstance(node, s.Repeat):
        yield sentence("an item of a panel")
    else:
        yield sentence(KINDS.get(target.kind, ""))
    if isinstance(target.node, s.ModelDecl) and price is not None:
        addresses = [target.node.address, *([target.node.fallback] if target.node.fallback else [])]
        for address in addresses:
            if told := price(address.value):
                yield f"`{address.value}`: {told}"
    if isinstance(target.node, s.FieldDecl) and target.node.description is not None:
        yield target.node.description.value
    if isinstance(target.node, tuple) and isinstance(target.node[1], s.TextDecl):
        yield f"```text\n{target.node[1].string.value[:500]}\n```"
    record = t.unwrapped(target.type) if target.type is not None else None
    if isinstance(record, t.Record) and record.name:
        yield _code_block("\n".join(f"{one.name}: {shown(one.type)}" for one in record.fields[:20]))
    figure = figures(view, world)
    if target.kind in ("step", "branch") and target.step is not None:
        flow = flow_of(view, target.step)
        found = figure.step(flow, target.step) if flow is not None else None
        if found is not None:
            yield "  \n".join(words(found, priced=world is not None))
    elif target.kind == "flow" and view.checked is not None:
        flow = next((one for one in view.checked.program.flows if one.decl.name.span == target.span), None)
        found = figure.flow(flow) if flow is not None else None
        if found is not None:
            yield "  \n".join(words(found, priced=world is not None))


def flow_of(view: View, step: Step) -> Flow | None:
    """Return the flow of this file that has a step."""
    if view.checked is None:
        return None
    outer = step
    while outer.parent is not None:
        outer = outer.parent
    return next((flow for flow in view.checked.program.flows if outer in flow.steps), None)


def _option(spec: OptionSpec) -> Iterator[str]:
    yield _code_block(f"{spec.name}: {option_values(spec)}")
    yield sentence(spec.summary)
    yield f"Stands on: {', '.join(sorted(spec.on))}."


def option_values(spec: OptionSpec) -> str:
    """Return the values of an option as a flow writes them."""
    values = [t.show(spec.type), *(usage(name, params) for name, params in spec.rules.items() if params)]
    limits = ""
    if spec.low is not None and spec.high is not None:
        limits = f" ({spec.low:.12g} to {spec.high:.12g})"
    return " | ".join(values) + limits


def _filter(name: str) -> Iterator[str]:
    found = next((one for one in VALUE_FUNCTIONS.values() if one.name == name), None)
    if found is not None:
        yield _code_block("{{ … | " + found.usage + " }}")
        yield sentence(found.summary)


def _of_code(view: View, piece: Piece, at: int) -> Hover | None:
    for found in CODE.finditer(piece.text):
        start, end = piece.start + found.start(), piece.start + found.end()
        if start <= at <= end and found[0] in CODES:
            text = "\n\n".join(page(found[0]).split("\n\n")[: _PARAGRAPHS + 1])
            return Hover(text, view.source.span(start, end))
    return None


def _of_word(view: View, piece: Piece) -> str:
    """Describe a word of the language by its token alone, as in a text that does not parse."""
    word, catalog = piece.text, view.catalog
    if piece.type.startswith("T-"):
        if piece.type != "T-NAME":
            return ""
        return "\n\n".join(_filter(word)) or RESULTS.get(word, "")
    if piece.type == "NAME":
        if word in CONSTANTS:
            return f"`{word}`: {CONSTANTS[word]}"
        for specs in (catalog.reducers, catalog.functions):
            if word in specs:
                return f"{_code_block(form_of(specs[word]))}\n\n{sentence(specs[word].summary)}"
        if word in catalog.options:
            return "\n\n".join(_option(catalog.options[word]))
        return f"{_code_block(word)}\n\n{TYPES[word]}" if word in TYPES else ""
    return f"`{word}`: {WORDS[word]}" if word in WORDS else ""
