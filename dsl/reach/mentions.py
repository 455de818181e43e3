"""The sources behind names: what chooses a model, and what stands in a system part."""

from __future__ import annotations

from collections.abc import Iterable

from .. import plan as p
from ..labels.places import Labels
from ..labels.prompts import read
from .sites import Site, Sites

_RESULTS = frozenset({"results", "next", "so_far"})


class Mentions:
    """The sources that can change the choice of a model (``hosts``) or the words of a system part (``system``).

    Both have the titles of the steps by source. ``has_system`` says that the plan has a system part. A source that
    might reach such a place is among them.
    """

    def __init__(self, sites: Sites, labels: Labels) -> None:
        self.sites = sites
        self.labels = labels
        self._models = {one.name for one in sites.plan.models}
        self._values: dict[tuple[str, str], set[str]] = {}
        for place in labels.places:
            self._values.setdefault((place.flow, place.step), set()).update(place.value, place.presence)
        self._seen: set[tuple[str, str]] = set()
        self.hosts: dict[str, list[str]] = {}
        self.system: dict[str, list[str]] = {}
        self.has_system = False
        for site in sites.all():
            for ask in _asks(site.step):
                self._ask(site, ask)

    def _ask(self, site: Site, ask: p.Ask) -> None:
        if ask.model is not None and not (isinstance(ask.model, p.Ref) and ask.model.name in self._models):
            _note(self.hosts, self._exprs(site, [ask.model]), site)
        for message in ask.messages:
            if message.role == "system":
                self.has_system = True
                found = read(message.template)
                names = [one.name for one in found.mentions] if found is not None else []
                given = [ask.given[name].value for name in names if name in ask.given]
                _note(self.system, self._exprs(site, given) if given else set(), site)
                _note(self.system, self._names(site, [name for name in names if name not in ask.given]), site)

    def _exprs(self, site: Site, exprs: Iterable[p.Expr]) -> set[str]:
        own = {key for key, one in self.labels.sources.items() if one.step and (one.flow, one.step) == _key(site)}
        parts = list(p.walk_exprs(exprs))
        names = [one.name for one in parts if isinstance(one, p.Ref)]
        for text in parts:
            if isinstance(text, p.TextOf) and (found := read(text.template)) is not None:
                names += [one.name for one in found.mentions]
        return own | self._names(site, names)

    def _names(self, site: Site, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for name in names:
            reduce = getattr(site.step.node, "reduce", None)
            seen = reduce.candidates if isinstance(reduce, p.Reduce) else ()
            if (name in _RESULTS or name in seen) and (block := site.step.block) is not None:
                found = found.union(*(self._values.get((site.flow, one.name), ()) for one in block.steps))
            elif self.sites.of(site.flow, name):
                found |= self._values.get((site.flow, name), set())
            else:
                found |= self._last(site, name) or self._element(site, name) or self._param(site.flow, name)
        return found

    def _last(self, site: Site, name: str) -> set[str]:
        rounds = [block for block in site.blocks if isinstance(block.node, p.Rounds | p.Cascade)]
        return self._values.get((site.flow, rounds[-1].name), set()) if rounds and name == "last" else set()

    def _element(self, site: Site, name: str) -> set[str]:
        for place, block in enumerate(site.blocks):
            listed = p.listed(block.node)
            if listed is not None and listed[0] == name:
                around = Site(block, site.flow, site.blocks[:place], asks_ballots=False, vote=None)
                return self._exprs(around, [listed[1]])
        return set()

    def _param(self, flow: str, name: str) -> set[str]:
        if (flow, name) in self._seen:
            return set()
        self._seen.add((flow, name))
        found = {
            key
            for key, one in self.labels.sources.items()
            if (one.kind, one.flow, one.name) == ("parameter", flow, name)
        }
        for call in self.sites.calls.get(flow, ()) if flow else ():
            node = call.step.node
            if isinstance(node, p.FlowCall) and name in node.args:
                found |= self._exprs(call, [node.args[name]])
        self._seen.discard((flow, name))
        return found


def _note(found: dict[str, list[str]], sources: set[str], site: Site) -> None:
    for source in sources:
        titles = found.setdefault(source, [])
        if site.title not in titles:
            titles.append(site.title)


def _key(site: Site) -> tuple[str, str]:
    return site.flow, site.step.name


def _asks(step: p.Step) -> tuple[p.Ask, ...]:
    if isinstance(step.node, p.Ask):
        return (step.node,)
    return step.node.reduce.asks if isinstance(step.node, (p.Map, p.Repeat, p.Fanout)) else ()
