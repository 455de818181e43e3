"""The scripted model of random flows, whose answers depend on the request and a salt alone.

A prompt may begin with a word and a bar. For ``judge`` and ``tie`` the answer depends on the candidates, but not on
their order, so that a reader need not know it. For ``same`` it depends on the kinds of two texts. For ``tree`` it does
not depend on the grouping of the results, and for ``race`` it is always the same. A ``bad`` prompt is refused for good,
and a ``junk`` prompt always gets nonsense.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

Json = Any
Key = tuple[tuple[tuple[str, str], ...], int | None]
"""The key of a call: its messages as pairs of role and text, and its seed."""
SPOILT = "zzz"
CORRECTED = "That answer cannot be used"
STEADY = frozenset({"judge", "tie", "tree", "same"})
"""Calls that never fail, because the readers that work a flow out do not know their whole prompts."""


@dataclass(frozen=True)
class Form:
    """The form of an answer: one of ``choices``, JSON of a ``schema``, or any text."""

    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None

    @property
    def free(self) -> bool:
        """True if every text counts as an answer, or as a missing one."""
        return not self.choices and (self.schema is None or "anyOf" in self.schema)


def tag_of(key: Key) -> str:
    head, bar, _ = key[0][-1][1].partition("|")
    return head if bar else ""


def kind_of(text: str) -> str:
    """Return the kind of a text: texts of one kind say the same. An empty text is like no other."""
    return str(crc32(re.sub(r"\W", "", text.casefold()).encode()) % 3) if text.strip() else ""


def preference(text: str) -> int:
    """Return a judge's rank of a candidate; the lowest is the best."""
    return crc32(text.encode())


def weight(text: str) -> int:
    """Return the weight of a text in a merge; the merge of some texts weighs as much as they do together."""
    found = re.fullmatch(r"r(\d+)", text)
    return int(found[1]) if found else crc32(text.encode()) % 10**6


def merged(values: Sequence[Json], form: Form) -> Json:
    """Merge results as an ask in a tree does; the end is the same however the tree groups them."""
    if form.choices:
        words = [one if one in form.choices else form.choices[weight(one) % len(form.choices)] for one in values]
        return min(words)
    if form.schema is not None:
        return min(values, key=lambda value: json.dumps(value, sort_keys=True))
    return f"r{sum(map(weight, values)) % 10**6}"


@dataclass(frozen=True)
class Oracle:
    """The model. ``spoilt`` and ``refused`` are the chances that it answers a call with nonsense, or refuses it."""

    salt: int = 0
    spoilt: float = 0.0
    refused: float = 0.0

    def drawn(self, key: Key, what: str) -> random.Random:
        return random.Random(sha256(repr((key, self.salt, what)).encode()).digest())

    def turns(self, key: Key, form: Form) -> int:
        """Return the number of nonsense answers to a call before the first good one."""
        if tag_of(key) == "junk":
            return 99
        if not self.spoilt or form.free or tag_of(key) in STEADY:
            return 0
        dice = self.drawn(key, "spoilt")
        return dice.choice([1, 1, 2, 3, 9]) if dice.random() < self.spoilt else 0

    def refuses(self, key: Key, model: str) -> bool:
        if tag_of(key) == "bad":
            return True
        if not self.refused or tag_of(key) in STEADY:
            return False
        return self.drawn(key, f"refused {model}").random() < self.refused

    def says(self, key: Key, form: Form, *, again: bool = False) -> Json:
        """Return the good answer to a call. ``again``: an answer before it has failed the check of the ask."""
        shown = key[0][-1][1].rpartition("||")[2]
        match tag_of(key):
            case "race":
                return "aye"
            case "judge":
                return self.judged(shown, form)
            case "same":
                one, other = json.loads(shown)
                alike = kind_of(one) == kind_of(other)
                return form.choices[not alike] if form.choices else alike
            case "tie":
                if form.choices:
                    return min(form.choices, key=preference)
                return 1 + min(enumerate(json.loads(shown)), key=lambda one: preference(json.dumps(one[1])))[0]
            case "tree":
                return merged(json.loads(shown), form)
        dice = self.drawn(key, "says again" if again else "says")
        if form.choices:
            return dice.choices(form.choices, [5, 3, 2, *[1] * len(form.choices)][: len(form.choices)])[0]
        return f"r{dice.randrange(10**6)}" if form.schema is None else _made(form.schema, dice)

    def judged(self, shown: str, form: Form) -> Json:
        lines = re.findall(r"^(\d+)\. (.*)$", shown, re.MULTILINE)
        order = [int(number) for number, text in sorted(lines, key=lambda one: preference(one[1]))]
        assert form.schema is not None
        return order if form.schema["type"] == "array" else order[0]


def _made(schema: Mapping[str, Any], dice: random.Random) -> Json:
    if "anyOf" in schema:
        return None if dice.random() < 0.3 else _made(schema["anyOf"][0], dice)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    match schema.get("type"):
        case "integer":
            return dice.randint(schema.get("minimum", 0), schema.get("maximum", 9))
        case "number":
            return dice.randint(0, 4) / 4
        case "boolean":
            return dice.random() < 0.5
        case "array":
            return [_made(schema["items"], dice) for _ in range(dice.randint(0, 3))]
        case "object":
            return {name: _made(one, dice) for name, one in schema["properties"].items()}
    return f"w{dice.randrange(100)}"
