"""Syntax errors. This module describes an unexpected token in the words of the language."""

from __future__ import annotations

from ..diagnostics import Diagnostic, nearest
from .cascade_mistakes import cascade_stage
from .check_mistakes import CHECK_MISTAKES
from .corrections import without_comma
from .endpoint_mistakes import ENDPOINT_MISTAKES
from .expected_words import CLAUSES, expected_words
from .file_mistakes import FILE_MISTAKES
from .foreign_syntax import HABITS, MATCH, else_alone, stray_word
from .inner_quotes import inner_quote
from .label_mistakes import misplaced_label
from .match_mistakes import match_branch
from .out_of_place import OUT_OF_PLACE, VALUES
from .panel_mistakes import panels
from .place import NODES, VALUE, Place
from .round_mistakes import rounds
from .tables import END, KEYWORDS
from .test_mistakes import inside_test, test_line

_INFIX = frozenset({"PLUS", "MINUS", "TIMES", "DIVIDE", "COMPARE", "AND", "OR", "IN"})
_WANTS_VALUE = _INFIX | {"EQUAL", "COLON", "RETURN", "WHEN", "ELSE", "WHERE", "NOT", "EXPECT"}
_CLOSES = frozenset({"RBRACE", "RPAR", "RSQB", "$END"})
_NEAR = ("where", "with", "and", "or")
_DECLARATIONS = frozenset({"MODEL", "TYPE", "IMPORT", "EXTERN"})
_BLOCKS = {
    "FANOUT": "write `fanout { a = …  b = … } reduce …`",
    "MAP": "write `map x in LIST { … } reduce collect`",
    "REPEAT": "write `repeat 3 { … } reduce majority`",
    "CHAIN": "write `chain { … }`",
    "MATCH": MATCH,
    "CASCADE": "write `cascade { ask cheap …  else ask strong … when … }`",
}


def describe(place: Place) -> Diagnostic:
    """Describe the mistake at a token that is not allowed in its place."""
    if not place.ends and (ended := inner_quote(place.source, place.tokens, place.index)):
        return ended
    for rule in (_no_reducer,) if place.ends else (match_branch, cascade_stage, *_FIRST, *HABITS, *VALUES, *_RULES):
        if found := rule(place):
            return found
    end = "the file ends too early" if place.type == END else "the declaration ends too early"
    what = end if place.ends else f"`{place.shown}` is not allowed here"
    return place.error(what, f"expected {expected_words(place.expected)}")


def _no_reducer(place: Place) -> Diagnostic | None:
    if place.expected != {"REDUCE"} or (place.type == "NAME" and nearest(place.text, ["reduce"])):
        return None
    return Diagnostic(
        "F0103",
        "this block runs calls side by side, and has no reducer to combine the results",
        place.span(-1),
        label="a reducer must follow",
        note="without a reducer the answers are paid for and lost",
        help="write `reduce collect` for a list or a record of them, `reduce majority` for a vote, "
        '`reduce concat("\\n")` for one text, or `reduce ask "…{{ results }}…"` for one more call',
    )


def _begins_step(place: Place) -> bool:
    return place.begins_line() and place.type not in NODES


def _unreduced(place: Place) -> Diagnostic:
    return Diagnostic(
        "F0103",
        "this map has no body and no reducer",
        place.span(-1),
        label="a body or a reducer must follow",
        help="write `{ … } reduce collect`, or for the elements themselves a reducer alone, as in `reduce count`",
    )


def _flow_type(place: Place) -> Diagnostic | None:
    if place.text in ("->", ":") and "BUDGET" in place.expected:
        return place.error(
            "a flow does not declare the type of its result", "delete the type: it follows from the returned value"
        )
    return None


def _keyword_as_name(place: Place) -> Diagnostic | None:
    return _taken(place, -1) if place.type == "EQUAL" and place.word(-1) in KEYWORDS else None


def _comma(place: Place) -> Diagnostic | None:
    if place.type == "COMMA" and "RBRACE" in place.expected:
        help = "delete the comma"
        return place.error("the lines of a block have no commas between them", help, fix=without_comma(place))
    return None


def _clause_first(place: Place) -> Diagnostic | None:
    for ahead in place.line_before():
        clause = place.at(ahead) == "NAME" and place.word(ahead).upper() in CLAUSES and place.at(ahead + 1) != "COLON"
        if clause and ahead < 0 and place.begins_line(ahead) and place.joined(ahead):
            help = f"write the step before it, as in `x = … {place.word(ahead)} …`"
            return place.error(f"`{place.word(ahead)}` cannot begin a line here", help, ahead)
    return None


