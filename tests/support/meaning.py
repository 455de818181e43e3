"""The meaning of a flow: a reader of its tree that works it out one step after another, with an oracle for a model.

It is written from the documentation alone, and shares no code with the runtime or the bounds. It finds the value of the
flow and of its steps, the calls that are made, and for each call the calls that must end before it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from flowrun.dsl import syntax as s
from flowrun.dsl import types as t

from .meaning_blocks import Blocks
from .meaning_cascades import cascade
from .meaning_rounds import rounds
from .meaning_values import ANSWER, Got, Place, Unsound, lines_of, mentioned, narrowed
from .meaning_votes import Lost, Undecided
from .oracle import Form, Key, Oracle

Json = Any
RETRIES = 2


@dataclass
class Meaning:
    """The meaning of one run. ``value`` is a Lost if the flow has no value; ``steps`` are its own steps with a value.

    ``before`` has for each call the calls that must end first, and ``models`` the addresses that it may go to.
    ``undecided`` says why no value can be predicted, if so.
    A reading that is ``cut`` stopped there, so other steps may make the same calls earlier.
    """

    value: Json | Lost = None
    steps: dict[str, Json] = field(default_factory=dict)
    before: dict[Key, frozenset[Key]] = field(default_factory=dict)
    models: dict[Key, set[str]] = field(default_factory=dict)
    undecided: str = ""
    cut: bool = False


@dataclass
class Reader(Blocks):
    """A reader of one run of a file's last flow. ``calls`` has for each call the calls that must end before it."""

    file: s.File
    oracle: Oracle
    calls: dict[Key, frozenset[Key]] = field(default_factory=dict)
    addresses: dict[Key, set[str]] = field(default_factory=dict)
    used: list[set[Key]] = field(default_factory=lambda: [set()])
    count: int = 0

    def __post_init__(self) -> None:
        self.types: dict[str, t.Type] = {}
        for declared in self.file.types:
            self.types[declared.name.text] = self.read(declared.type)
        self.models = {model.name.text: model for model in self.file.models}
        self.flows = {flow.name.text: flow for flow in self.file.flows}
        self.texts = {text.name.text: text.string.value for text in self.file.texts}
        for _ in self.texts:
            for name, text in self.texts.items():
                self.texts[name] = re.sub(r"\{\{ (\w+) \}\}", lambda found: self.texts[found[1]], text)
        self.unnamed = {one.name.text: one.value for decl in self.file.defaults for one in decl.options}

    def meaning(self, inputs: Mapping[str, Json]) -> Meaning:
        flow = self.file.flows[-1]
        given = {name: Got(value) for name, value in inputs.items()}
        place = Place(lines_of(flow.body), given=given, main=True, options=flow.options)
        place.retries = self.retries(place, None)
        found = Meaning(before=self.calls, models=self.addresses)
        try:
            for name in place.lines:
                with suppress(Lost):
                    found.steps[name] = self.get(place, name).value
            try:
                found.value = self.value(flow.returns[0].value, place)
            except Lost as lost:
                found.value = lost
        except Undecided as why:
            found.undecided, found.cut = str(why) or "undecided", True
        if flow.budget is not None and flow.budget.calls is not None and self.count > flow.budget.calls.value:
            found.undecided = "the budget may not hold all calls"
        return found

    # Names

    def look(self, place: Place, name: str) -> Got | None:
        home: Place | None = place
        while home is not None:
            if name in home.given or name in home.lines:
                return self.get(home, name)
            home = home.outer
        return Got(self.texts[name]) if name in self.texts else None

    def retries(self, place: Place, around: int | None) -> int | None:
        """Return the retries that the asks of a flow take from it, or else from what is around its call."""
        own = [one.value for one in place.options if one.name.text == "retries"]
        return self.value(own[0], place) if own else around

    def inherited(self, place: Place) -> dict[str, Json]:
        """Return the options that the flow of a place gives to its asks."""
        while place.outer is not None:
            place = place.outer
        return {one.name.text: self.value(one.value, place) for one in place.options if one.name.text != "retries"}

    def get(self, place: Place, name: str) -> Got:
        if name in place.given:
            got = place.given[name]
        elif name in place.failed:
            raise place.failed[name]
        else:
            if name not in place.done:
                try:
                    place.done[name] = self.step(place, name, place.lines[name])
                except Lost as lost:
                    place.failed[name] = Lost(
                        str(lost), abstains=lost.abstains, outside=True if place.main else lost.outside
                    )
                    raise place.failed[name] from None
            got = place.done[name]
        self.used[-1] |= got.calls
        return got

    @contextmanager
    def collecting(self) -> Iterator[set[Key]]:
        self.used.append(set())
        try:
            yield self.used[-1]
        finally:
            self.used.pop()

    # Steps

    def step(self, place: Place, name: str, line: s.Line) -> Got:
        with self.collecting() as used:
            # A mention is an edge, even if its value is never used.
            for word in [*(one.text for one in line.after), *mentioned(line)]:
                self.look(place, word)
            if line.when is not None and not self.value(line.when.condition, place):
                if isinstance(line.node, s.Map) and isinstance(line.node.source, s.Name):
                    # A map whose list fails fails too, even when it is skipped.
                    self.look(place, line.node.source.word.text)
                value = None if line.when.otherwise is None else self.value(line.when.otherwise, place)
                return Got(value, frozenset(used))
            options = {option.name.text: option.value for option in line.options}
            match line.node:
                case s.Ask():
                    return self.ask(line.node, place, options, name=name)
                case s.Map() | s.Repeat() | s.Fanout() | s.Chain():
                    got = self.block(line.node, place, name, options)
                case s.Match():
                    got = self.match(line.node, place, options)
                case s.Rounds():
                    got = rounds(self, line.node, place, options)
                case s.Cascade():
                    got = cascade(self, line.node, place, options)
                case s.Call(function) if function.text in self.flows:
                    got = self.flow(line.node, place, options)
                case _:
                    items = None
                    if isinstance(line.node, s.Name):
                        found = self.look(place, line.node.word.text)
                        items = None if found is None else found.items
                    got = Got(self.value(line.node, place), items=items)
            return Got(got.value, got.calls | used, got.items)

    def flow(self, call: s.Call, place: Place, options: Mapping[str, s.Expr | s.Ask]) -> Got:
        flow = self.flows[call.function.text]
        given: dict[str, Got] = {}
        for param, arg in zip(flow.params, call.args, strict=False):
            wanted = next((one for one in flow.params if arg.name and one.name.text == arg.name.text), param)
            given[wanted.name.text] = Got(narrowed(self.value(arg.value, place), self.read(wanted.type)))
        for param in flow.params:
            if param.name.text not in given:
                assert param.default is not None
                given[param.name.text] = Got(self.value(param.default, Place({})))
        # The retries of the call and of the blocks around it reach into the flow.
        retries = self.value(options["retries"], place) if "retries" in options else place.retries
        inner = Place(lines_of(flow.body), given=given, base=place.base | self.used[-1], options=flow.options)
        inner.retries = self.retries(inner, retries)
        inner.index, inner.samples, inner.sampled = 0, 0, place
        before = self.count
        with self.collecting() as used:
            self.all(inner)
            result = flow.returns[0].value
            value = self.value(result, inner)
        calls = None if flow.budget is None else flow.budget.calls
        if calls is not None and self.count - before > calls.value:
            raise Undecided("the budget of a called flow may not hold all calls")
        items = (
            inner.done[result.word.text].items
            if isinstance(result, s.Name) and result.word.text in inner.done
            else None
        )
        return Got(value, frozenset(used), items)

    def all(self, place: Place) -> None:
        """Work out every line. A line that fails makes the body fail."""
        lost = []
        for name in place.lines:
            try:
                self.get(place, name)
            except Lost as one:
                lost.append(one)
        if lost:
            raise either(lost)

    # Calls

    def ask(
        self,
        ask: s.Ask,
        place: Place,
        options: Mapping[str, s.Expr | s.Ask],
        given: dict[str, Json] | None = None,
        *,
        answer: t.Type | None = None,
        ballot: bool | None = None,
        behind: frozenset[Key] = frozenset(),
        name: str = ANSWER,
    ) -> Got:
        """Make one call. ``answer`` is its type if a rule sets it; ``given`` depends on the calls in ``behind``.

        ``name`` is the name of its answer in its check.
        """
        with self.collecting() as used:
            model = None if ask.model is None else self.models[str(self.value(ask.model, place))]
            settings = {name: self.value(value, place) for name, value in options.items()}
            declared = self.unnamed if model is None else {one.name.text: one.value for one in model.options}
            settings = {**self.inherited(place), **settings}
            key = self.key(ask, place, settings, given or {})
            type_ = answer or (t.TEXT if ask.answer is None else self.read(ask.answer))
            form = form_of(type_)
            self.calls[key] = self.calls.get(key, frozenset(used | behind | place.base)) & (used | behind | place.base)
            turns = self.oracle.turns(key, form)
            retries = settings.get("retries", place.retries)
            if retries is None:
                retries = self.value(declared["retries"], place) if "retries" in declared else RETRIES
            counts = place.ballot if ballot is None else ballot
            self.count += 1 if counts else min(turns, retries) + 1
            addresses = ["m"] if model is None else [model.address.value]
            if model is not None and model.fallback is not None:
                addresses.append(model.fallback.value)
            self.addresses.setdefault(key, set()).update(addresses)
            refused = [self.oracle.refuses(key, address) for address in addresses]
            self.count += sum(refused)
            if all(refused):
                raise Lost("refused", abstains=False)
            if turns > (0 if counts else retries):
                raise Lost("no answer of its type", abstains=True)
            said = self.oracle.says(key, form)
            if not self.holds(ask, said, name, place):
                # The model is told why, and changes its mind once.
                if turns >= (0 if counts else retries):
                    raise Lost("no answer that passes its check", abstains=True)
                self.count += 1
                said = self.oracle.says(key, form, again=True)
                if not self.holds(ask, said, name, place):
                    self.count += max(0, retries - turns - 1)
                    raise Lost("no answer that passes its check", abstains=True)
            return Got(said, frozenset(used | behind | {key}))

    def holds(self, ask: s.Ask, said: Json, name: str, place: Place) -> bool:
        if ask.check is None:
            return True
        given = {word: Got(said) for word in (name, ANSWER)}
        return bool(self.value(ask.check.condition, Place({}, place, given=given)))

    def key(self, ask: s.Ask, place: Place, settings: Mapping[str, Json], given: dict[str, Json]) -> Key:
        messages = tuple(
            (one.role.text if one.role else "user", self.text(one.template.value, place, given)) for one in ask.messages
        )
        return messages, self.seed(settings.get("seed"), place)

    def seed(self, seed: int | None, place: Place) -> int | None:
        """Return the seed of a sample, different for each sample, also in nested repeats."""
        scale, rounds = 1, 0
        home: Place | None = place
        while seed is not None and home is not None:
            if home.samples:
                seed += home.index * scale
                scale *= home.samples
            if "last" in home.given and home.round >= 0:
                # The diagonals of all pairs of an inner number and an outer one.
                rounds = sum(range(rounds + home.round + 1)) + home.round
            home = home.outer or home.sampled
        return None if seed is None else seed + rounds * scale


def form_of(type_: t.Type) -> Form:
    if type_ == t.TEXT:
        return Form()
    if isinstance(type_, t.Choice):
        return Form(choices=type_.options)
    return Form(schema=t.json_schema(type_))


def either(lost: Sequence[Lost]) -> Lost:
    """Join several failures into one, which keeps only the facts on which they agree: the first depends on time."""
    abstains = {one.abstains for one in lost}
    outside = {one.outside for one in lost}
    return Lost(
        str(lost[0]),
        abstains=abstains.pop() if len(abstains) == 1 else None,
        outside=outside.pop() if len(outside) == 1 else None,
    )


__all__ = ["Meaning", "Reader", "Unsound"]
