"""The parser's tables. Lark makes them from the grammar at build time, and the package contains them.

They are plain lists and dictionaries, so that the loop of the parser is short and fast.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache, cached_property
from pkgutil import get_data
from zlib import crc32

from ..records import dataclass
from .token import CLAUSE_WORDS, FILE_WORDS, LABELS, NEVER_NAMES, PLACED, TEST_LINES, TEST_WORDS, Token

END = "$END"
BAD = "BAD"
"""The type of a token whose text matches no terminal."""
CLASS = "CLASS"
"""The type of a text before a `=`: the class of a branch in two words."""

STAGE = "STAGE"
"""The type of an `else` between two stages of a cascade."""

_RELATIONS = frozenset({"MATCHES", "CONTAINS", "ABOUT", "SKIPPED", "FAILED"})
_CLAUSES = frozenset({"WITH", "AFTER", "WHEN"})
_JOINS = frozenset({"COMPARE", "FALLBACK", "PLUS", "MINUS", "TIMES", "DIVIDE", "IN", "AND", "OR", "DOT", "LPAR"})

LAYOUT = 1
"""The version of the format that ``dump`` writes."""
NAME = "tables.json"
"""The name of the file with the tables, in the folder of the grammar."""


@dataclass(frozen=True, slots=True)
class GrammarRule:
    """An expansion of a grammar rule. The parser replaces ``size`` symbols by one ``origin``.

    ``name`` is the builder's method that makes the value. A ``single`` rule passes on its only part. ``spliced`` has
    the places, last first, whose parts are inserted one by one. A rule without a name collects such parts, and
    ``grows`` is True if its first part is the list collected so far.
    """

    origin: str
    size: int
    name: str
    single: bool
    spliced: tuple[int, ...]
    grows: bool


@dataclass(frozen=True)
class Tables:
    """The LALR(1) tables of the parser.

    An action of 0 or more shifts to the state with that number. A negative action reduces by the rule ``-1 - action``.
    """

    terminals: tuple[tuple[str, str], ...]
    ignored: frozenset[str]
    keywords: dict[str, str]
    rules: tuple[GrammarRule, ...]
    actions: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    start: int
    end: int

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The lexer's pattern: blanks, then one terminal. A character that begins no terminal is read as BAD."""
        each = "|".join(f"(?P<{name}>{regexp})" for name, regexp in self.terminals if name not in self.blanks)
        blanks = "|".join(regexp for name, regexp in self.terminals if name in self.blanks)
        return re.compile(rf"(?:{blanks})*+(?:{each}|(?P<{BAD}>.)|\Z)", re.DOTALL)

    @cached_property
    def blanks(self) -> frozenset[str]:
        """The terminals that the lexer skips and does not report."""
        return self.ignored - {"COMMENT"}

    @cached_property
    def declarations(self) -> frozenset[str]:
        """The keywords that begin a declaration."""
        return frozenset(self.actions[self.start]) & frozenset(self.keywords.values())

    def reads_as_name(self, stack: list[int], type: str, named: bool, then: tuple[str, str] = ("", "")) -> bool:
        """Tell whether the parser reads a keyword as a name here. ``then`` has the types of the next two tokens.

        Words in NEVER_NAMES are never names, because they show where a line broke. If the state alone does not decide,
        the keyword is a name only if it is ``named``, which means that it looks like a step's name.
        """
        row = self.actions[stack[-1]]
        if type in FILE_WORDS:
            return (type not in row or self.advance(stack, type) is None) and self.advance(stack, "NAME") is not None
        if type == "RETURN" and stack[-1] in self.paths:
            return True
        if type in LABELS:
            return self._label_is_name(stack, type, named, then)
        if type in ("MATCH", "CASCADE") and named:
            return self.advance(stack, "NAME") is not None
        if type == "ELSE" and then[0] == "EQUAL":
            # The branch `else = …` of a match. Behind `when` the word would also go on with the condition.
            return self.advance(stack, "NAME") is not None
        if type in CLAUSE_WORDS:
            return self._clause_is_name(stack, type, named, then)
        if type in TEST_WORDS or type in TEST_LINES or (type in ("EXTERN", "OF") and then[0] == "EQUAL"):
            return self._test_word_is_name(stack, type, then)
        if type in NEVER_NAMES or "NAME" not in row or row.get(type, -1) >= 0 or (type in row and not named):
            return False
        return self.advance(stack, type) is None and self.advance(stack, "NAME") is not None

    def begins_branch(self, stack: list[int], then: tuple[str, str]) -> bool:
        """Tell whether a text is the class of a branch here: the branch of a match begins, and `=` follows."""
        return then[0] == "EQUAL" and CLASS in self.actions[stack[-1]] and self.advance(stack, CLASS) is not None

    def parts_stages(self, stack: list[int], ahead: Sequence[Token]) -> bool:
        """Tell whether an `else` stands between two stages of a cascade. ``ahead`` has the tokens behind it.

        Where the stage before ends with a check, a text behind `else` is what the check tells the model. Where it ends
        with the condition of rounds, a word such as `last` is their end.
        """
        if STAGE not in self.actions[stack[-1]] or self.advance(stack, STAGE) is None:
            return False
        own = self.advance(stack, "ELSE")
        if own is None or not ahead:
            return True
        word = ahead[0].type if ahead[0].type == "STRING" else "NAME" if ahead[0] in ("last", "fail", "best") else ""
        return not word or self.advance(own, word) is None

    def _test_word_is_name(self, stack: list[int], type: str, then: tuple[str, str]) -> bool:
        # `cases = …` gives a parameter of that name.
        if then[0] == "EQUAL" or self.advance(stack, type) is None:
            return self.advance(stack, "NAME") is not None
        if type not in ("ASKED", "FAILED") or self.actions[stack[-1]].get(type, -1) < 0:
            return False
        # Behind `expect`, a step may have the name `asked` or `failed`: an operator or a relation shows it.
        relation = then[0] in _RELATIONS and then[1] != "EQUAL"
        if type == "ASKED":
            path = then[0] in self.words or then[0] == "STRING"
            return not path or then[0] in _JOINS or (relation and then[1] not in _RELATIONS)
        return then[0] in _JOINS or relation

    def _clause_is_name(self, stack: list[int], type: str, named: bool, then: tuple[str, str]) -> bool:
        clause, name = self.advance(stack, type), self.advance(stack, "NAME")
        if clause is None or name is None:
            return clause is None and name is not None
        # The word could also begin the next line of a body.
        word = then[0] in self.words and then[0] not in _CLAUSES | NEVER_NAMES
        return named or (word and then[1] == "EQUAL") or self.advance(clause, "NAME" if word else then[0]) is None

    def _label_is_name(self, stack: list[int], type: str, named: bool, then: tuple[str, str]) -> bool:
        label, name = self.advance(stack, type), self.advance(stack, "NAME")
        if label is None or name is None:
            return label is None and name is not None
        word = then[0] in self.words
        if self.advance(label, "NAME" if word else then[0]) is None:
            return True
        if self.advance(name, then[0]) is None and not (word and self.advance(name, "NAME")):
            return False
        # The next token could also begin another part, such as a field, a step or the description of a field.
        if named:
            return True
        if word and then[0] != "NAME" and self.advance(name, then[0]) is not None:
            return True
        if self.advance(label, "LSQB") is None:
            return then[1] not in ("LPAR", "STRING", "DOT")
        return then[1] in ("COLON", "EQUAL") if word else then[0] == "STRING" and then[1] != "VBAR"

    @cached_property
    def paths(self) -> frozenset[int]:
        """The states before the path of a step in a test. There `return` is the step behind `return`."""
        return frozenset(row[word] for row in self.actions for word in ("REPLY", "ASKED") if row.get(word, -1) >= 0)

    @cached_property
    def words(self) -> frozenset[str]:
        """The types of tokens that are words: names and keywords."""
        return frozenset({"NAME", *self.keywords.values()})

    def advance(self, stack: list[int], type: str) -> list[int] | None:
        """Return the states after a token of this type. None if it is not allowed here. ``stack`` is not changed."""
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
        """The states directly behind the opening brace of a body, where a step such as `name = …` may follow."""
        states = {action for row in self.actions if (action := row.get("LBRACE", -1)) >= 0}
        return frozenset(state for state in states if self._in_step(state) is not None)

    @cached_property
    def steps(self) -> frozenset[str]:
        """The keywords that can begin a line of a body and nothing else, such as `return`."""
        words: set[str] = set()
        for state in self.bodies:
            step = self._in_step(state)
            if step is not None:
                words |= set(self.actions[self._line_of(state)]) - set(self.actions[step])
        return frozenset(self.keywords.values()) & words

    def _line_of(self, state: int) -> int:
        """Return the state before the first line of a body.

        If the grammar puts an empty list of lines there, return the state after it.
        """
        action = self.actions[state].get("NAME", 0)
        if action >= 0 or self.rules[-1 - action].size:
            return state
        return self.gotos[state].get(self.rules[-1 - action].origin, state)

    def _in_step(self, state: int) -> int | None:
        """Return the state behind `name =`. None if a step cannot begin in ``state``."""
        named = self.actions[self._line_of(state)].get("NAME", -1)
        step = self.actions[named].get("EQUAL", -1) if named >= 0 else -1
        return step if step >= 0 else None


