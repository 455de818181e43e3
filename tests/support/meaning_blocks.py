"""The meaning of the blocks of a flow: their bodies, their losses and their reducers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from math import floor
from statistics import mean, median
from typing import Any

from flowrun.dsl import syntax as s
from flowrun.dsl import types as t

from .meaning_bodies import Bodies
from .meaning_searches import ordered, searched, searches
from .meaning_values import Candidates, Got, Place, Unsound, Values, lines_of
from .meaning_votes import MISSING, Lost, Undecided, Vote
from .oracle import Form, Key, Oracle, merged

Json = Any
VOTES = frozenset({"majority", "quorum", "unanimous", "weighted", "ahead", "window", "approval", "ranked"})
POSITIONAL = {"concat": "separator", "quorum": "votes", "ahead": "lead", "window": "width"}
POSITIONAL |= {"fold": "from", "count": "of"}
WORDS = frozenset({"by", "of", "order", "method", "ties"})
"""Arguments that take a plain word, and not the value of a name."""


def named(node: s.Map, element: Got, index: int) -> dict[str, Got]:
    """Return the values of the names that a map gives to its body and to its `where`."""
    given = {node.element.text: element}
    return given if node.index is None else {**given, node.index.text: Got(index)}


class Blocks(Values):
    oracle: Oracle
    count: int

    used: list[set[Key]]

    @abstractmethod
    def all(self, place: Place) -> None: ...

    @abstractmethod
    def collecting(self) -> AbstractContextManager[set[Key]]: ...

    @abstractmethod
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
    ) -> Got: ...

    def block(
        self, node: s.Map | s.Repeat | s.Fanout | s.Chain, place: Place, name: str, options: Mapping[str, Any]
    ) -> Got:
        rule = "" if isinstance(node, s.Chain) else node.reduce.rule.text
        votes = rule in VOTES and not isinstance(node, s.Chain) and node.reduce.ask is None
        retries = self.value(options["retries"], place) if "retries" in options else place.retries
        base = place.base | self.used[-1]

        def opened() -> Place:
            ballot = votes or (isinstance(node, s.Chain) and place.ballot)
            return Place(lines_of(node.body), place, base=base, ballot=ballot, retries=retries)

        if isinstance(node, s.Chain):
            inner = opened()
            got = self.body(inner)
            return Got(got.value, got.calls, inner.done[inner.last].items)
        spares = votes or rule == "first"
        if isinstance(node, s.Fanout):
            bodies = self.branches(opened())
            policy = "skip" if spares else self.policy(options, place)
        else:
            bodies = Bodies(list(self.run(node, place, opened)))
            policy = self.policy(options, place) if isinstance(node, s.Map) else "fail"
            policy = "skip" if spares and policy in ("fail", "none") else policy
        if not isinstance(node, s.Chain) and searches(node.reduce):
            outer = Place({}, place, base=place.base, retries=retries, tallies=place.tallies)
            return searched(self, node, outer, bodies, policy)
        self.spare(bodies, policy, races=spares)
        # The asks of a reducer belong to the block, and see the names around it.
        around = Place({}, place, base=place.base, retries=retries, tallies=place.tallies)
        return self.reduce(node, around, name, bodies, options, keeps=policy == "none")

    def match(self, node: s.Match, place: Place, options: Mapping[str, Any]) -> Got:
        """Run the one branch for the class of the value."""
        retries = self.value(options["retries"], place) if "retries" in options else place.retries
        value = self.value(node.value, place)
        word = "none" if value is None else str(value).lower() if isinstance(value, bool) else value
        lines = {line.name.text: line for line in node.body.lines if line.name is not None}
        line = lines.get(word, lines.get("else"))
        if line is None:
            raise Unsound(f"a match of {value!r:.80} without a branch")
        base = place.base | self.used[-1]
        inner = Place({"#branch": line}, place, base=base, ballot=place.ballot, retries=retries)
        return self.body(inner)

    def policy(self, options: Mapping[str, Any], place: Place) -> str:
        found = options.get("errors")
        if isinstance(found, s.Call):
            return f"skip {self.value(found.args[0].value, place)}"
        return "fail" if found is None else str(found.word.text)

    def spare(self, bodies: Bodies, policy: str, *, races: bool) -> None:
        """Raise Lost if the block cannot go on without its lost bodies."""
        lost = bodies.lost
        if not lost:
            return
        if any(one.outside is None for one in lost) or len({one.outside for one in lost}) > 1:
            raise Undecided("a block that loses by its own and by an outer step")
        if races and lost[0].outside and len(lost) < len(bodies.ends):
            raise Undecided("a block that may be over before an outer step fails")
        share = policy.partition(" ")[2]
        if policy == "fail" or lost[0].outside or (share and len(lost) > floor(len(bodies.ends) * float(share) + 1e-9)):
            abstains = {one.abstains for one in lost}
            # Too many losses are a failure of the map itself, whichever loss is the last.
            alike = abstains.pop() if len(abstains) == 1 else None
            raise Lost(str(lost[0]), abstains=alike, outside=lost[0].outside)

    # Bodies

    def body(self, place: Place) -> Got:
        with self.collecting() as used:
            self.all(place)
            got = place.done[place.last]
            return Got(got.value, frozenset(used), got.items)

    def branches(self, place: Place) -> Bodies:
        ends: list[Got | Lost] = []
        for name in place.lines:
            try:
                with self.collecting():
                    self.get(place, name)
                ends.append(place.done[name])
            except Lost as lost:
                ends.append(lost)
        return Bodies(ends, tuple(place.lines), counted=False)

    def run(self, node: s.Map | s.Repeat, place: Place, opened: Any) -> Iterator[Got | Lost]:
        elements = self.elements(node, place) if isinstance(node, s.Map) else [(Got(None), 0)] * int(node.most.value)
        items = self.items(node, place) if isinstance(node, s.Repeat) else []
        for index, element in enumerate(elements):
            inner = opened()
            if isinstance(node, s.Map):
                inner.given.update(named(node, *element))
            else:
                inner.index, inner.samples = index, len(elements)
                if node.element is not None:
                    inner.given[node.element.text] = items[index % len(items)]
            try:
                yield self.body(inner)
            except Lost as lost:
                yield lost

    def items(self, node: s.Repeat, place: Place) -> list[Got]:
        values = [None] if node.over is None else self.value(node.over, place)
        if not values:
            raise Lost("a panel without items", abstains=False)
        return [Got(one) for one in values]

    def elements(self, node: s.Map, place: Place) -> list[tuple[Got, int]]:
        """Return the elements of a map with their places in its source, from 1."""
        found = self.look(place, node.source.word.text) if isinstance(node.source, s.Name) else None
        values = self.value(node.source, place)
        if not isinstance(values, list):
            raise Unsound(f"a map through {values!r:.80}")
        items = found.items if found is not None else None
        if items is not None and found is not None:
            # An element comes as soon as it is made, so only its own calls have certainly ended.
            self.used[-1] -= found.calls
        elements = [(Got(one, items[at] if items else frozenset()), at + 1) for at, one in enumerate(values)]
        if node.where is not None:
            elements = [one for one in elements if self.value(node.where, Place({}, place, given=named(node, *one)))]
        if node.at_most is not None and len(elements) > node.at_most.value:
            raise Lost("more elements than promised", abstains=False)
        return elements

    # Reducing

    def reduce(
        self,
        node: s.Map | s.Repeat | s.Fanout,
        place: Place,
        name: str,
        bodies: Bodies,
        options: Mapping[str, Any],
        *,
        keeps: bool,
    ) -> Got:
        reduce = node.reduce
        nothing = Got(None)
        keeps = keeps and not (reduce.ask is not None and reduce.rule.text != "ask")
        bodies.items = [
            nothing if isinstance(one, Lost) else one for one in bodies.ends if keeps or one not in bodies.lost
        ]
        values = [one.value for one in bodies.items]
        if reduce.ask is not None:
            return self.combined(reduce, reduce.ask, place, bodies, values)
        rule, args = reduce.rule.text, self.arguments(reduce, place)
        if rule in VOTES:
            return self.voted(node, place, name, bodies, args, options)
        if rule == "first":
            if not any(value is not None for value in values):
                raise self.nothing(bodies)
            return Got("aye")
        there = [one for one in values if one is not None]
        if rule == "collect":
            if bodies.names:
                return Got(dict(zip(bodies.names, values, strict=True)), bodies.calls)
            return Got(values, bodies.calls, tuple(one.calls for one in bodies.items))
        if rule == "flatten":
            items = tuple(
                calls
                for one in bodies.items
                if one.value is not None
                for calls in (one.items or [one.calls] * len(one.value))
            )
            return Got([item for one in there for item in one], bodies.calls, items)
        if rule in ("best", "rank"):
            return ordered(self, reduce, place, bodies, there, args)
        return Got(self.simple(rule, args, values, there, bodies), bodies.calls)

    def simple(self, rule: str, args: dict[str, Json], values: list[Json], there: list[Json], bodies: Bodies) -> Json:
        by = args.get("by")
        parts = [one if by is None else one.get(by) for one in there]
        parts = [one for one in parts if one is not None]
        match rule:
            case "dedupe":
                keys = [repr(one.get(by)) for one in there]
                return [one for place, one in enumerate(there) if keys.index(keys[place]) == place]
            case "concat":
                return str(args.get("separator", "\n\n")).join(there)
            case "count":
                return sum(1 for one in parts if "of" not in args or one == args["of"])
            case "sum":
                total = sum(map(Fraction, parts), Fraction(0))
                return int(total) if all(isinstance(one, int) for one in parts) else float(total)
            case "mean" | "median":
                if not parts:
                    raise self.nothing(bodies)
                return float((mean if rule == "mean" else median)(map(Fraction, parts)))
            case "merge":
                if not there:
                    raise self.nothing(bodies)
                merged_: dict[str, Json] = {}
                for record in there:
                    for name, value in record.items():
                        known = merged_.get(name)
                        if isinstance(known, list) and isinstance(value, list):
                            merged_[name] = known + value
                        elif known is None:
                            merged_[name] = value
                return merged_
        raise NotImplementedError(rule)

    def nothing(self, bodies: Bodies) -> Lost:
        """Return the failure of a rule without results. Its losses decide whether it abstains in a vote around it."""
        abstains = {one.abstains for one in bodies.lost} or {True}
        return Lost("there is nothing", abstains=abstains.pop() if len(abstains) == 1 else None)

    def arguments(self, reduce: s.Reduce, place: Place) -> dict[str, Json]:
        args: dict[str, Json] = {}
        for arg in reduce.args:
            name = arg.name.text if arg.name else POSITIONAL[reduce.rule.text]
            if isinstance(arg.value, s.Name) and name in WORDS:
                args[name] = arg.value.word.text
            elif name == "same":
                args[name] = True
            elif not isinstance(arg.value, s.Ask):
                args[name] = self.value(arg.value, place)
        return args

    def asked(self, reduce: s.Reduce) -> s.Ask | None:
        """Return the ask among a rule's arguments, such as a judge or a tie-breaker; None where there is none."""
        asks = [(arg.name.text if arg.name else "", arg.value) for arg in reduce.args if isinstance(arg.value, s.Ask)]
        return next((ask for name, ask in asks if name != "same"), None)

    def branch_names(self, bodies: Bodies) -> dict[str, Json]:
        """Return the values of the branches of a fan-out. A lost branch is none."""
        ends = zip(bodies.names, bodies.ends, strict=False)
        return {name: one.value if isinstance(one, Got) else None for name, one in ends}

    def voted(
        self,
        node: s.Map | s.Repeat | s.Fanout,
        place: Place,
        name: str,
        bodies: Bodies,
        args: dict[str, Json],
        options: Mapping[str, Any],
    ) -> Got:
        results: list[Json] = []
        for one in bodies.ends:
            if isinstance(one, Lost) and one.abstains is None:
                raise Undecided("whether a sample abstains or is missing")
            results.append(one.value if isinstance(one, Got) else None if one.abstains else MISSING)
        ask = self.asked(node.reduce)
        behind: set[Key] = set()

        def tie(answers: list[Json]) -> Json:
            assert ask is not None
            words = all(isinstance(one, str) and one.strip() for one in answers)
            type_: t.Type = t.Choice(tuple(answers)) if words else t.Range(1, len(answers))
            given = {**self.branch_names(bodies), "results": answers if words else Candidates(answers)}
            got = self.ask(ask, place, {}, given, answer=type_, ballot=False)
            behind.update(got.calls)
            return got.value

        least = None
        if isinstance(node, s.Repeat) and node.least.value < node.most.value:
            least = int(node.least.value)
        vote = Vote(node.reduce.rule.text, args, results, None if ask is None else tie, least)
        launch = options.get("launch")
        prefix = isinstance(launch, s.Name) and launch.word.text == "latency"
        value, _, _ = vote.ended()
        _, count, winner = vote.ended(prefix=prefix)
        place.tallies[name] = count, winner, vote.told(count)
        if "same" in args:
            self.count += len(results) * (len(results) - 1)
        return Got(value, frozenset(behind))

    # Asks that combine

    def combined(self, reduce: s.Reduce, ask: s.Ask, place: Place, bodies: Bodies, values: Sequence[Json]) -> Got:
        type_ = t.TEXT if ask.answer is None else self.read(ask.answer)
        options = {option.name.text: option.value for option in reduce.options}
        names = self.branch_names(bodies)
        rule = reduce.rule.text
        if rule == "fold":
            return self.folded(reduce, ask, place, bodies, list(values), options)
        if not values:
            return Got(self.of_nothing(type_, bodies))
        if rule == "ask":
            given = {**names, "results": list(values)}
            return self.ask(ask, place, options, given, ballot=False, behind=bodies.calls)
        if len(values) == 1:
            return bodies.items[0]
        # Worked out only for failures in what it mentions: its prompts depend on the shape of the tree.
        with self.collecting():
            for message in ask.messages:
                self.text(message.template.value, place, {**names, "results": []})
        self.count += len(values) - 1
        form = Form(type_.options if isinstance(type_, t.Choice) else (), None if type_ == t.TEXT else {})
        return Got(merged(list(values), form), bodies.calls)

    def folded(
        self,
        reduce: s.Reduce,
        ask: s.Ask,
        place: Place,
        bodies: Bodies,
        values: list[Json],
        options: Mapping[str, s.Expr | s.Ask],
    ) -> Got:
        args = self.arguments(reduce, place)
        items = list(bodies.items)
        if "from" in args:
            so_far = Got(args["from"])
        elif not values:
            return Got(self.of_nothing(t.TEXT if ask.answer is None else self.read(ask.answer), bodies))
        else:
            so_far = items.pop(0)
        for one in items:
            given = {**self.branch_names(bodies), "so_far": so_far.value, "next": one.value}
            so_far = self.ask(ask, place, options, given, ballot=False, behind=so_far.calls | one.calls)
        return so_far

    def of_nothing(self, type_: t.Type, bodies: Bodies) -> Json:
        if bodies.lost or not (type_ == t.TEXT or isinstance(type_, t.ListOf)):
            raise self.nothing(bodies)
        return "" if type_ == t.TEXT else []
