"""The changes of lines that would narrow the reach of a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from .. import plan as p
from .. import types as t
from ..checked import Checked
from ..labels.marks import JOINED, TIME, Mark
from ..labels.places import Labels, Place
from ..labels.spans import Spans
from ..source import Span
from .reached import Advice
from .sites import Site, Sites
from .steps import answer_of
from .words import way_of

_SUCH = "`-> yes | no` or `-> 1..5`"
_SUCH_LISTS = "`-> [yes | no]`"
_TEXTS = (t.TEXT, t.JSON, t.INT, t.NUMBER)
_Kind = Literal["type", "vote", "quote", "together", "apart"]
_Given = tuple[_Kind, str, p.Step]


class Adviser:
    """The advice for one flow. A place in an imported file gets advice at its line there."""

    def __init__(self, checked: Checked, plan: p.Plan, labels: Labels, sites: Sites) -> None:
        self.plan = plan
        self.labels = labels
        self.sites = sites
        self._files: dict[str, Spans] = {"": Spans(checked)}
        self._imports: Mapping[str, Checked] = checked.imports

    def all(self) -> tuple[Advice, ...]:
        found: dict[tuple[str, int, str], Advice] = {}
        for place in self.labels.places:
            for site in self.sites.of(place.flow, place.step)[:1]:
                for one in self._place(place, site):
                    found.setdefault((one.span.source.name, one.span.start, one.kind), one)
        return tuple(sorted(found.values(), key=lambda one: (one.span.source.name, one.span.line)))

    def _place(self, place: Place, site: Site) -> Iterator[Advice]:
        for advise in _ADVISERS:
            for key, mark in (place.presence if advise is _together else place.request).items():
                given = advise(place, site, mark, self.sites, apart=self.labels.sources[key].apart)
                if given is None:
                    continue
                kind, text, at = given
                span = self._span(site.flow, at.name, rule=kind == "vote")
                if span is not None:
                    yield Advice(kind, text, span)
                break

    def _span(self, flow: str, step: str, *, rule: bool) -> Span | None:
        path = flow.rpartition(":")[0]
        if path not in self._files:
            checked = self._imports.get(path)
            if checked is None:
                return None
            self._files[path] = Spans(checked)
        spans = self._files[path]
        name = p.plain_name(flow) if flow else self.plan.flow
        if name not in spans.flows:
            return None
        return spans.rule(name, step) if rule else spans.whole(name, step)


def _typed(place: Place, site: Site, mark: Mark, sites: Sites, *, apart: bool) -> _Given | None:
    such = _SUCH if _is_text(site.step, place.kind) else _SUCH_LISTS if _are_texts(site.step, place.kind) else ""
    if not mark.free or place.kind not in ("ask", "reducer") or not such:
        return None
    of = "this answer" if not site.step.shown else f"the answer of {site.title}"
    whose = f"the reducer's answer in {site.title}" if place.kind == "reducer" else of
    return "type", f"give {whose} a type, such as {such}", site.step


def _quoted(place: Place, site: Site, mark: Mark, sites: Sites, *, apart: bool) -> _Given | None:
    """Advise a quote where the prompt shows the text of the source itself, and the answer holds free text."""
    names = way_of(mark.trail, "")
    elements = {block.node.element for block in site.blocks if isinstance(block.node, p.Map)}
    if (
        not mark.free
        or place.kind != "ask"
        or not elements.issuperset(names[1:])
        or not _holds_text(site.step)
        or "(" in names[-1]
    ):
        return None
    return "quote", f"answer with a record whose field is a `quote of {names[-1]}`, checked against it", site.step


def _voted(place: Place, site: Site, mark: Mark, sites: Sites, *, apart: bool) -> _Given | None:
    if place.kind != "reducer" or not apart or mark.mix != JOINED or not mark.free:
        return None
    return "vote", "let a rule combine typed answers, such as `reduce majority`, instead of this ask", site.step


def _apart(place: Place, site: Site, mark: Mark, sites: Sites, *, apart: bool) -> _Given | None:
    if place.kind != "ask" or not apart or mark.mix != JOINED or not mark.free or mark.told:
        return None
    return "apart", "ask about each element apart: `map one in … { ask … }`", site.step


def _together(place: Place, site: Site, mark: Mark, sites: Sites, *, apart: bool) -> _Given | None:
    if not mark.channels & TIME:
        return None
    early = next((block for block in reversed(site.blocks) if sites.ends_early(block)), None)
    if early is None or not isinstance(early.node, p.Repeat):
        return None
    return "together", "`with launch: together` sends every request, whatever the others say", early


_Adviser = Callable[..., "_Given | None"]
_ADVISERS: tuple[_Adviser, ...] = (_typed, _quoted, _voted, _apart, _together)


def _is_text(step: p.Step, kind: str) -> bool:
    return answer_of(step, kind) in _TEXTS


def _are_texts(step: p.Step, kind: str) -> bool:
    answer = answer_of(step, kind)
    return isinstance(answer, t.ListOf) and answer.item in _TEXTS


def _holds_text(step: p.Step) -> bool:
    return isinstance(step.node, p.Ask) and t.any_part(
        step.node.answer, lambda part: part == t.TEXT or isinstance(part, t.SizedText)
    )
