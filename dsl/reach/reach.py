"""The audit of one flow: the reach of each of its untrusted sources, and the lines that would narrow it."""

from __future__ import annotations

from .. import plan as p
from ..bounds.amounts import Bounds
from ..checked import Checked
from ..labels.marks import CONTROL, COUNT, OWN, TIME, Mark
from ..labels.places import Labels, LabelSource, Place
from .advice import Adviser
from .caused import Caused
from .mentions import Mentions
from .reached import FlowReach, Kept, SourceReach
from .reading import Reading
from .sites import Site, Sites
from .steps import extern_of


def reach_of(checked: Checked, plan: p.Plan, labels: Labels, priced: Bounds | None = None) -> FlowReach:
    """Return the reach of the untrusted sources of a plan, which is a plan of a flow of the checked file.

    ``priced`` has the bounds of the plan with prices. Without them the dollars are not told.
    """
    return _Reach(checked, plan, labels, priced).flow()


class _Reach:
    def __init__(self, checked: Checked, plan: p.Plan, labels: Labels, priced: Bounds | None) -> None:
        self.checked = checked
        self.plan = plan
        self.labels = labels
        self.sites = Sites(plan, checked.catalog.reducers)
        self.caused = Caused(self.sites, priced)
        self.mentions = Mentions(self.sites, labels)
        self.places: dict[str, list[Place]] = {}
        for place in labels.places:
            marked = {*place.request, *place.presence, *place.ended, *place.value, *place.time, *place.tolerance}
            for key in marked:
                self.places.setdefault(key, []).append(place)
        declared = [extern.name.text for extern in checked.file.externs]
        self.externs = tuple(dict.fromkeys([*declared, *map(p.plain_name, plan.externs)]))

    def flow(self) -> FlowReach:
        decl = next(one for one in self.checked.file.flows if one.name.text == self.plan.flow)
        sources = tuple(self._source(one) for one in self.labels.sources.values())
        advice = Adviser(self.checked, self.plan, self.labels, self.sites).all()
        return FlowReach(decl.name.span.source.name, self.plan.flow, decl.name.span.line, sources, advice)

    def _source(self, source: LabelSource) -> SourceReach:
        places = self.places.get(source.key, [])
        reading = Reading(source, places, self.labels, self.sites, self.caused, self.mentions)
        calls, cost = reading.amounts()
        flow = p.plain_name(source.flow) if source.flow else ""
        kept = self._kept(source, places)
        return SourceReach(source.name, source.kind, flow, source.apart, reading.reached(), kept, calls, cost)

    def _kept(self, source: LabelSource, places: list[Place]) -> Kept:
        key = source.key
        called = [one for one in places if one.kind == "extern" and any(key in reach for reach in one.sending)]
        reached = {name for one in called for name in self._externs_of(one)}
        own = source.name if source.kind == "parameter" and not source.flow else None
        return Kept(
            others=self._others(source, places) if source.apart else None,
            params=tuple(one.name for one in self.plan.params if one.name != own),
            externs=tuple(name for name in self.externs if name not in reached),
            every_extern=not reached,
            files=not any(one.kind == "file" and key in one.request for one in places),
            hosts=key not in self.mentions.hosts,
            system=key not in self.mentions.system if self.mentions.has_system else None,
        )

    def _externs_of(self, place: Place) -> list[str]:
        return [name for site in self.sites.of(place.flow, place.step) if (name := extern_of(site.step))]

    def _others(self, source: LabelSource, places: list[Place]) -> bool:
        """Return True if no request of another element can change."""
        for place in places:
            if place.kind not in ("ask", "reducer", "judge"):
                continue
            marks = [reach.get(source.key) for reach in place.sending]
            shared = [one for one in marks if one is not None and _shared(one)]
            if shared and any(self._in_map(site) for site in self.sites.of(place.flow, place.step)):
                return False
        return True

    def _in_map(self, site: Site) -> bool:
        if any(isinstance(block.node, p.Map) for block in site.blocks):
            return True
        return bool(site.flow) and any(self._in_map(call) for call in self.sites.calls.get(site.flow, ()))


def _shared(mark: Mark) -> bool:
    """Return True if an element changes more than its own requests.

    How early a vote ends is told of by itself: it changes no request, only whether it is sent.
    """
    if mark.mix == OWN and mark.axes and not mark.many:
        return False
    return not mark.channels & TIME or bool(mark.channels & CONTROL) or not mark.channels & COUNT
