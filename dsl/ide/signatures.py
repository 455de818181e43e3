"""The form of the call around a place of a text."""

from __future__ import annotations

from collections.abc import Sequence

from .. import syntax as s
from ..catalog import ParamSpec
from ..records import dataclass
from .forms import param_text, spec_param
from .homes import Home
from .pieces import Piece
from .values import Parameter, Signature
from .view import View
from .words import sentence, shown


@dataclass(frozen=True, slots=True)
class CallAt:
    """The call around the cursor: its name with a prefix, the word before it, and the arguments so far.

    ``number`` is that of the argument at the cursor, ``named`` its name if it has one, and ``given`` the names of the
    arguments before it.
    """

    prefix: str
    name: str
    before: str
    number: int
    named: str
    given: tuple[str, ...]
    start: int = 0


def call_at(pieces: Sequence[Piece]) -> CallAt | None:
    """Return the innermost call that is open behind these pieces."""
    depth, number = 0, 0
    named: list[str] = []
    names: list[str] = []
    for place in range(len(pieces) - 1, -1, -1):
        one = pieces[place]
        if one.type.startswith("T-") or one.type in ("STRING", "COMMENT"):
            continue
        if one.type in ("RPAR", "RBRACE", "RSQB"):
            depth += 1
        elif one.type in ("LBRACE", "LSQB"):
            if depth == 0:
                # A list or a record is part of the argument around it; a body of a block ends the search.
                if one.type == "LBRACE" and place and pieces[place - 1].type not in ("COMMA", "COLON", "LPAR", "LSQB"):
                    return None
                number, names = 0, []
                continue
            depth -= 1
        elif one.type == "LPAR":
            if depth:
                depth -= 1
                continue
            return _call(pieces, place, number, tuple(reversed(named)), names)
        elif depth == 0 and one.type == "COMMA":
            number += 1
        elif depth == 0 and one.type == "COLON" and place and pieces[place - 1].text.isidentifier():
            named.append(pieces[place - 1].text)
            if number == 0:
                names = [pieces[place - 1].text]
    return None


def _call(pieces: Sequence[Piece], place: int, number: int, given: tuple[str, ...], names: list[str]) -> CallAt | None:
    if place == 0 or not pieces[place - 1].text.isidentifier():
        return None
    name = pieces[place - 1]
    prefix, at = "", place - 2
    if at >= 1 and pieces[at].type == "DOT" and pieces[at - 1].text.isidentifier():
        prefix, at = pieces[at - 1].text, at - 2
    before = pieces[at].type if at >= 0 else ""
    if before in ("FLOW", "EXTERN", "PROMPT"):
        return None
    return CallAt(prefix, name.text, before, number, names[0] if names else "", given, name.start)


def signature(view: View, at: int) -> Signature | None:
    """Return the form of the innermost call around an offset. None if there is none."""
    found = call_at(view.before(at))
    if found is None:
        return None
    params, summary = params_of(view, found)
    if params is None:
        return None
    label = f"{found.name}("
    parts: list[Parameter] = []
    names: list[str] = []
    for number, (name, text) in enumerate(params):
        label += ", " if number else ""
        parts.append(Parameter(len(label), len(label) + len(text)))
        names.append(name)
        label += text
    active: int | None = found.number if found.number < len(parts) else None
    if found.named:
        active = names.index(found.named) if found.named in names else None
    return Signature(f"{label})", summary, tuple(parts), active)


def params_of(view: View, call: CallAt) -> tuple[list[tuple[str, str]] | None, str]:
    """Return the names and the texts of a call's parameters, and what the thing does. None if it is not known."""
    if (declared := declared_at(view, call)) is not None:
        home, decl = declared
        params = [(param.name.text, param_text(home, param)) for param in decl.params]
        result = "" if isinstance(decl, s.PromptDecl) else shown(home.of_decl(decl).type, 120)
        return params, f"Gives {result}." if result else ""
    specs, summary = specs_of(view, call)
    if specs is None:
        return None, ""
    return [(one.name, spec_param(one)) for one in specs], sentence(summary)


def declared_at(view: View, call: CallAt) -> tuple[Home, s.FlowDecl | s.ExternDecl | s.PromptDecl] | None:
    """Return the flow, extern or prompt of a call, with its file."""
    home = view.index.home
    found = home.brought(call.prefix, call.name) if home is not None else None
    if found is not None and isinstance(found[1], s.FlowDecl | s.ExternDecl | s.PromptDecl):
        assert isinstance(found[0], Home)
        return found[0], found[1]
    return None


def specs_of(view: View, call: CallAt) -> tuple[tuple[ParamSpec, ...] | None, str]:
    """Return the parameters of a reducer, a function, or a rule of an option or of a splitter."""
    catalog = view.catalog
    if call.prefix:
        return None, ""
    if call.before == "REDUCE" and call.name in catalog.reducers:
        return catalog.reducers[call.name].params, catalog.reducers[call.name].summary
    if call.name in catalog.functions:
        return catalog.functions[call.name].params, catalog.functions[call.name].summary
    for option in catalog.options.values():
        if option.rules.get(call.name):
            return option.rules[call.name], option.summary
    for function in catalog.functions.values():
        for param in function.params:
            if param.rules.get(call.name):
                return param.rules[call.name], ""
    return None, ""
