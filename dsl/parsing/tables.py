"""The parser's tables: lark makes them from the grammar when the package is built, and they travel inside it.

They are plain lists and dictionaries, laid out for a short loop.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pkgutil import get_data
from zlib import crc32

END = "$END"
BAD = "BAD"
"""The type of a token that stands for text no terminal begins with."""

NEVER_NAMES = frozenset({"RETURN", "NOT", "AND", "OR"})

LAYOUT = 1
"""The version of the text that ``dump`` writes."""
NAME = "tables.json"
"""The file of the tables, beside the grammar."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One expansion of a rule: ``size`` symbols become one ``origin``, made by the builder's method ``name``.

    ``single`` rules stand for their only part. ``spliced`` are the places, last first, whose parts come one by
    one; a rule without a name gathers such parts, and ``grows`` where its first part is what it gathered before.
    """

    origin: str
    size: int
    name: str
    single: bool
    spliced: tuple[int, ...]
    grows: bool


@dataclass(frozen=True)
class Tables:
    """LALR(1) tables: an action of at least 0 shifts to that state, one below reduces by the rule ``-1 - action``."""

    terminals: tuple[tuple[str, str], ...]
    ignored: frozenset[str]
    keywords: dict[str, str]
    rules: tuple[Rule, ...]
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    start: int
    end: int

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Blanks, then one terminal; text that none fits is BAD, one character at a time."""
        each = "|".join(f"(?P<{name}>{regexp})" for name, regexp in self.terminals if name not in self.blanks)
        blanks = "|".join(regexp for name, regexp in self.terminals if name in self.blanks)
        return re.compile(rf"(?:{blanks})*+(?:{each}|(?P<{BAD}>.)|\Z)", re.DOTALL)

    @cached_property
    def blanks(self) -> frozenset[str]:
        """The terminals that are skipped and leave nothing behind."""
        return self.ignored - {"COMMENT"}

    @cached_property
    def declarations(self) -> frozenset[str]:
        """The words that a declaration begins with."""
        return frozenset(self.actions[self.start]) & frozenset(self.keywords.values())

    def reads_as_name(self, stack: list[int], type: str, named: bool) -> bool:
        """Whether a word of the language is a name here. Some never are: they tell where a line went wrong.

        Where the state alone cannot tell, it is one only if it is ``named``: if it looks like the name of a step.
        """
        row = self.actions[stack[-1]]
        if type in NEVER_NAMES or "NAME" not in row or row.get(type, -1) >= 0 or (type in row and not named):
            return False
        return self.advance(stack, type) is None and self.advance(stack, "NAME") is not None

    def advance(self, stack: list[int], type: str) -> list[int] | None:
        """The states after a token of this type, or None where it cannot stand. The stack given stays as it is."""
        stack = stack.copy()
        while True:
            action = self.actions[stack[-1]].get(type)
            if action is None:
                return None
            if action >= 0:
                stack.append(action)
                return stack
            rule = self.rules[-1 - action]
            if rule.size:
                del stack[-rule.size :]
            stack.append(self.gotos[stack[-1]][rule.origin])
            if type == END and stack[-1] == self.end:
                return stack

    @cached_property
    def bodies(self) -> frozenset[int]:
        """The states behind a brace that steps may follow, as `name = …`."""
        states = {action for row in self.actions if (action := row.get("LBRACE", -1)) >= 0}
        return frozenset(state for state in states if self._in_step(state) is not None)

    @cached_property
    def steps(self) -> frozenset[str]:
        """The words that begin a line of a body and nothing else, `return` for one."""
        words: set[str] = set()
        for state in self.bodies:
            step = self._in_step(state)
            if step is not None:
                words |= set(self.actions[self._line_of(state)]) - set(self.actions[step])
        return frozenset(self.keywords.values()) & words

    def _line_of(self, state: int) -> int:
        """The state before a line, where an empty list of lines comes first."""
        action = self.actions[state].get("NAME", 0)
        if action >= 0 or self.rules[-1 - action].size:
            return state
        return self.gotos[state].get(self.rules[-1 - action].origin, state)

    def _in_step(self, state: int) -> int | None:
        """The state behind `name =`, where that may stand."""
        named = self.actions[self._line_of(state)].get("NAME", -1)
        step = self.actions[named].get("EQUAL", -1) if named >= 0 else -1
        return step if step >= 0 else None


@cache
def grammar() -> str:
    # importlib.resources takes a tenth of the time that a small file takes in all.
    return (get_data("flowrun.grammars", "flow.lark") or b"").decode()


KEYWORDS = tuple(re.findall(r'^[A-Z_]+: *"([a-z_]+)"$', grammar(), re.MULTILINE))
"""The words of the language, in the order of the grammar."""


def packaged() -> Tables | None:
    """The tables that were packed with the grammar; None where there are none, or those of another grammar."""
    try:
        return load((get_data("flowrun.grammars", NAME) or b"").decode())
    except (OSError, ValueError):
        return None


def dump(tables: Tables) -> str:
    """The text of the tables. The same grammar gives the same text."""
    rules = [[r.origin, r.size, r.name, int(r.single), r.spliced, int(r.grows)] for r in tables.rules]
    body = json.dumps(
        {
            "terminals": tables.terminals,
            "ignored": sorted(tables.ignored),
            "keywords": tables.keywords,
            "rules": rules,
            "actions": tables.actions,
            "gotos": tables.gotos,
            "start": tables.start,
            "end": tables.end,
        },
        separators=(",", ":"),
    )
    return f"{key(body)}\n{body}"


def load(text: str) -> Tables:
    """The tables of a text that ``dump`` wrote; ValueError if it is of another grammar or not whole."""
    head, _, body = text.partition("\n")
    if head != key(body):
        raise ValueError("these tables are not those of this grammar")
    data = json.loads(body)
    return Tables(
        tuple((name, regexp) for name, regexp in data["terminals"]),
        frozenset(data["ignored"]),
        data["keywords"],
        tuple(
            Rule(origin, size, name, bool(one), tuple(at), bool(grows))
            for origin, size, name, one, at, grows in data["rules"]
        ),
        tuple(data["actions"]),
        tuple(data["gotos"]),
        data["start"],
        data["end"],
    )


def key(body: str) -> str:
    """What tells the tables of this grammar, whole, from those of another or from a part.

    A checksum will do: the text is the package's own, and hashlib takes three milliseconds to load.
    """
    of_grammar, of_body = (crc32(text.encode("utf-8", "surrogatepass")) for text in (grammar(), body))
    return f"{LAYOUT}-{len(body)}-{of_grammar:08x}-{of_body:08x}"
