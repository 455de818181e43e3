"""The word lists of the editors' files, from the grammar and the registries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from flowrun.dsl.functions import VALUE_FUNCTIONS
from flowrun.dsl.ide import words
from flowrun.dsl.parsing import token
from flowrun.runtime.catalog import catalog

GRAMMAR = files("flowrun.grammars").joinpath("flow.lark").read_text(encoding="utf-8")
TERMINALS = dict(re.findall(r'^([A-Z_]+): *"([a-z_]+)"$', GRAMMAR, re.MULTILINE))
"""The words of the grammar, by the names of their terminals."""
DECLARATIONS = "FLOW MODEL ENDPOINT TEXT PROMPT TYPE IMPORT EXTERN TEST SETUP".split()
ROLES = "SYSTEM USER ASSISTANT".split()
JOINS = "AND OR NOT IN".split()
PLACED = "AT MOST UP TO UNTIL BY FOLD OVER OF FROM AS KEY QUOTE CALLS DEFAULT".split()
"""The words that count only beside certain others, each by a rule of its own."""


def word_lists() -> Mapping[str, list[str]]:
    """Return the lists by their names, each in order."""
    known = catalog()
    named = {"declarations": DECLARATIONS, "roles": ROLES, "joins": JOINS, "labels": token.LABELS}
    lists = {name: {TERMINALS[one] for one in kinds} for name, kinds in named.items()}
    lists["clauses"] = {TERMINALS[one] for one in token.CLAUSE_WORDS}
    lists["test_lines"] = {TERMINALS[one] for one in token.TEST_LINES}
    lists["test_words"] = {TERMINALS[one] for one in token.TEST_WORDS}
    placed = {TERMINALS[one] for one in PLACED if one in TERMINALS}
    other = set(TERMINALS.values()).difference(placed, *lists.values())
    rules = {rule for spec in known.functions.values() for param in spec.params for rule in param.rules}
    lists |= {
        "words": other,
        "every": set(TERMINALS.values()),
        "types": set(words.TYPES),
        "constants": set(words.CONSTANTS),
        "template_words": set(words.IN_TEMPLATES) | {"else", "and", "or", "not", "in", *words.CONSTANTS},
        "functions": set(known.functions),
        "filters": {name for name, one in VALUE_FUNCTIONS.items() if one.name},
        "reducers": set(known.reducers),
        "splitters": rules,
        "options": set(known.options),
    }
    return {name: sorted(found) for name, found in sorted(lists.items())}
