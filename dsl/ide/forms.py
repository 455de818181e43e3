"""The forms of things that are called, as a flow writes them."""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import FunctionSpec, ParamSpec, ReducerSpec, usage
from .homes import Home
from .words import shown

Called = s.FlowDecl | s.ExternDecl | s.PromptDecl


def form_of(spec: ReducerSpec | FunctionSpec) -> str:
    return usage(spec.name, spec.params)


def param_text(home: Home, param: s.Param) -> str:
    """Return a parameter with its type and its default."""
    type_ = shown(home.typed.nodes.params.get(param.number), 80) or param.type.span.text
    default = f" = {param.default.span.text}" if param.default is not None else ""
    return f"{param.name.text}: {type_}{default}"


def form_text(home: Home, decl: Called) -> str:
    """Return the head of a flow, an extern or a prompt."""
    params = ", ".join(param_text(home, param) for param in decl.params)
    word = {s.FlowDecl: "flow", s.ExternDecl: "extern", s.PromptDecl: "prompt"}[type(decl)]
    result = ""
    if not isinstance(decl, s.PromptDecl):
        found = home.of_decl(decl).type
        result = f" -> {shown(found)}" if shown(found) else ""
    return f"{word} {decl.name.text}({params}){result}"


def spec_param(param: ParamSpec) -> str:
    """Return a parameter of a reducer or a function with what it takes."""
    inner = usage("", (param,))
    return inner[1:-1] if inner else param.name


def default_of(type_: t.Type) -> str:
    """Return a value of a type, as a place to fill in."""
    match t.unwrapped(type_):
        case t.Choice(options) if options:
            return options[0] if options[0].isidentifier() else f'"{options[0]}"'
        case t.Range(low):
            return str(low)
        case t.Simple("bool"):
            return "true"
        case t.Simple("int" | "number"):
            return "1"
        case t.Quantity("s"):
            return "30s"
        case t.Quantity("%"):
            return "5%"
        case t.Quantity("$"):
            return "$1"
        case t.ListOf():
            return "[]"
    return '"…"'
