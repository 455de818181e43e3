"""The token: a piece of text that the lexer has cut off. The keywords that are such tokens only in some places."""

from __future__ import annotations


class Token(str):
    """The text of one terminal of the grammar, with the terminal's name and its place in the source."""

    __slots__ = ("end_pos", "start_pos", "type")

    type: str
    start_pos: int
    end_pos: int


NEVER_NAMES = frozenset({"RETURN", "NOT", "AND", "OR"})

TEST_WORDS = frozenset("SETUP FILE CASES CASSETTE MATCHES CONTAINS ABOUT WITHIN SKIPPED FAILED ASKED".split())
"""The keywords that have a meaning only inside tests. Everywhere else they are ordinary names."""
TYPE_WORDS = frozenset({"QUOTE"})
"""The keywords that have a meaning only in types. Everywhere else they are ordinary names."""
CLAUSE_WORDS = frozenset({"CHECK"})
"""The keywords that have a meaning only as a clause behind an ask. Everywhere else they are ordinary names."""
FILE_WORDS = frozenset({"TEXT", "PROMPT", "ENDPOINT"})
"""The keywords that have a meaning only where a declaration begins. Everywhere else they are ordinary names."""
ENDPOINT_WORDS = frozenset({"KEY"})
"""The keywords that have a meaning only in the declaration of an endpoint. Everywhere else they are ordinary names."""
ROUND_WORDS = frozenset({"UP", "TO", "UNTIL"})
"""The keywords that have a meaning only around rounds. Everywhere else they are ordinary names."""
CASCADE_WORDS = frozenset({"CASCADE"})
"""The keyword that begins a cascade if `{` follows on its line. Everywhere else it is an ordinary name."""
PANEL_WORDS = frozenset({"OVER"})
"""The keywords that have a meaning only in a repeat. Everywhere else they are ordinary names."""
TEST_LINES = frozenset({"REPLY", "EXPECT"})
"""Two more such words, which the language has had from its start. So they are among its keywords."""
LABELS = frozenset({"TRUSTED", "UNTRUSTED"})
"""The keywords that have a meaning only before a type or before the reading of a file. Elsewhere they are names."""
PLACED = TEST_WORDS | TYPE_WORDS | CLAUSE_WORDS | FILE_WORDS | ENDPOINT_WORDS | ROUND_WORDS | PANEL_WORDS | LABELS
PLACED |= CASCADE_WORDS
"""All keywords that are names in most places."""
