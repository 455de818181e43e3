"""Habits from other languages. Each rule here recognizes one habit and tells how flowrun writes the same thing."""

from __future__ import annotations

from ..diagnostics import Diagnostic, nearest
from ..patterns import pattern
from ..source import Span
from .check_mistakes import CHECK_FORM
from .corrections import prefix, quote_ended, sign, unbracketed, written
from .place import NODES, VALUE, Place

MATCH = "to run one of several branches write `x = match VALUE { CLASS = …  else = … }`"
BRANCH = "write a branch of a match as `CLASS = …`, with no other word or sign before it"
_STEP = "write a step as `name = …`, with no word before it"
NO_INDEX = "the language has no indexing"
NAMED_PARTS = "give the parts names: use a record type for the answer, as in `-> { first: text }`, and write `x.first`"
WORDS_ELSEWHERE = {
    "def": "a flow begins with `flow NAME(param: type) {`",
    "function": "a flow begins with `flow NAME(param: type) {`",
    "fn": "a flow begins with `flow NAME(param: type) {`",
    "for": "to run a block for each element write `map x in LIST { … } reduce collect`",
    "foreach": "to run a block for each element write `map x in LIST { … } reduce collect`",
    "while": "for rounds write `chain up to 4 { … } until CONDITION`; their most is known before a flow starts",
    "loop": "the language has no loops: `repeat 3 { … }` asks three times, `map x in LIST { … }` once for each element",
    "if": "for a condition write `x = … when CONDITION else OTHER`, for several ways `x = match VALUE { … }`",
    "unless": "write a step with a condition as `x = … when not CONDITION`",
    "elif": "write a step with a condition as `x = … when CONDITION else OTHER`",
    "switch": MATCH,
    "match": MATCH,
    "case": BRANCH,
    "try": 'put a step that may fail into a map with `errors: skip`; write a default as `a ?? "other"`',
    "import": 'an import names a file in quotes: `import "FILE.flow"`',
    "class": "write a record type as `type Name = { field: type }`",
    "struct": "write a record type as `type Name = { field: type }`",
    "enum": "write a choice as `type Name = one | two`",
    "parallel": "to run steps side by side write `fanout { … } reduce …`, or `map x in LIST { … } reduce …`",
    "vote": "write a vote as `repeat 3 { ask … } reduce majority`",
    "let": _STEP,
    "const": _STEP,
    "var": _STEP,
    "async": "delete this word: steps that can run side by side do so",
    "await": "delete this word: a step waits for each step that it mentions",
    "is": "compare two values with `==`",
    "using": 'a model follows `ask`: `ask MODEL "…"`',
    "lambda": "a file cannot define functions; to handle each element write `map x in LIST { … } reduce collect`",
    "print": "a flow prints its result: `return …`",
}
_TOP = {
    "text": 'a text for all flows stands at the top of the file, `text NAME = "…"`; a step has no word before its name',
    "prompt": 'a prompt stands at the top of the file: `prompt NAME(…) from "FILE.md"`',
}
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_TAKE_TEXTS = frozenset({"ASK", "SYSTEM", "USER", "ASSISTANT"})
_PLAIN_NAME = pattern(r'"([A-Za-z_]\w*)"')


def stray_word(word: str) -> str:
    """Guess the meaning of a word that is alone on a line and is not a known name.

    Return the help, or "" if there is no guess.
    """
    if word in WORDS_ELSEWHERE or word in _TOP:
        return WORDS_ELSEWHERE.get(word) or _TOP[word]
    if word == "check":
        return CHECK_FORM
    near = nearest(word, ["return", "flow", "model", "type"])
    return f"did you mean `{near}`?" if near else ""


def else_alone(span: Span) -> Diagnostic:
    help = "write `x = … when CONDITION else OTHER`; for a value that may be missing write `a ?? b`; "
    help += "for stages write `cascade { NODE else NODE when CONDITION }`"
    return Diagnostic("F0101", "`else` needs a `when` before it", span, help=help)