def _quote(place: Place) -> Diagnostic | None:
    # A word behind `quote` was read as the name of the next field.
    field = place.expected == {"COLON"}
    before = -1 if "OF" in place.expected else -2 if field or place.at(-1) == "OF" else 0
    if before and place.word(before) == "quote" and place.at(before - 1) != "SETUP":
        help = "write the name of a text: `quote of page`"
        return place.error("a quote names a value with `of`", help, -1 if field else 0)
    return None


def _clause(place: Place) -> Diagnostic | None:
    if place.type in CLAUSES and place.type not in place.expected and not place.wants_value:
        if place.type == "ELSE" and not any(place.at(ahead) == "WHEN" for ahead in place.line_before()):
            return else_alone(place.span())
        help = "the clauses of a step have a fixed order: `with`, `after`, then `when … else`"
        return place.error(f"`{place.text}` is not allowed here", help)
    return None


def _misspelled_before(place: Place) -> Diagnostic | None:
    """Report a misspelt keyword shortly before this place. Otherwise the later token would be reported."""
    opener = place.brackets.around.get(place.index, -1) - place.index
    for ahead, known in ((opener - 1, ["fanout", "chain"]), (-2, ["with"])):
        if place.at(ahead) != "NAME" or place.type != ("EQUAL" if ahead == opener - 1 else "COLON"):
            continue
        if (near := nearest(place.word(ahead), known)) and near != place.word(ahead):
            return place.error(
                f"`{place.word(ahead)}` is not a word of this language", f"did you mean `{near}`?", ahead
            )
    return None


def _misspelled(place: Place) -> Diagnostic | None:
    if place.type == "NAME" and place.text not in KEYWORDS:
        known = [word for word in KEYWORDS if word.upper() in place.expected]
        if meant := nearest(place.text, known):
            return place.error(f"`{place.text}` is not allowed here", f"did you mean `{meant}`?")
    before = place.word(-1)
    if place.at(-1) == "NAME" and len(before) > 2 and len(place.expected) > 1 and place.type in VALUE:
        near = nearest(before, KEYWORDS)
        if near and near != before:
            return place.error(f"`{before}` is not a word of this language", f"did you mean `{near}`?", -1)
    return None


def _declaration(place: Place) -> Diagnostic | None:
    if place.at(-2) == "FLOW" and place.expected == {"LPAR"}:
        name = place.word(-1)
        return place.error("the brackets for the parameters are missing", f"write `flow {name}()`", -1)
    if place.top and place.type == "NAME" and place.at(1) == "LPAR":
        return place.error(
            f"`{place.text}` is not allowed here", f"a flow begins with `flow`: write `flow {place.text}(…)`"
        )
    if place.top and place.text == "from":
        return place.error("`from` is not allowed here", 'an import names a file: `import "FILE.flow"`')
    if place.top:
        help = "a file holds declarations: write steps inside a flow, `flow NAME(…) { … }`"
        return place.error(f"`{place.shown}` is not allowed here", help)
    if place.expected == {"COLON"} and place.type in ("COMMA", "RPAR", "EQUAL") and place.at(-1) == "NAME":
        name = place.word(-1)
        if place.at(-2) in ("LPAR", "COMMA"):
            return place.error(f"the parameter `{name}` has no type", f"write `{name}: text`, or another type", -1)
    if place.type == "NAME" and "STRING" in place.expected <= {"STRING", "OPTIONAL"}:
        where = ', as in `import "FILE.flow"`' if place.at(-1) == "IMPORT" else ""
        return place.error(f"`{place.shown}` has no quotes", f"write a text in quotes{where}")
    return None


def _blocks(place: Place) -> Diagnostic | None:
    if place.at(-2) == "MAP" and "IN" in place.expected:
        help = f"write `map {place.word(-1)} in LIST {{ … }}`"
        return place.error("the list of a `map` must follow `in`", help)
    if "LBRACE" in place.expected and "NAME" not in place.expected:
        around = place.brackets.around
        for ahead in range(-1, -min(place.index, 200) - 1, -1):
            if around.get(place.index + ahead, -1) != around.get(place.index, -1):
                continue  # This is inside of other brackets.
            if place.at(ahead) == "MAP" and (place.type in _CLOSES or _begins_step(place)):
                return _unreduced(place)
            if place.at(ahead) in _BLOCKS:
                return place.error(f"a `{place.word(ahead)}` needs braces around its steps", _BLOCKS[place.at(ahead)])
            if place.at(ahead) == "FLOW":
                return place.error("a flow needs braces around its steps", "write `flow NAME(…) { … }`")
            if place.at(ahead) == "TEST":
                return place.error("a test needs braces around its lines", 'write `test "…" of NAME { … }`')
            if place.at(ahead) == "SETUP":
                return place.error("a setup needs braces around its lines", "write `setup NAME of FLOW { … }`")
            if place.at(ahead) in _DECLARATIONS:
                break
    if place.at(-1) == "REDUCE":
        help = 'write `reduce collect`, `reduce majority`, `reduce ask "…"` or another reducer'
        return place.error("a reducer must follow `reduce`", help, -1)
    return None


