"""The requests that a walk meets: the places that it keeps, and what it has to say about them."""

from __future__ import annotations

from collections.abc import Mapping, Set

from .. import plan as p
from ..catalog import Catalog
from .expressions import Expressions, Scope
from .marks import CONTENT, CONTROL, NOTHING, NUMBER_BITS, Mark, Reach, changed, narrowed, union
from .places import FenceKey, LabelWarning, Place, PlaceKind, WarningKind
from .prompts import text_reach
from .shapes import shaped
from .values import EMPTY, Value, either

PlaceKey = tuple[str, str, PlaceKind]


class Requests(Expressions):
    """The part of the walk that reads asks and externs.

    ``presence`` has the marks of what decides whether the current step runs. ``touched`` has the places of the body
    that is read, and ``time`` the sources that can delay it; the last of each belongs to the innermost body. ``hedged``
    has the requests that are sent again if they are slow.
    """

    def __init__(self, plan: p.Plan, catalog: Catalog) -> None:
        super().__init__(catalog.functions)
        self.plan = plan
        hedging = {model.name for model in plan.models if "hedge" in model.options}
        self.steady = {model.name for model in plan.models if model.name not in hedging} if hedging else None
        self.hedged: set[PlaceKey] = set()
        self.places: dict[PlaceKey, Place] = {}
        self.warnings: dict[LabelWarning, None] = {}
        self.fenced: dict[FenceKey, set[int]] = {}
        self.presence: Reach = NOTHING
        self.touched: list[set[PlaceKey]] = [set()]
        self.time: list[set[str]] = [set()]

    def keep(self, kind: PlaceKind, request: Reach, value: Value, time: Set[str] = frozenset()) -> None:
        """Keep what reaches a place."""
        whole = value.whole()
        self.time[-1].update(request, self.presence)
        key = (self.here.flow, self.here.step, kind)
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = Place(*key, self.here.line)
        place.merge(request, self.presence, whole, time)
        self.touched[-1].add(key)

    def on_file(self, function: str, path: Reach) -> None:
        self.keep("file", path, EMPTY)

    def warn(self, kind: WarningKind, source: str, form: str, mark: Mark) -> None:
        here = self.here
        names = mark.trail.names()
        title = "" if here.step.startswith("#") else here.step
        trail = (*names, title) if title and names[-1:] != (title,) else names
        self.warnings.setdefault(LabelWarning(kind, source, here.flow, here.step, form, trail))

    def ask(
        self, ask: p.Ask, kind: PlaceKind, options: Mapping[str, p.Expr], scope: Scope, also: Reach = NOTHING
    ) -> Value:
        """Read an ask, and return its answer. ``also`` has the marks of what decides about it beside its prompt."""
        parts = [self.reach(ask.model, scope)]
        seen = self.seen(ask, scope)
        for message in ask.messages:
            fenced = self.fenced.setdefault((self.here.flow, self.here.step, message.template), set())
            said = text_reach(message.template, seen.value, fenced)
            if message.role == "system":
                self.refuse("system", said, kind, "system")
            parts.append(said)
        if ask.check is not None:
            parts.append(self.checked(ask.check, scope))
        request = union(*parts, self.args(options, scope), also)
        for source, mark in request.items():
            if mark.joins and not mark.told and self.sources[source].apart:
                self.warn("joined", source, kind, mark)
        read = changed(request, _told) if any(mark.joins for mark in request.values()) else request
        value = shaped(ask.answer, read)
        # The walk keeps the value of a step itself.
        self.keep(kind, request, EMPTY if kind == "ask" else value)
        if "hedge" in options or self._may_hedge(ask.model):
            self.hedged.add((self.here.flow, self.here.step, kind))
        return value

    def checked(self, check: p.Check, scope: Scope) -> Reach:
        """Return the marks of what a check compares an answer with: it decides whether the ask is made again.

        The model is then told the numbers that the check compares, and no text but its own.
        """
        inner = Scope(scope, dict.fromkeys(check.names, EMPTY))
        compared = [self.reach(one, inner) for one in p.walk_exprs([check.condition])]
        return narrowed(union(*compared), NUMBER_BITS, CONTENT | CONTROL)

    def seen(self, ask: p.Ask, scope: Scope) -> Scope:
        """Return the scope of the messages of an ask, which may be given values under names of their own."""
        if not ask.given:
            return scope
        return Scope(scope, {name: self.value(one.value, scope) for name, one in ask.given.items()})

    def _may_hedge(self, model: p.Expr | None) -> bool:
        """Return True if an expression may be a model that is declared with `hedge`."""
        if self.steady is None or model is None:
            return False
        return not (isinstance(model, p.Ref) and model.name in self.steady)

    def passing(self, passing: p.Passing, scope: Scope) -> Reach:
        """Read the condition of a search, and return the marks of its verdicts."""
        if passing.extern is None:
            return union(*(self.reach(one, scope) for one in passing.exprs))
        given = {name: self.value(arg, scope) for name, arg in passing.args.items()}
        return self.extern(passing.extern, given, self.plan.externs[passing.extern]).whole()

    def extern(self, key: str, given: Mapping[str, Value], extern: p.Extern) -> Value:
        name = p.plain_name(key)
        for param in extern.params:
            if param.label == "trusted" and param.name in given:
                self.refuse("parameter", given[param.name].whole(), param.name, f"{name}.{param.name}", name)
        request = union(*(value.whole() for value in given.values()))
        value = EMPTY if extern.label == "trusted" else shaped(extern.type, request)
        if extern.label == "untrusted":
            value = either(value, self.source("extern", name, extern.type))
        self.keep("extern", request, value)
        return value


def _told(mark: Mark) -> Mark:
    return mark._replace(told=True) if mark.joins else mark