def foreign_word(place: Place) -> Diagnostic | None:
    """Report a word of another language at this place, or earlier on the line where a statement or a value begins."""
    for ahead in place.line_before():
        word = place.word(ahead)
        if place.at(ahead) != "NAME" or word not in WORDS_ELSEWHERE:
            continue
        begins = place.begins_line(ahead) or place.at(ahead - 1) in ("EQUAL", "LBRACE", "RBRACE", "ELSE", "RPAR")
        goes_on = place.joined(ahead) and place.at(ahead + 1) in (
            "NAME", "STRING", "NUMBER", "LBRACE", "NOT", *NODES, *(("LPAR",) if begins else ())
        )  # fmt: skip
        if goes_on or (ahead == 0 and place.top):
            return place.error(f"`{word}` is not a word of this language", WORDS_ELSEWHERE[word], ahead)
    return None


def quoted_name(place: Place) -> Diagnostic | None:
    ahead = 0 if place.at(1) == "COLON" else -1
    if place.at(ahead) != "STRING" or place.at(ahead + 1) != "COLON":
        return None
    plain = _PLAIN_NAME.fullmatch(place.word(ahead))
    help = f"write `{plain[1]}: …`" if plain else "give the field a name of letters, digits and `_`"
    return place.error("the name of a field has no quotes", help, ahead)


def list_dash(place: Place) -> Diagnostic | None:
    for ahead in (0, -1):
        if place.at(ahead) == "MINUS" and place.begins_line(ahead):
            return place.error("a line cannot begin with `-`", "write a step as `name = …`", ahead)
    return None


def bracketed(place: Place) -> Diagnostic | None:
    """Report brackets that other languages would write here for a function call."""
    if place.type != "LPAR":
        return None
    help = {
        "ASK": 'write `ask "…"`',
        "WITH": "write `with name: value`",
        "MAP": "write `map x in LIST { … }`",
        "REPEAT": "write `repeat 3 { … }`",
        "FANOUT": "write `fanout { … }`",
        "CHAIN": "write `chain { … }`",
        "SYSTEM": 'write `system "…"`',
        "USER": 'write `user "…"`',
        "ASSISTANT": 'write `assistant "…"`',
    }.get(place.at(-1))
    if help:
        fix = unbracketed(place) if place.at(-1) in _TAKE_TEXTS else None
        return place.error(f"`{place.word(-1)}` has no brackets after it", help, fix=fix)
    if place.at(-1) == "NAME" and place.at(-2) == "ASK":
        model = place.word(-1)
        help = f'write `ask {model} "…"`'
        return place.error("an `ask` has no brackets around its text", help, fix=unbracketed(place))
    return None


def reducer_in_brackets(place: Place) -> Diagnostic | None:
    if place.at(-1) == "LPAR" and place.at(-2) == "REDUCE" and place.type == "NAME":
        return place.error("a reducer has no brackets around it", f"write `reduce {place.text}`", -1)
    return None


def counted(place: Place) -> Diagnostic | None:
    """Report a missing number behind `repeat`, `at most` or `reduce by`."""
    if place.at(-1) == "REPEAT":
        number = _NUMBERS.get(place.text.lower())
        help = f"write `repeat {number}`" if number else "write a number, as in `repeat 3`"
        note = "the file must say how many calls a flow makes" if place.type == "NAME" and not number else ""
        fix = written(place, str(number)) if number else None
        return place.error("a number must follow `repeat`", help, note=note, fix=fix)
    if place.at(-1) == "MOST":
        number = _NUMBERS.get(place.text.lower())
        help = f"write `at most {number}`" if number else "write a number, as in `at most 200`"
        return place.error("`at most` counts elements", help, fix=written(place, str(number)) if number else None)
    asks = place.at(-2) == "BY" and place.word(-1) == "ask"
    if asks or (place.at(-1) == "BY" and place.at(-2) == "REDUCE"):
        help = "write how many at a time, as in `reduce by 8 ask …`; for one call `reduce ask …`"
        return place.error("a number must follow `reduce by`", help, -1 if asks else 0)
    return None


