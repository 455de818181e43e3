"""The language: from text to a checked flow to a plan. No clock, no network, no disk.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import plan, types
    from .bounds import RETRIES, Bounds, bounds_of
    from .catalog import Catalog, FunctionSpec, OptionSpec, ParamSpec, ReducerSpec, Refusal, Where
    from .check import Checked, check_flow
    from .codes import CODES, page
    from .diagnostics import Diagnostic, FlowError, did_you_mean, nearest
    from .format import format_file
    from .graph import cycles, topological
    from .parse import parse_flow
    from .planner import make_plan
    from .render import render_diagnostic, render_diagnostics
    from .source import Source, Span
    from .templates import Template, read_template, template_names

_HOMES = {
    "bounds": ("RETRIES", "Bounds", "bounds_of"),
    "catalog": ("Catalog", "FunctionSpec", "OptionSpec", "ParamSpec", "ReducerSpec", "Refusal", "Where"),
    "check": ("Checked", "check_flow"),
    "codes": ("CODES", "page"),
    "diagnostics": ("Diagnostic", "FlowError", "did_you_mean", "nearest"),
    "format": ("format_file",),
    "graph": ("cycles", "topological"),
    "parse": ("parse_flow",),
    "planner": ("make_plan",),
    "render": ("render_diagnostic", "render_diagnostics"),
    "source": ("Source", "Span"),
    "templates": ("Template", "read_template", "template_names"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("plan", "types")

__all__ = [
    "CODES",
    "RETRIES",
    "Bounds",
    "Catalog",
    "Checked",
    "Diagnostic",
    "FlowError",
    "FunctionSpec",
    "OptionSpec",
    "ParamSpec",
    "ReducerSpec",
    "Refusal",
    "Source",
    "Span",
    "Template",
    "Where",
    "bounds_of",
    "check_flow",
    "cycles",
    "did_you_mean",
    "format_file",
    "make_plan",
    "nearest",
    "page",
    "parse_flow",
    "plan",
    "read_template",
    "render_diagnostic",
    "render_diagnostics",
    "template_names",
    "topological",
    "types",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
