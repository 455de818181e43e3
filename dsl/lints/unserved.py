"""A flow asks of a model what its endpoint is known not to serve: an option that its API does not have, or an answer
of a type that its server does not enforce. The model may still answer, but without what was asked for: a `seed` then
makes no answer repeatable, a type is only described in the prompt, and `sure(x)` is `none`. A run refuses options
that change the meaning or the price, such as `top_p`, before it sends anything. What an endpoint lacks is known for
flowrun's own providers. For an endpoint of the flow, `with lacks: [...]` says it. Delete the option, or ask another
model.

```flow bad
model claude = "anthropic:claude-sonnet-4-5"

flow name(text_of_ad: text) {
  title = ask claude "Give this a title: {{ text_of_ad }}" with seed: 7
  return title
}
```

```flow good
model claude = "anthropic:claude-sonnet-4-5"

flow name(text_of_ad: text) {
  title = ask claude "Give this a title: {{ text_of_ad }}"
  return title
}
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.endpoints import lacking
from ..checking.program import Program, Scope
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from ..plan_endpoints import ABILITIES
from ..records import dataclass
from ..templates.read import template_pieces
from .lint import Lint
from .parts import asks, walk

_FORM = "the prompt then describes the type, and an answer that does not fit is asked for again"
_NOTES = {
    "seed": "the model answers without it, so a second run may give other answers",
    "stream": "the answer comes as a whole",
    "batch": "a run is refused before it sends anything",
}
_REFUSED = "a run refuses it before anything is sent"
_LEFT_OUT = frozenset({"seed", "stream", "temperature"})
"""The options that a run leaves out. It refuses the others."""
_TYPE = "a type other than text"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A use of a model: its declaration, the options of the use, and the type of the answer if it is written there.

    ``read`` is the name of the step if `sure` reads the probabilities of its answer, and ``shows`` the first text that
    shows the model an image.
    """

    model: s.ModelDecl
    options: tuple[s.Option, ...]
    answer: s.TypeExpr | None = None
    type: t.Type = t.TEXT
    read: s.Word | None = None
    shows: s.String | None = None


def unserved(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    models = {model.name.text: model for model in program.file.models}
    if not models:
        return []
    found: dict[tuple[int, int], Diagnostic] = {}
    for used in (*(_Asked(model, model.options) for model in models.values()), *_asked(program, typed, models)):
        for address in (used.model.address, used.model.fallback):
            if address is None:
                continue
            lacks = lacking(address.value, program.file, catalog.lacks)
            for one in _findings(used, address, lacks) if lacks else ():
                found.setdefault((one.span.start, address.span.start), one)
    return list(found.values())


def _asked(program: Program, typed: Typed, models: Mapping[str, s.ModelDecl]) -> Iterator[_Asked]:
    for ask, options, scope, read in _asks(program, typed):
        symbol = scope.lookup(ask.model.word.text) if isinstance(ask.model, s.Name) else None
        model = models.get(symbol.name) if symbol and symbol.kind == "model" else None
        if model is not None:
            type_ = typed.nodes.answers.get(ask.number, t.UNKNOWN)
            shows = next((one.template for one in ask.messages if _shows_image(one.template, scope, typed)), None)
            yield _Asked(model, options, ask.answer, type_, read, shows)


def _shows_image(template: s.String, scope: Scope, typed: Typed) -> bool:
    """Tell whether a template that only writes values writes an image."""
    for piece in template_pieces(template.value) or ():
        symbol = scope.lookup(piece[0]) if isinstance(piece, tuple) else None
        found = t.UNKNOWN if symbol is None else typed.type_of(symbol)
        for name in piece[1:] if isinstance(piece, tuple) else ():
            fields = found.fields if isinstance(found, t.Record) else ()
            found = next((one.type for one in fields if one.name == name), t.UNKNOWN)
        if t.is_images(found):
            return True
    return False


def _asks(program: Program, typed: Typed) -> Iterator[tuple[s.Ask, tuple[s.Option, ...], Scope, s.Word | None]]:
    for flow in program.flows:
        for step in walk(flow):
            node = step.line.node
            if isinstance(node, s.Ask):
                yield node, step.line.options, step.scope, step.line.name if step in typed.tallied else None
            elif isinstance(node, (s.Fanout, s.Map, s.Repeat)):
                for ask in asks(node.reduce):
                    yield ask, node.reduce.options, step.reduce_scope or step.scope, None


def _findings(used: _Asked, address: s.String, lacks: Set[str]) -> Iterator[Diagnostic]:
    for option in used.options:
        name = option.name.text
        if name in lacks and name in ABILITIES and not _off(name, option.value):
            note = _NOTES.get(name, "the model answers without it") if name in _LEFT_OUT else _REFUSED
            help = f"delete `{name}`, or ask a model of another endpoint"
            yield _finding(f"`{name}`", option.name, address, note, help)
    if "logprobs" in lacks and used.read is not None:
        what = f"`sure({used.read.text})`"
        help = "ask a model of another endpoint, or delete it"
        yield _finding(what, used.read, address, f"{what} is then always `none`", help)
    if "images" in lacks and used.shows is not None:
        note = "a run is refused before anything is sent"
        yield _finding("images", used.shows, address, note, "ask a model of another endpoint")
    if "json_schema" in lacks and used.answer is not None and _is_shaped(used.type):
        help = "ask a model of another endpoint if answers do not fit the type"
        yield _finding(_TYPE, used.answer, address, _FORM, help)


def _finding(what: str, at: s.Word | s.TypeExpr | s.String, address: s.String, note: str, help: str) -> Diagnostic:
    provider = address.value.partition(":")[0]
    message = f"the endpoint `{provider}` does not serve {what}"
    return Diagnostic(
        "F0770",
        message,
        at.span,
        labels=(Label(address.span, "the model"),),
        note=note,
        help=help,
    )


def _is_shaped(type_: t.Type) -> bool:
    return not isinstance(type_, t.Simple) or type_ not in (t.TEXT, t.UNKNOWN)


def _off(name: str, value: s.Expr | s.Ask) -> bool:
    """Tell whether an option only says that it is not wanted, as in `stream: false`.

    The word `none` of `reasoning` is sent like any other.
    """
    return name != "reasoning" and isinstance(value, s.Name) and value.word.text in ("false", "none")


LINT = Lint("F0770", unserved)
