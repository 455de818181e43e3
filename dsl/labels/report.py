"""The errors and warnings about labels: text in trusted places, ballots with one writer, prompts that join texts."""

from __future__ import annotations

from collections.abc import Iterator

from .. import plan as p
from .. import syntax as s
from ..checked import Checked
from ..diagnostics import Diagnostic, Label
from ..planner import bare_plan
from .labels import labels_of
from .places import Breach, Labels, LabelSource, LabelWarning
from .spans import Spans

_TYPED = "a choice or a range, such as `-> yes | no` or `-> 1..5`, can say only what the flow lists"


def label_findings(checked: Checked, flows: list[tuple[p.Plan, Labels]] | None = None) -> list[Diagnostic]:
    """Return the errors and warnings about the labels of a file. Its imports are checked, and have their own.

    ``flows`` gets the plan of each flow that no other flow of the file calls, with its labels.
    """
    called = {callee.name for callee in checked.typed.nodes.callees.values() if not callee.path}
    found: dict[tuple[str, int, int], Diagnostic] = {}
    for flow in checked.program.flows:
        name = flow.decl.name.text
        if name in called:
            # The walk over its callers reads it too.
            continue
        plan = bare_plan(checked, name)
        labels = labels_of(plan, checked.catalog)
        if flows is not None:
            flows.append((plan, labels))
        for one in _Report(checked, plan, labels).findings():
            found.setdefault((one.code, one.span.start, one.span.end), one)
    return list(found.values())


class _Report:
    """The findings of one plan, as diagnostics with places in the file."""

    def __init__(self, checked: Checked, plan: p.Plan, labels: Labels) -> None:
        self.plan = plan
        self.labels = labels
        self.spans = Spans(checked)
        self.externs = {extern.name.text: extern for extern in checked.file.externs}

    def findings(self) -> Iterator[Diagnostic]:
        for breach in self.labels.breaches:
            if (place := self._here(breach)) is not None:
                yield self._breach(breach, *place)
        for warning in self.labels.warnings:
            if (place := self._here(warning)) is not None:
                yield self._warning(warning, *place)

    def _here(self, found: Breach | LabelWarning) -> tuple[str, str, bool] | None:
        """Return the flow and the step of a finding in this file, and whether the finding is in another file.

        In that case, the step is the call that leads there. None if the other file reports the finding itself.
        """
        if ":" not in found.flow:
            return self._name(found.flow), found.step, False
        source = self.labels.sources[found.source]
        if isinstance(found, LabelWarning) and _path(source.flow) == _path(found.flow):
            # An imported file with errors is not read here, but one with warnings is.
            return None
        own = {"": self.plan.steps, **{key: flow.steps for key, flow in self.plan.flows.items() if ":" not in key}}
        for key, steps in own.items():
            for step in p.walk_steps(steps):
                if isinstance(step.node, p.FlowCall) and self._leads(step.node.flow, found.flow):
                    return self._name(key), step.name, True
        return None

    def _name(self, key: str) -> str:
        return p.plain_name(key) if key else self.plan.flow

    def _leads(self, flow: str, to: str) -> bool:
        todo, seen = [flow], {flow}
        while todo:
            key = todo.pop()
            if key == to:
                return True
            calls = {
                one.node.flow for one in p.walk_steps(self.plan.flows[key].steps) if isinstance(one.node, p.FlowCall)
            }
            todo += calls - seen
            seen |= calls
        return False

    def _breach(self, breach: Breach, flow: str, step: str, elsewhere: bool) -> Diagnostic:
        way = " → ".join(breach.trail)
        names = breach.trail[:-1]
        typed = self._typed(flow, names)
        match breach.kind:
            case "parameter":
                code = "F0502"
                of = f" of `{breach.callee}`" if breach.callee else ""
                message = f"untrusted text reaches the trusted parameter `{breach.part}`{of}: {way}"
                help = typed or f"pass a value that the flow decides, or an answer with a type: {_TYPED}"
                span = self.spans.argument(flow, step, breach.part)
            case "system":
                code, message = "F0503", f"untrusted text reaches a system part: {way}"
                help = "mention it in the `user` part" + (f", or {typed}" if typed else "")
                span = self.spans.mention(flow, step, names, role="system", judge=breach.part == "judge")
            case "path":
                code, message = "F0504", f"untrusted text names a file: {way}"
                help = typed or f"choose among fixed names by an answer with a type: {_TYPED}"
                span = self.spans.call(flow, step, breach.part)
            case "judge":
                code, message = "F0505", f"untrusted text is among the instructions of a judge: {way}"
                help = f"{self.spans.judged(flow, step)}: " + (typed or "delete the mention")
                span = self.spans.mention(flow, step, names, judge=True)
        if elsewhere:
            span = self.spans.whole(flow, step)
        source = self.labels.sources[breach.source]
        note = f"{_writer(source)} can write this text freely"
        return Diagnostic(code, message, span, labels=self._origin(source), note=note, help=help)

    def _typed(self, flow: str, names: tuple[str, ...]) -> str:
        """Return the help to type the last answer on the way. "" if no answer without a type is on the way."""
        for name in reversed(names):
            step = self.spans.step(flow, name)
            if step is not None and isinstance(step.line.node, s.Ask):
                return f"give the answer of `{name}` a type: {_TYPED}"
        return ""

    def _warning(self, warning: LabelWarning, flow: str, step: str, elsewhere: bool) -> Diagnostic:
        source = self.labels.sources[warning.source]
        way = " → ".join(warning.trail)
        if warning.kind == "ballots":
            code = "F0740"
            message = f"{_writer(source)} writes several ballots of one vote: {way}"
            note = (
                "each of these ballots comes from a request that reads the same text, so the text can decide the vote"
            )
            help = "ask once, or vote over several sources: `map page in pages { … } reduce majority`"
            span = self.spans.rule(flow, step)
        else:
            code = "F0741"
            message = f"this prompt joins the texts of several elements: {way}"
            note = f"the text of {_writer(source)} can give orders about all others"
            help = "ask about each element with a typed answer and let a rule combine them, as in `reduce majority`"
            span = self.spans.mention(flow, step, warning.trail, judge=warning.form == "judge")
        if elsewhere:
            span = self.spans.whole(flow, step)
        return Diagnostic(code, message, span, labels=self._origin(source), note=note, help=help)

    def _origin(self, source: LabelSource) -> tuple[Label, ...]:
        """Label the word that makes the source untrusted, if it is in this file."""
        if ":" in source.flow:
            return ()
        word: s.Word | None = None
        if source.kind == "extern":
            word = self.externs[source.name].label if source.name in self.externs else None
        elif source.kind == "parameter":
            param = self.spans.param(self._name(source.flow), source.name)
            word = param.label if param is not None else None
        else:
            span = self.spans.whole(self._name(source.flow), source.step) if source.step else None
            return (Label(span, f"`{source.name}` is untrusted"),) if span is not None else ()
        return (Label(word.span, f"`{source.name}` is untrusted"),) if word is not None else ()


def _path(flow: str) -> str:
    return flow.rpartition(":")[0]


def _writer(source: LabelSource) -> str:
    return f"one element of `{source.name}`" if source.apart else f"`{source.name}`"
