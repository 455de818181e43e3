"""Random edits of plans, as a person or another machine may make them: any part of the JSON may change."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

Json = Any
JUNK: tuple[Json, ...] = (0, -1, 1, 2, 10**9, 0.5, -0.5, 1e30, True, False, None, "", "none", [], {}, ["x"], {"a": 1})
EXPRESSIONS = frozenset("literal ref field text list record call rule apply type".split())
NODES = frozenset("ask fanout map repeat chain rounds match value flow extern".split())
FUNCTIONS = {"votes": "of", "agreement": "of", "length": "of", "file": "path", "files": "pattern", "csv": "path"}
RULES = (
    *("majority", "best", "rank", "merge", "count", "sum", "mean", "concat", "flatten", "first", "collect"),
    *("quorum", "unanimous", "weighted", "ahead", "window", "approval", "ranked", "median", "ask", "by", "fold"),
)
NAMES = (
    *("concurrency", "errors", "launch", "retries", "timeout", "hedge", "temperature", "seed", "stream", "rpm"),
    *("by", "of", "at_least", "ties", "judge", "lead", "width", "votes", "from", "separator", "size", "overlap"),
)


class Editor:
    """An editor of a plan in the form of JSON data; ``done`` lists the changes."""

    def __init__(self, data: Json, rng: random.Random) -> None:
        self.data = copy.deepcopy(data)
        self.rng = rng
        self.done: list[str] = []
        self._strings = sorted({one for _, _, one, _ in parts(data) if isinstance(one, str)})
        named = [
            (one["name"], "needs" in one) for _, _, one, _ in parts(data) if isinstance(one, dict) and "name" in one
        ]
        self._steps = [name for name, step in named if step]
        self._names = [name for name, _ in named if isinstance(name, str)]
        self._kinds: dict[str, list[Json]] = {}
        for _, _, one, _ in parts(data):
            if isinstance(one, dict) and isinstance(one.get("kind"), str):
                self._kinds.setdefault(family(one["kind"]), []).append(one)

    def edit(self) -> None:
        where = list(parts(self.data))
        # Most of a plan is types and empty fields; the rest says what it does, and gets more weight.
        weights = [self._weight(holder, key, value, path) for holder, key, value, path in where]
        holder, key, value, path = self.rng.choices(where, weights)[0]
        ways = [self.taken_out] if isinstance(holder, dict) and self.rng.random() < 0.3 else []
        if key == "value" and holder.get("kind") == "literal":
            ways += [self.junk] * 2 + [self.other_string]
        elif isinstance(value, str):
            ways += [self.other_string] * 8
        elif isinstance(value, bool | int | float):
            ways += [self.other_number] * 3 + [self.junk]
        elif value is None:
            ways += [self.something, self.junk]
        elif isinstance(value, list):
            ways += [self.fewer, self.more, self.shuffled, self.emptied]
        elif isinstance(value.get("kind"), str):
            ways += [self.other_node] * 6 + [self.made_node] * 3 + [self.tally] * 2 + [self.other_kind]
        else:
            ways += [self.added, self.junk]
        way = self.rng.choice(ways or [self.junk])
        way(holder, key, value)
        self.done.append(f"{way.__name__} at {path}")

    def _weight(self, holder: Json, key: Json, value: Json, path: str) -> float:
        if key == "kind" or "type" in path.split(".")[:-1] or "answer" in path.split(".")[:-1]:
            return 0.1
        if value is None or key in ("line", "source", "version", "flow"):
            return 0.3
        return 3 if key in ("rule", "value", "function", "count") else 1

    def junk(self, holder: Json, key: Json, value: Json) -> None:
        holder[key] = copy.deepcopy(self.rng.choice(JUNK))

    def other_number(self, holder: Json, key: Json, value: Json) -> None:
        same = [one for one in JUNK if type(one) is type(value)]
        holder[key] = self.rng.choice(same)

    def something(self, holder: Json, key: Json, value: Json) -> None:
        """Fill an empty place with a part that another place of the same name has."""
        others = [one for _, name, one, _ in parts(self.data) if name == key and one is not None]
        holder[key] = copy.deepcopy(self.rng.choice(others or [*self._kinds.get("expression", [None])]))

    def added(self, holder: Json, key: Json, value: Json) -> None:
        """Add an entry to a record of options, of arguments or of flows."""
        name = self.rng.choice((*NAMES, *self._strings))
        value[name] = copy.deepcopy(self.rng.choice(self._kinds.get("expression", [None])))

    def other_string(self, holder: Json, key: Json, value: Json) -> None:
        holder[key] = self.rng.choice(RULES) if key == "rule" else self.rng.choice(self._strings)

    def fewer(self, holder: Json, key: Json, value: Json) -> None:
        if value:
            del value[self.rng.randrange(len(value))]

    def more(self, holder: Json, key: Json, value: Json) -> None:
        value.append(copy.deepcopy(self.rng.choice(value)) if value else self.rng.choice(self._strings))

    def shuffled(self, holder: Json, key: Json, value: Json) -> None:
        self.rng.shuffle(value)

    def emptied(self, holder: Json, key: Json, value: Json) -> None:
        value.clear()

    def taken_out(self, holder: Json, key: Json, value: Json) -> None:
        del holder[key]

    def other_node(self, holder: Json, key: Json, value: Json) -> None:
        holder[key] = copy.deepcopy(self.rng.choice(self._kinds[family(value["kind"])]))

    def other_kind(self, holder: Json, key: Json, value: Json) -> None:
        value["kind"] = self.rng.choice(sorted(EXPRESSIONS | NODES))

    def made_node(self, holder: Json, key: Json, value: Json) -> None:
        """Replace an expression by another that mentions a word of the plan."""
        if value["kind"] not in EXPRESSIONS:
            return
        word = self.rng.choice(self._strings)
        ref = {"kind": "ref", "name": word}
        name = self.rng.choice(sorted(FUNCTIONS))
        argument = self.rng.choice([ref, {"kind": "literal", "value": word}])
        holder[key] = self.rng.choice(
            [
                ref,
                {"kind": "literal", "value": copy.deepcopy(self.rng.choice((*JUNK, word)))},
                {"kind": "call", "function": name, "args": {FUNCTIONS[name]: argument}},
                {"kind": "field", "base": ref, "field": self.rng.choice(self._strings)},
                {"kind": "apply", "operator": "+", "operands": [ref, copy.deepcopy(value)]},
                {"kind": "rule", "rule": word, "args": {"size": copy.deepcopy(value)}},
            ]
        )

    def tally(self, holder: Json, key: Json, value: Json) -> None:
        """Replace an expression by a look at a tally; the vote may be named or computed, and waited for or not."""
        if value["kind"] not in EXPRESSIONS or not self._steps:
            return
        name = {"kind": "literal", "value": self.rng.choice(self._steps)}
        other = {"kind": "ref", "name": self.rng.choice(self._names)}
        of = self.rng.choice(
            [
                name,
                name,
                other,
                {"kind": "text", "template": name["value"]},
                {"kind": "apply", "operator": "+", "operands": [name, {"kind": "literal", "value": ""}]},
            ]
        )
        holder[key] = {"kind": "call", "function": self.rng.choice(["votes", "agreement"]), "args": {"of": of}}


def family(kind: str) -> str:
    return "expression" if kind in EXPRESSIONS else "node" if kind in NODES else "type"


def parts(data: Json) -> Iterator[tuple[Json, Json, Json, str]]:
    """Yield every part of a plan: its holder, its place there, the part itself, and the path to it."""
    todo: list[tuple[Json, str]] = [(data, "")]
    while todo:
        one, path = todo.pop()
        pairs = list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
        for key, value in pairs:
            way = f"{path}.{key}" if path else str(key)
            yield one, key, value, way
            todo.append((value, way))
