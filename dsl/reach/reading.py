"""The reading of a plan's labels as reach: what each mark means for a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..bounds.bound import Bound, any_of, total
from ..labels.marks import CONTROL, COUNT, COUNTED, OWN, TIME, Mark
from ..labels.places import Labels, LabelSource, Place
from .caused import Caused
from .mentions import Mentions
from .reached import Reached, ReachedKind
from .sites import Site, Sites
from .spending import spendings
from .steps import answer_of, called_title, extern_of, may_be_free, stands_of
from .words import names_in_words, way_of, width_words

_REQUESTS = ("ask", "reducer", "judge")
_FORMS = {"reducer": "reducer", "judge": "judge"}
_ORDER: tuple[ReachedKind, ...] = (
    "ballot", "ballots", "answer", "request", "extern", "file", "host", "system", "control", "number", "early",
    "failures", "budget", "time", "result",
)  # fmt: skip


class Reading:
    """The reach of one source, read from the places that its marks are on."""

    def __init__(
        self,
        source: LabelSource,
        places: list[Place],
        labels: Labels,
        sites: Sites,
        caused: Caused,
        mentions: Mentions,
    ) -> None:
        self.source = source
        self.places = places
        self.sites = sites
        self.caused = caused
        self.mentions = mentions
        self._voted = {
            (one.flow, one.step) for one in labels.warnings if (one.kind, one.source) == ("ballots", source.key)
        }
        self._asked = {(one.flow, one.step) for one in places if one.kind in _REQUESTS and source.key in one.request}
        self.scarce = labels.scarce
        self._votes: dict[str, None] = {}
        self._grouped: dict[tuple[ReachedKind, str], list[Reached]] = {}

    def reached(self) -> tuple[Reached, ...]:
        """Return what one element reaches, the ballots first and the result last."""
        found = [one for place in self.places for one in self._place(place)]
        found += [_joined(several) for several in self._grouped.values()]
        found += [*self._mentioned(), *self._budgets()]
        found.sort(key=lambda one: _ORDER.index(one.kind))
        return tuple(self._with_votes(found))

    def _mentioned(self) -> Iterator[Reached]:
        """Yield the choice of a model and the words of a system part, if the source can change them."""
        found: tuple[tuple[ReachedKind, str, list[str]], ...] = (
            ("system", "words in the system part of", self.mentions.system.get(self.source.key, [])),
            ("host", "the choice of the model of", self.mentions.hosts.get(self.source.key, [])),
        )
        for kind, text, titles in found:
            if titles:
                yield Reached(kind, f"{text} {names_in_words(tuple(titles))}", tuple(titles), ())

    def _budgets(self) -> Iterator[Reached]:
        spent = {one.flow for one in self.places if one.kind in _REQUESTS and any(True for _ in self._deciding(one))}
        return spendings(self.sites, self.scarce, spent, ends=not any(one.ended for one in self.places))

    def amounts(self) -> tuple[Bound, Bound | None]:
        """Return the most calls and dollars that one element can cause."""
        calls, costs = [], []
        for place in self.places:
            if place.kind in _REQUESTS:
                marks = [*self._deciding(place)]
                if not marks:
                    continue
                calls.append(any_of([self.caused.calls(place, mark) for mark in marks]))
                costs.append([self.caused.cost(place, mark) for mark in marks])
        plan = self.sites.plan
        known = [any_of([one for one in several if one is not None]) for several in costs]
        money = None if self.caused.costs is None else total(known).capped(plan.money_limit)
        return total(calls).capped(plan.calls_limit), money

    # Lines of a single place

    def _deciding(self, place: Place) -> Iterator[Mark]:
        """Yield the marks by which an element can change a request, or bring it about."""
        key = self.source.key
        if (request := place.request.get(key)) is not None:
            yield request
        presence = place.presence.get(key)
        if presence is not None and (presence.channels & CONTROL or not presence.channels & TIME):
            yield presence
        if (ended := place.ended.get(key)) is not None:
            yield ended

    def _place(self, place: Place) -> Iterator[Reached]:
        key = self.source.key
        site = next(iter(self.sites.of(place.flow, place.step)), None)
        if place.kind == "result":
            yield from self._result(place)
        if site is None:
            return
        request, presence = place.request.get(key), place.presence.get(key)
        if request is not None and place.kind in _REQUESTS:
            yield self._request(place, site, request)
        elif request is not None and place.kind == "extern":
            yield self._extern(place, site, request)
        elif request is not None and place.kind == "file":
            width = width_words(None, request.bits, free=request.free)
            yield self._made("file", f"the name of a file in {site.title} ({width})", place, site, request, width)
        asked = (place.flow, place.step) in self._asked  # then the ballot is told with its request
        if not asked and place.kind not in _REQUESTS and site.vote is not None and key in place.value:
            yield self._ballot(place, site, place.value[key], None)
        if presence is not None and place.kind in (*_REQUESTS, "extern"):
            self._decided(place, site, presence)
        ended = place.ended.get(key)
        if ended is not None and place.kind in (*_REQUESTS, "extern") and not _says(ended, request, presence):
            self._decided(place, site, ended)
        if key in place.tolerance:
            self._group("failures", "the failures that {} may have", site.title, place, None)
        known = request is not None or presence is not None or ended is not None
        if key in place.time and not known and place.kind in (*_REQUESTS, "extern"):
            self._group("time", "when {} can begin", called_title(site), place, None)

    def _request(self, place: Place, site: Site, request: Mark) -> Reached:
        answered = place.value.get(self.source.key, request)
        type_ = answer_of(site.step, place.kind)
        width = width_words(type_, answered.bits, free=answered.free and may_be_free(type_))
        if place.kind == "ask" and site.vote is not None:
            return self._ballot(place, site, answered, request)
        kind: ReachedKind = "request"
        role = _FORMS.get(place.kind, "")
        at = "of" if site.step.shown else "at"
        of = f"{at} {site.title}" if not role else f"of the {role} {at} {site.title}"
        if request.mix == OWN and request.axes and not request.many:
            named = f" {site.title}" if site.step.shown else f" at {site.title}"
            kind, text = "answer", f"its own answer{named} ({width})" if not role else f"its own request {of} ({width})"
        elif request.mix == COUNTED:
            text = f"the request {of}, by its ballot, so its answer ({width})"
        elif self.source.apart:
            text = f"the request {of}, which joins all elements, so its answer ({width})"
        else:
            every = "every" if self.caused.repeats(place) else "the"
            text = f"{every} request {of}, so its answer ({width})"
        return self._made(kind, text, place, site, request, width, answered)

    def _ballot(self, place: Place, site: Site, mark: Mark, request: Mark | None) -> Reached:
        assert site.vote is not None
        vote = site.title_of(site.vote)
        self._votes[vote] = None
        width = width_words(answer_of(site.step, place.kind), mark.bits, free=mark.free)
        kind: ReachedKind = "ballot"
        if (site.flow, site.vote.name) in self._voted:
            kind, text = "ballots", f"several ballots of {vote} ({width} each)"
        elif mark.mix == OWN and mark.axes:
            text = f"its own ballot{{}} ({width})"
        else:
            text = f"the ballot {site.title} of {vote} ({width})"
        made = self._made(kind, text, place, site, request, width, mark)
        return replace(made, places=(vote,), stands=stands_of(site.vote))

    def _extern(self, place: Place, site: Site, request: Mark) -> Reached:
        width = width_words(None, request.bits, free=request.free)
        text = f"the arguments of {called_title(site)} ({width})"
        return replace(self._made("extern", text, place, site, request, width), places=(called_title(site),))

    def _result(self, place: Place) -> Iterator[Reached]:
        mark = place.value.get(self.source.key)
        if place.flow or mark is None:
            return
        width = width_words(self.sites.plan.type, mark.bits, free=mark.free)
        text = f"the result, by its ballot ({width})" if mark.mix == COUNTED else f"the result ({width})"
        way = way_of(mark.trail, self.source.name)
        yield Reached("result", text, ("result",), way, width, _bits(mark), mark.free, line=place.line)

    def _decided(self, place: Place, site: Site, presence: Mark) -> None:
        asks = place.kind in _REQUESTS
        calls = self.caused.calls(place, presence) if asks else None
        if presence.channels & CONTROL:
            verb = "runs" if asks else "is called"
            self._group("control", f"whether {{}} {verb}", called_title(site), place, presence, calls=calls)
        elif presence.channels & COUNT and not presence.channels & TIME:
            self._group("number", "how many requests {} sends", called_title(site), place, presence, calls=calls)
        if presence.channels & TIME:
            ended = self._ending(site)
            others = self.caused.calls(place, None) if asks else None
            if ended:
                self._group("early", "how early {} ends", ended, place, None, others=others)
            else:
                self._group("number", "whether `hedge` sends {} again", called_title(site), place, None, others=others)

    def _ending(self, site: Site) -> str:
        for block in reversed(site.blocks):
            if self.sites.ends_early(block):
                return site.title_of(block)
        above = self.sites.calls.get(site.flow, ()) if site.flow else ()
        return next((name for call in above if (name := self._ending(call))), "")

    # Making

    def _made(
        self,
        kind: ReachedKind,
        text: str,
        place: Place,
        site: Site,
        request: Mark | None,
        width: str,
        answered: Mark | None = None,
    ) -> Reached:
        told = answered or request
        assert told is not None
        names = way_of((request or told).trail, self.source.name)
        last = extern_of(site.step) or site.step.shown
        way = names if not site.step.shown or names[-1:] == (last,) else (*names, last)
        asks = place.kind in _REQUESTS and request is not None
        return Reached(
            kind,
            text,
            (site.title,),
            way,
            width,
            _bits(told),
            told.free,
            self.caused.calls(place, request) if asks else None,
            self.caused.cost(place, request) if asks else None,
            line=place.line,
        )

    def _group(
        self,
        kind: ReachedKind,
        text: str,
        title: str,
        place: Place,
        mark: Mark | None,
        *,
        calls: Bound | None = None,
        others: Bound | None = None,
    ) -> None:
        """Keep a thing that several steps may have in common, to tell it once."""
        way = way_of(mark.trail, self.source.name) if mark is not None else ()
        bits = _bits(mark) if mark is not None else 0.0
        made = Reached(kind, text, (title,), way, "", bits, calls=calls, others=others, line=place.line)
        self._grouped.setdefault((kind, text), []).append(made)

    def _with_votes(self, found: list[Reached]) -> Iterator[Reached]:
        """Name the vote of a ballot, unless there is only one vote."""
        own = {one.text for one in found if one.kind == "ballot"}
        counted = any(one.kind == "ballot" for one in found)
        for one in found:
            if one.kind == "result" and one.text.startswith("the result, by") and counted:
                continue
            of = f" of {one.places[0]}" if len(self._votes) > 1 or len(own) > 1 else ""
            yield replace(one, text=one.text.replace("{}", of, 1)) if one.kind == "ballot" else one


def _says(ended: Mark, *known: Mark | None) -> bool:
    """Return True if other marks of a place say already that one of the same elements decides about it."""
    return any(mark is not None and (ended.mix == OWN or mark.mix != OWN) for mark in known)


def _joined(several: list[Reached]) -> Reached:
    """Make one of what several steps have in common."""
    first = several[0]
    titles = tuple(dict.fromkeys(title for one in several for title in one.places if title))
    text = first.text
    if len(titles) > 1:
        text = text.replace(" runs", " run").replace(" is called", " are called")
        text = text.replace(" sends", " send").replace(" ends", " end")
    calls = [one.calls for one in several if one.calls is not None]
    others = [one.others for one in several if one.others is not None]
    bits = None if any(one.bits is None for one in several) else max(one.bits or 0.0 for one in several)
    return replace(
        first,
        text=text.format(names_in_words(titles)),
        places=titles,
        bits=bits,
        calls=total(calls) if calls else None,
        others=total(others) if others else None,
    )


def _bits(mark: Mark) -> float | None:
    return None if mark.bits == float("inf") or mark.free else mark.bits
