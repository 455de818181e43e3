"""The Python half of the playground: one request in, one answer out, both as JSON.

The page runs it in a worker. The text of the flow stands in a folder of the worker's own file system, beside the files
of the examples. Offsets count UTF-16 units, as JavaScript does. Nothing is sent, and no Python of a flow runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import (
    Diagnostic,
    Edit,
    FlowError,
    Source,
    examine_flow,
    format_file,
    ide,
    inert,
    make_plan,
    page,
    parse_flow,
    picture_of,
    render_diagnostic,
    to_svg,
    types,
)
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.plan_view import view as plan_lines
from flowrun.runtime.providers import DEFAULT_MODEL
from flowrun.runtime.vocabulary.errors import FlowrunError, UsageError, mistake_in

LONGEST = 200_000
"""The most characters of a text that the playground checks."""
MOST_SHOWN = 200
"""The most findings that the page shows."""


class Units:
    """The way between the characters of a text and its UTF-16 units."""

    def __init__(self, text: str) -> None:
        self._wide = [at for at, letter in enumerate(text) if ord(letter) > 0xFFFF]

    def unit(self, at: int) -> int:
        """Return the units before a character."""
        return at + sum(wide < at for wide in self._wide) if self._wide else at

    def character(self, unit: int) -> int:
        """Return the characters before a unit."""
        at = unit
        for number, wide in enumerate(self._wide):
            if wide + number >= unit:
                break
            at = max(unit - number - 1, wide)
        return at


class Desk:
    """The text that is edited, with its last view. ``folder`` has the files that it may read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = "playground.flow"
        self.view: ide.View | None = None
        self._requests: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "look": self.look,
            "complete": self.complete,
            "hover": self.hover,
            "format": self.format,
            "plan": self.plan,
            "graph": self.graph,
            "audit": self.audit,
            "test": self.test,
            "explain": self.explain,
        }

    def answer(self, request: str) -> str:
        """Answer a request. Its ``kind`` names a method of this class. A fault becomes ``{"error": sentence}``."""
        asked = json.loads(request)
        try:
            made = self._requests[asked["kind"]](asked)
        except FlowrunError as error:
            made = {"error": inert(str(error))}
        except FlowError as error:
            made = {"error": _findings_sentence(error.diagnostics)}
        except Exception as error:  # noqa: BLE001 (the page must live, whatever the text)
            made = {"error": f"this is a bug in flowrun: {inert(mistake_in(error))}"}
        return json.dumps(made)

    def warm(self) -> None:
        """Load what the first requests need."""
        ide.complete(ide.look(Source("flow f() {\n}\n", self.name), catalog(), self._load), 0)

    # The text

    def look(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Check a text. Return its findings with the changes that are offered, and the roles of its pieces."""
        text = asked["text"]
        if len(text) > LONGEST:
            raise UsageError(f"the playground checks texts of at most {LONGEST:,} characters; use flowrun validate")
        if "\0" in text:
            raise UsageError("this is not text: it has a zero byte, as binary files do")
        before = self.view
        if asked.get("name", self.name) != self.name:
            self.name, before = asked["name"], None
        source = Source(text, self.name)
        self.view = view = ide.look(source, catalog(), self._load, before)
        units = Units(source.text)
        every = ide.fix_all(view)
        return {
            "findings": [self._finding(one, units) for one in view.findings[:MOST_SHOWN]],
            "more": max(0, len(view.findings) - MOST_SHOWN),
            "all": None if every is None else _edits(every.edits, units),
            "tokens": [[units.unit(one.start), units.unit(one.end), one.role] for one in ide.tokens(view)],
            "params": self._params(),
            "tests": 0 if view.checked is None else len(view.checked.file.tests),
        }

    def complete(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the proposals at an offset of the text of the last ``look``."""
        view, units = self._known()
        found = ide.complete(view, units.character(asked["at"]))
        return [
            {
                "label": inert(one.label),
                "kind": one.kind,
                "from": units.unit(one.span.start),
                "to": units.unit(one.span.end),
                "text": one.text,
                "detail": inert(one.detail),
                "more": inert(one.documentation),
                "snippet": one.snippet,
                "rank": one.rank,
            }
            for one in found
        ]

    def hover(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Return the description of what stands at an offset, as Markdown."""
        view, units = self._known()
        found = ide.hover(view, units.character(asked["at"]))
        if found is None:
            return None
        return {"text": inert(found.text), "from": units.unit(found.span.start), "to": units.unit(found.span.end)}

    def format(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return a text as `flowrun fmt` writes it."""
        return {"text": format_file(parse_flow(Source(asked["text"], self.name)))}

    # Answers about the flow

    def plan(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the bounds of a flow as lines. ``inputs`` has texts of values by parameters; "" leaves one open."""
        from flowrun.runtime.files.files import Files
        from flowrun.runtime.forecast.estimate import estimate_plan

        plan = self._plan(asked)
        given = {name: text for name, text in asked.get("inputs", {}).items() if text.strip()}
        values = {one.name: _value(one, given[one.name]) for one in plan.params if one.name in given}
        bounds = estimate_plan(plan, values, Files(self.folder), model=DEFAULT_MODEL, environ={})
        lines = plan_lines(bounds, plan.calls_limit, plan.money_limit, None)
        return {"text": "\n".join(map(inert, lines))}

    def graph(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the picture of a flow as SVG."""
        return {"svg": to_svg(picture_of(self._plan(asked), catalog().functions))}

    def audit(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what foreign text can reach, as `flowrun audit` writes it."""
        from flowrun.dsl import Report
        from flowrun.runtime.cli.audits import about_labels, reaches_of, show_audit

        view, _ = self._known()
        examined = examine_flow(view.source, catalog(), self._load)
        found = tuple(about_labels(examined.findings))
        report = Report((self.name,), found)
        return {"text": inert(show_audit(report, reaches_of([examined])))}

    def test(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Run the tests of the text with their scripted answers."""
        from flowrun.runtime.cli.views.tests import Results, summary_line
        from flowrun.testing.discovery import run_file
        from flowrun.testing.failure_text import failure_text

        view, _ = self._known()
        path = self.folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(view.source.text, encoding="utf-8")
        results = Results()
        results.take(run_file(str(path), costs=False))
        if results.broken:
            raise FlowError(view.findings)
        tests = [
            {
                "title": inert(one.title),
                "status": one.status,
                "line": one.line,
                "text": "\n\n".join(
                    inert(failure_text(one, failed, results.source(one.file))).replace(f"{self.folder}/", "")
                    for failed in one.failures
                ),
            }
            for one in results.outcomes
        ]
        return {"tests": tests, "text": inert(summary_line(results))}

    def explain(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the page of a diagnostic, as Markdown."""
        return {"text": page(asked["code"])}

    # Parts

    def _known(self) -> tuple[ide.View, Units]:
        if self.view is None:
            raise UsageError("the text was not checked yet")
        return self.view, Units(self.view.source.text)

    def _plan(self, asked: dict[str, Any]) -> p.Plan:
        view, _ = self._known()
        if any(one.severity == "error" for one in view.findings):
            raise FlowError(view.findings)
        if view.checked is None or not view.checked.file.flows:
            raise UsageError("this text has no flow")
        return make_plan(view.checked, asked.get("flow"))

    def _params(self) -> list[dict[str, Any]]:
        """Return the parameters of the last flow. None of them if the text has errors."""
        try:
            plan = self._plan({})
        except (FlowError, UsageError):
            return []
        return [
            {"name": one.name, "type": inert(types.show(one.type)), "required": one.required} for one in plan.params
        ]

    def _finding(self, one: Diagnostic, units: Units) -> dict[str, Any]:
        assert self.view is not None
        here = one.span.source is self.view.source
        start, end = (one.span.start, one.span.end) if here else (0, 0)
        offered = ide.actions(self.view, start, end) if here else ()
        return {
            "from": units.unit(start),
            "to": units.unit(end),
            "line": one.span.line,
            "file": inert(one.span.source.name),
            "severity": one.severity,
            "code": one.code,
            "message": inert(one.message),
            "text": inert(render_diagnostic(one)),
            "actions": [
                {"title": inert(action.title), "edits": _edits(action.edits, units)}
                for action in offered
                if action.kind != "all" and (action.finding is None or action.finding == one)
            ],
        }

    def _load(self, path: str) -> Source | str:
        from flowrun.runtime.files.files import Files

        home = (self.folder / self.name).parent
        try:
            return Source(Files(home).read_flow(path), (Path(self.name).parent / path).as_posix())
        except UsageError as error:
            return str(error).replace(f"{self.folder}/", "")


def _edits(edits: tuple[Edit, ...], units: Units) -> list[dict[str, Any]]:
    return [
        {"from": units.unit(one.span.start), "to": units.unit(one.span.end), "insert": one.text}
        for one in sorted(edits, key=lambda one: one.span.start)
    ]


def _value(param: p.Param, text: str) -> Any:
    """Return the value of a parameter from what was typed: a text as it stands, or JSON. Raises InputError."""
    from flowrun.runtime.inputs.inputs import check_value

    value: Any = text
    if param.type != types.TEXT:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
    return check_value(value, param.type, f"`{param.name}`")


def _findings_sentence(found: tuple[Diagnostic, ...] | list[Diagnostic]) -> str:
    errors = sum(one.severity == "error" for one in found)
    return f"the text has {errors} error{'s' * (errors != 1)}: see Problems"