@cache
def grammar() -> str:
    # importlib.resources takes a tenth of the time that a small file takes in all.
    return (get_data("flowrun.grammars", "flow.lark") or b"").decode()


KEYWORDS = tuple(
    word for name, word in re.findall(r'^([A-Z_]+): *"([a-z_]+)"$', grammar(), re.MULTILINE) if name not in PLACED
)
"""The keywords of the language, in the order of the grammar, without those that are names in most places."""


def packaged() -> Tables | None:
    """Load the tables that are packed with the grammar. None if they are missing or belong to another grammar."""
    try:
        return load((get_data("flowrun.grammars", NAME) or b"").decode())
    except (OSError, ValueError):
        return None


def dump(tables: Tables) -> str:
    """Write the tables as text. The same grammar always gives the same text."""
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
    """Read the tables from a text that ``dump`` wrote. Raise ValueError if it is damaged or for another grammar."""
    head, _, body = text.partition("\n")
    if head != key(body):
        raise ValueError("the parser's tables are not made from this grammar")
    data = json.loads(body)
    return Tables(
        tuple((name, regexp) for name, regexp in data["terminals"]),
        frozenset(data["ignored"]),
        data["keywords"],
        tuple(
            GrammarRule(origin, size, name, bool(one), tuple(at), bool(grows))
            for origin, size, name, one, at, grows in data["rules"]
        ),
        tuple(data["actions"]),
        tuple(data["gotos"]),
        data["start"],
        data["end"],
    )


def key(body: str) -> str:
    """Compute the key that identifies the complete tables of this grammar.

    A checksum is enough, because the text belongs to the package itself. hashlib would take three milliseconds to load.
    """
    of_grammar, of_body = (crc32(text.encode("utf-8", "surrogatepass")) for text in (grammar(), body))
    return f"{LAYOUT}-{len(body)}-{of_grammar:08x}-{of_body:08x}"