def _rule_with_text(place: Place) -> Diagnostic | None:
    if place.at(-2) == "REDUCE" and place.at(-1) == "NAME" and place.type == "STRING":
        rule = place.word(-1)
        help = 'write `reduce ask "…{{ results }}…"`, `reduce concat("\\n")`, `reduce collect` or `reduce majority`'
        return place.error(f"the reducer `{rule}` does not take a text", help, -1)
    return None


def _ask(place: Place) -> Diagnostic | None:
    asks = place.at(-1) == "ASK" or (place.at(-2) == "ASK" and place.at(-1) == "NAME")
    if asks and {"STRING", "SYSTEM"} <= place.expected:
        ahead = -1 if place.at(-1) == "ASK" else -2
        return place.error("an `ask` needs a text", 'write `ask "…"`', ahead)
    return None


def _missing(place: Place) -> Diagnostic | None:
    if place.type == "EQUAL" and place.at(-1) == "NAME" and place.begins_line(-1) and place.at(-2) in _WANTS_VALUE:
        return place.error(
            f"a value must follow `{place.word(-2)}`", f"write a value, or delete `{place.word(-2)}`", -2
        )
    ends = place.type in _CLOSES or (place.begins_line() and place.type not in VALUE)
    if place.wants_value and ends and place.at(-1) in _WANTS_VALUE:
        return place.error(
            f"a value must follow `{place.word(-1)}`", f"write a value, or delete `{place.word(-1)}`", -1
        )
    if place.wants_value and place.type in NODES:
        help = f"give the step a name on a line of its own, `name = {place.text} …`, and mention the name here"
        return place.error(f"`{place.text}` is a step, and a value cannot contain a step", help)
    return None


def _candidates(place: Place) -> Diagnostic | None:
    """Report the candidates of a `?` in other brackets, or none in the brackets."""
    if place.at(-1) == "OPTIONAL" and place.type == "LSQB":
        return place.error("the candidates of a `?` stand in round brackets", "write them as in `?(1, 2)`")
    if place.at(-2) == "OPTIONAL" and place.at(-1) == "LPAR" and place.type == "RPAR":
        return place.error("these brackets have no candidates", "write `?(1, 2)`, or `?` alone for the usual ones")
    return None


def _missing_comma(place: Place) -> Diagnostic | None:
    listed = "COMMA" in place.expected and not {"RSQB", "RPAR"}.isdisjoint(place.expected)
    slip = place.type == "NAME" and place.at(1) != "COLON" and nearest(place.text, _NEAR)
    if listed and place.type in VALUE and not slip:
        return place.error(f"a comma is missing before `{place.shown}`", "write `,` between the two")
    return None


def _word_as_name(place: Place) -> Diagnostic | None:
    return _taken(place, 0) if place.text in KEYWORDS and "NAME" in place.expected else None


def _taken(place: Place, ahead: int) -> Diagnostic:
    word = place.word(ahead)
    message = f"`{word}` is a word of the language and cannot be a name here"
    if word == "return" and inside_test(place):
        help = "the value of the flow is `result`; a step inside of what it returns is named without `return`"
        return place.error(message, help, ahead)
    return place.error(message, f"write another name, such as `{word}_`", ahead)


_FIRST = (
    test_line,
    rounds,
    panels,
    misplaced_label,
    *ENDPOINT_MISTAKES,
    *FILE_MISTAKES,
    *CHECK_MISTAKES,
    *OUT_OF_PLACE,
    _no_reducer,
    _flow_type,
    _misspelled_before,
    _clause_first,
)
_RULES = (
    _quote,
    _keyword_as_name,
    _comma,
    _clause,
    _candidates,
    _missing_comma,
    _rule_with_text,
    _misspelled,
    _declaration,
    _blocks,
    _ask,
    _missing,
    _word_as_name,
)


__all__ = ["KEYWORDS", "describe", "stray_word"]
