"""The language: from text to a checked flow to a plan. It uses no clock, no network and no disk.

Names are loaded when they are first used, so that importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import plan, types
    from .arithmetic import OPERANDS, NoValueError, combined, negative
    from .audit.audit import audit_plan
    from .audit.unfit import UnfitError
    from .ballots import holds_ballots, rule_of
    from .bounds.amounts import Bounds
    from .bounds.asking import ATTEMPTS, CORRECTION, MESSAGE_TOKENS, RETRIES
    from .bounds.bound import Bound
    from .bounds.bounds import RIGHT, bounds_of
    from .bounds.expression_sizes import UnsettledError
    from .bounds.planned import Foreseen, planned_json, planned_schema
    from .bounds.served import Rates, Served
    from .catalog import (
        AskSpec,
        Catalog,
        FunctionSpec,
        Given,
        OptionSpec,
        ParamSpec,
        ReducerSpec,
        Refusal,
        Where,
        outside,
        usage,
    )
    from .check import Load, check_flow
    from .checked import Checked
    from .checking.extents import Extents
    from .codes import CODES
    from .diagnostics import Diagnostic, Edit, Fix, FlowError, did_you_mean, nearest
    from .export import Picture, picture_of, to_dot, to_mermaid, to_svg
    from .fixes import Fixed, apply_fixes
    from .formats import FORMATS, format_report
    from .formats.report import Report, Unread
    from .formatting.format import format_file
    from .graph import cycles, topological
    from .needed_calls import necessary
    from .pages import page
    from .parsing.parse import parse_flow
    from .plain_data import misplaced
    from .planner import make_plan
    from .render import render_diagnostic, render_diagnostics
    from .source import Source, Span
    from .templates.read import Template, read_template, template_names, template_pieces
    from .texts import alike, option_of, text_key

_HOMES = {
    "arithmetic": ("OPERANDS", "NoValueError", "combined", "negative"),
    "audit.audit": ("audit_plan",),
    "audit.unfit": ("UnfitError",),
    "bounds.amounts": ("Bounds",),
    "bounds.asking": ("ATTEMPTS", "CORRECTION", "MESSAGE_TOKENS", "RETRIES"),
    "bounds.bounds": ("RIGHT", "bounds_of"),
    "catalog": (
        "AskSpec",
        "Catalog",
        "FunctionSpec",
        "Given",
        "OptionSpec",
        "ParamSpec",
        "ReducerSpec",
        "Refusal",
        "Where",
        "outside",
        "usage",
    ),
    "checking.extents": ("Extents",),
    "check": ("Load", "check_flow"),
    "checked": ("Checked",),
    "codes": ("CODES",),
    "diagnostics": ("Diagnostic", "Edit", "Fix", "FlowError", "did_you_mean", "nearest"),
    "bounds.expression_sizes": ("UnsettledError",),
    "export": ("Picture", "picture_of", "to_dot", "to_mermaid", "to_svg"),
    "fixes": ("Fixed", "apply_fixes"),
    "formatting.format": ("format_file",),
    "formats": ("FORMATS", "format_report"),
    "formats.report": ("Report", "Unread"),
    "graph": ("cycles", "topological"),
    "needed_calls": ("necessary",),
    "pages": ("page",),
    "parsing.parse": ("parse_flow",),
    "ballots": ("holds_ballots", "rule_of"),
    "bounds.planned": ("Foreseen", "planned_json", "planned_schema"),
    "plain_data": ("misplaced",),
    "planner": ("make_plan",),
    "render": ("render_diagnostic", "render_diagnostics"),
    "bounds.served": ("Rates", "Served"),
    "bounds.bound": ("Bound",),
    "source": ("Source", "Span"),
    "texts": ("alike", "option_of", "text_key"),
    "templates.read": ("Template", "read_template", "template_names", "template_pieces"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("plan", "types")

__all__ = [
    "ATTEMPTS",
    "CODES",
    "CORRECTION",
    "FORMATS",
    "MESSAGE_TOKENS",
    "OPERANDS",
    "RETRIES",
    "RIGHT",
    "AskSpec",
    "Bound",
    "Bounds",
    "Catalog",
    "Checked",
    "Diagnostic",
    "Edit",
    "Extents",
    "Fix",
    "Fixed",
    "FlowError",
    "Foreseen",
    "FunctionSpec",
    "Given",
    "Load",
    "NoValueError",
    "OptionSpec",
    "ParamSpec",
    "Picture",
    "Rates",
    "ReducerSpec",
    "Refusal",
    "Report",
    "Served",
    "Source",
    "Span",
    "Template",
    "UnfitError",
    "Unread",
    "UnsettledError",
    "Where",
    "alike",
    "apply_fixes",
    "audit_plan",
    "bounds_of",
    "check_flow",
    "combined",
    "cycles",
    "did_you_mean",
    "format_file",
    "format_report",
    "holds_ballots",
    "make_plan",
    "misplaced",
    "nearest",
    "necessary",
    "negative",
    "option_of",
    "outside",
    "page",
    "parse_flow",
    "picture_of",
    "plan",
    "planned_json",
    "planned_schema",
    "read_template",
    "render_diagnostic",
    "render_diagnostics",
    "rule_of",
    "template_names",
    "template_pieces",
    "text_key",
    "to_dot",
    "to_mermaid",
    "to_svg",
    "topological",
    "types",
    "usage",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