def equals(place: Place) -> Diagnostic | None:
    inside = place.at(-2) == "LBRACE" and not place.begins_line(-1)
    if place.type == "COMPARE" and place.text == "==" and "EQUAL" in place.expected and not inside:
        return place.error("`==` compares two values", "write a step as `name = …`")
    if place.at(1) == "EQUAL" and place.type in ("PLUS", "MINUS", "TIMES", "DIVIDE"):
        return place.error("a step gets its value only once", "write `name = …` with another name")
    if place.type != "EQUAL":
        return None
    if place.at(-1) in ("PLUS", "MINUS", "TIMES", "DIVIDE") and place.at(-2) == "NAME":
        return place.error("a step gets its value only once", "write `name = …` with another name", -1)
    if place.word(-1) == "==" and place.at(-1) == "COMPARE":
        return place.error("compare two values with `==`", "write `==`", -1)
    if "COLON" in place.expected:
        message = "write `:` between a name and its value here, not `=`"
        return place.error(message, "write `name: value`", fix=sign(place, ":"))
    for ahead in place.line_before():
        if place.at(ahead) in ("WHEN", "WHERE", "ELSE", "EXPECT", "NOT", "AND", "OR") and "COMPARE" in place.expected:
            return place.error("compare two values with `==`", "write `==`", fix=written(place, "=="))
    return None


def colon(place: Place) -> Diagnostic | None:
    if place.type == "COLON" and "EQUAL" in place.expected:
        if place.at(-2) in ("MODEL", "TYPE"):
            help = f"write `{place.word(-2)} NAME = …`"
            return place.error("a declaration needs `=`, not `:`", help, fix=sign(place, "="))
        if place.at(1) == "NAME" and place.at(2) == "EQUAL" and place.joined(1):
            return place.error("a step does not declare a type", "write `name = …`: the type follows from the value")
        return place.error("a step needs `=`, not `:`", "write `name = …`", fix=sign(place, "="))
    if place.expected == {"COLON"} and place.at(-1) == "NAME" and place.type in VALUE:
        if place.type == "LSQB" and place.span(-1).end == place.span().start:
            return place.error(NO_INDEX, NAMED_PARTS)
        return place.error(f"a `:` is missing after `{place.word(-1)}`", f"write `{place.word(-1)}: …`", -1)
    if place.type == "NAME" and place.at(1) == "COLON" and place.text.upper() in place.expected:
        return place.error(f"`{place.text}` has no `:` after it", "delete it", 1)
    return None


def placeholder(place: Place) -> Diagnostic | None:
    if place.type == "LBRACE" and place.at(-1) == "LBRACE":
        return place.error("`{{ … }}` works only in texts", "write only the name", -1)
    return None


def question(place: Place) -> Diagnostic | None:
    if place.type == "OPTIONAL" and not place.expected.isdisjoint(("COMPARE", "WITH")):
        return place.error("a value has no `?` after it", "write `x = … when CONDITION else OTHER`")
    return None


def choices(place: Place) -> Diagnostic | None:
    """Report the choices of an answer that are joined by `or`, `/` or `,` instead of bars."""
    if place.type in ("OR", "DIVIDE", "COMMA") and "VBAR" in place.expected and place.at(1) in ("NAME", "STRING"):
        if place.at(2) in ("EQUAL", "COLON"):
            return None
        fix = written(place, "|") if place.type == "OR" else None
        return place.error("the words of a choice have a `|` between them", "write `A | B`", fix=fix)
    return None


def options(place: Place) -> Diagnostic | None:
    if place.type == "COMMA" and "WITH" in place.expected and (place.at(1), place.at(2)) == ("NAME", "COLON"):
        return place.error("options must follow `with`", f"write `with {place.word(1)}: …`")
    return None


def prefixed(place: Place) -> Diagnostic | None:
    if place.type == "STRING" and place.at(-1) == "NAME" and place.at(-3) == "ASK":
        return prefix(place.source, place.span(-1), place.span())
    if place.type != "NAME" or place.at(1) != "STRING":
        return None
    return prefix(place.source, place.span(), place.span(1))


def ended_text(place: Place) -> Diagnostic | None:
    """Report a quote without an escape inside a text of this line. It ended the text too early."""
    for ahead in place.line_before():
        behind = place.at(ahead - 1) == "STRING" and place.at(ahead) in ("NAME", "NUMBER")
        if behind and (found := quote_ended(place.source, place.span(ahead).start)):
            return found
    return None


HABITS = (
    prefixed,
    ended_text,
    foreign_word,
    quoted_name,
    list_dash,
    bracketed,
    reducer_in_brackets,
    counted,
    placeholder,
    equals,
    colon,
    question,
    choices,
    options,
)
