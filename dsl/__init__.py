"""The language: from text to a checked flow to a plan. It uses no clock, no network and no disk.

The names in ``__all__`` are the public interface of the language. docs/python.md describes each of them. The other
names are for the runner only and may change. Each name is loaded when it is first used, so importing this package is
quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import ide, plan, test_plan, types
    from .arithmetic import MOST_BITS, OPERANDS, NoValueError, combined, negative
    from .audit.audit import audit_plan
    from .audit.errors import UnfitError
    from .ballots import holds_ballots, rule_of
    from .bounds.amounts import Bounds
    from .bounds.batches import OnlyBatches
    from .bounds.bound import Bound
    from .bounds.bounds import RIGHT, bounds_of
    from .bounds.expression_sizes import UnsettledError
    from .bounds.model_facts import Rates, Served
    from .bounds.plan_json import AskedModel, Foreseen, planned_json, planned_schema, unforeseen
    from .bounds.usual_numbers import ATTEMPTS, CORRECTION, CORRECTIONS, MESSAGE_TOKENS, RETRIES
    from .catalog import (
        LATER,
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
    from .check import Examined, LabelledFlow, Load, check_flow, examine_flow
    from .checked import Checked
    from .checking.extents import Extents
    from .codes import CODES
    from .coverage.home import CoverageItem, CoverageMark
    from .coverage.items import coverage_items
    from .coverage.plan_marks import AskMarks, PlannedMarks
    from .diagnostics import Diagnostic, Edit, Fix, FlowError, did_you_mean, nearest
    from .eject.library import Library
    from .eject.problems import EjectError
    from .eject.program import ejected
    from .eject.wire import WireModel, WireOptions
    from .export import Picture, picture_of, to_dot, to_mermaid, to_page_svg, to_svg
    from .export.words import ExpressionWriter
    from .fixes import Fixed, apply_fixes
    from .formats import FORMATS, format_report
    from .formats.audit_json import audit_json
    from .formats.github import workflow_command
    from .formats.report import Report, Unread
    from .formats.xml_text import xml_attribute, xml_text
    from .formatting.format import format_file
    from .functions import CALLED, VALUE_FUNCTIONS
    from .functions.function import ValueFunction, kind_of
    from .functions.specs import applied, spec_of
    from .graph import cycles, topological
    from .image_values import ImageText, ImageValue, given_images, has_image
    from .labels.labels import labels_of
    from .labels.marks import Mark
    from .labels.places import Breach, Labels, LabelSource, LabelWarning, Place
    from .lint_settings import LintSettings, LintSettingsError, codes_of, read_lint_settings
    from .marked_plan import make_plan
    from .needed_calls import necessary
    from .pages import page
    from .param_comments import param_comments
    from .parsing.parse import parse_flow
    from .parsing.strings import quoted
    from .path_names import REDUCE, step_names
    from .patterns import pattern
    from .plain_data import misplaced
    from .plan_endpoints import ABILITIES, ENDPOINT_KINDS, EndpointKind
    from .plan_labels import label_table, step_exprs
    from .project import HOME, SITE, explain_link
    from .reach.reach import reach_of
    from .reach.reached import Advice, FlowReach, Kept, Reached, SourceReach
    from .records import dataclass
    from .render import render_diagnostic, render_diagnostics, render_excerpt
    from .safe_text import STEERS, inert, one_line
    from .source import Source, Span
    from .stubs.flow_stubs import StubFlow, stub_flows
    from .stubs.python import python_stub
    from .stubs.typescript import typescript_stub
    from .templates.heads import head_parts, written_paths
    from .templates.read import Template, read_template, template_names, template_pieces, written_places
    from .test_planner import make_tests, plan_of_test
    from .texts import alike, option_of, text_key

_HOMES = {
    "arithmetic": "MOST_BITS OPERANDS NoValueError combined negative",
    "audit.audit": "audit_plan",
    "audit.errors": "UnfitError",
    "ballots": "holds_ballots rule_of",
    "bounds.amounts": "Bounds",
    "bounds.batches": "OnlyBatches",
    "bounds.bound": "Bound",
    "bounds.bounds": "RIGHT bounds_of",
    "bounds.expression_sizes": "UnsettledError",
    "bounds.plan_json": "AskedModel Foreseen planned_json planned_schema unforeseen",
    "bounds.model_facts": "Rates Served",
    "bounds.usual_numbers": "ATTEMPTS CORRECTION CORRECTIONS MESSAGE_TOKENS RETRIES",
    "image_values": "ImageText ImageValue given_images has_image",
    "catalog": "AskSpec Catalog FunctionSpec Given LATER OptionSpec ParamSpec ReducerSpec Refusal Where outside usage",
    "check": "Examined LabelledFlow Load check_flow examine_flow",
    "checked": "Checked",
    "checking.extents": "Extents",
    "codes": "CODES",
    "coverage.home": "CoverageItem CoverageMark",
    "coverage.items": "coverage_items",
    "coverage.plan_marks": "AskMarks PlannedMarks",
    "diagnostics": "Diagnostic Edit Fix FlowError did_you_mean nearest",
    "export": "Picture picture_of to_dot to_mermaid to_page_svg to_svg",
    "export.words": "ExpressionWriter",
    "fixes": "Fixed apply_fixes",
    "formats": "FORMATS format_report",
    "formats.github": "workflow_command",
    "formats.report": "Report Unread",
    "formats.xml_text": "xml_attribute xml_text",
    "formatting.format": "format_file",
    "functions": "CALLED VALUE_FUNCTIONS",
    "functions.function": "ValueFunction kind_of",
    "functions.specs": "applied spec_of",
    "graph": "cycles topological",
    "labels.labels": "labels_of",
    "labels.marks": "Mark",
    "labels.places": "Breach LabelSource LabelWarning Labels Place",
    "needed_calls": "necessary",
    "pages": "page",
    "param_comments": "param_comments",
    "parsing.parse": "parse_flow",
    "parsing.strings": "quoted",
    "patterns": "pattern",
    "plain_data": "misplaced",
    "plan_endpoints": "ABILITIES ENDPOINT_KINDS EndpointKind",
    "plan_labels": "label_table step_exprs",
    "project": "HOME SITE explain_link",
    "lint_settings": "LintSettings LintSettingsError codes_of read_lint_settings",
    "marked_plan": "make_plan",
    "formats.audit_json": "audit_json",
    "reach.reach": "reach_of",
    "reach.reached": "Advice FlowReach Kept Reached SourceReach",
    "records": "dataclass",
    "render": "render_diagnostic render_diagnostics render_excerpt",
    "safe_text": "STEERS inert one_line",
    "source": "Source Span",
    "eject.library": "Library",
    "eject.problems": "EjectError",
    "eject.program": "ejected",
    "eject.wire": "WireModel WireOptions",
    "stubs.flow_stubs": "StubFlow stub_flows",
    "stubs.python": "python_stub",
    "stubs.typescript": "typescript_stub",
    "path_names": "REDUCE step_names",
    "templates.heads": "head_parts written_paths",
    "templates.read": "Template read_template template_names template_pieces written_places",
    "test_planner": "make_tests plan_of_test",
    "texts": "alike option_of text_key",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = ("ide", "plan", "test_plan", "types")

__all__ = [
    "CODES",
    "Bound",
    "Bounds",
    "Catalog",
    "Checked",
    "Diagnostic",
    "Edit",
    "Fix",
    "FlowError",
    "Given",
    "LintSettings",
    "LintSettingsError",
    "ParamSpec",
    "Picture",
    "ReducerSpec",
    "Refusal",
    "Source",
    "Span",
    "Where",
    "apply_fixes",
    "bounds_of",
    "check_flow",
    "format_file",
    "make_plan",
    "make_tests",
    "page",
    "parse_flow",
    "picture_of",
    "plan",
    "read_lint_settings",
    "render_diagnostic",
    "render_diagnostics",
    "test_plan",
    "to_dot",
    "to_mermaid",
    "to_svg",
    "types",
]


if not TYPE_CHECKING:
    # Type checkers read the imports above instead. So they report a misspelt name.

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
