"""The reach of flows as JSON. docs/reach.md describes each field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..bounds.bound import Bound
from ..reach.reached import Advice, FlowReach, Reached, SourceReach
from .json_text import report_data, span_data, written
from .report import Report

Json = dict[str, Any]


def audit_json(report: Report, flows: Iterable[FlowReach]) -> str:
    """Write one object: that of the findings, as `validate --format json` writes it, and the reach as ``flows``."""
    return written({**report_data(report), "flows": [_flow(one) for one in flows]})


def _flow(flow: FlowReach) -> Json:
    return {
        "file": flow.file,
        "flow": flow.flow,
        "line": flow.line,
        "sources": [_source(one) for one in flow.sources],
        "advice": [_advice(one) for one in flow.advice],
    }


def _source(source: SourceReach) -> Json:
    kept = source.kept
    return {
        "name": source.name,
        "kind": source.kind,
        "flow": source.flow,
        "apart": source.apart,
        "reaches": [_reached(one) for one in source.reached],
        "calls": _bound(source.calls),
        "dollars": _bound(source.cost),
        "cannot_reach": {
            "other_elements": kept.others,
            "params": list(kept.params),
            "externs": list(kept.externs),
            "files": kept.files,
            "hosts": kept.hosts,
            "system": kept.system,
        },
    }


def _reached(one: Reached) -> Json:
    return {
        "kind": one.kind,
        "text": one.text,
        "places": list(one.places),
        "way": list(one.way),
        "width": one.width,
        "bits": one.bits,
        "free": one.free,
        "calls": _bound(one.calls),
        "dollars": _bound(one.cost),
        "others": _bound(one.others),
        "stands": one.stands,
        "line": one.line,
    }


def _bound(bound: Bound | None) -> Json | None:
    return None if bound is None else {"most": bound.most, "why": bound.why}


def _advice(one: Advice) -> Json:
    return {"kind": one.kind, "text": one.text, "file": one.span.source.name, "span": span_data(one.span)}
