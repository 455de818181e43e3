"""Diagnostics for keywords and values in the wrong place.

Examples are a step inside a value, clauses in the wrong order, and a value alone on a line.
"""

from __future__ import annotations

import re

from ..diagnostics import Diagnostic, Edit, Fix, nearest
from ..source import Span
from ..syntax.asked_arguments import named_ask
from .place import NODES, VALUE, Place

_STEPS = frozenset({"ask", "fanout", "map", "repeat", "chain", "match"})
_BEGINS = frozenset({"STRING", "NAME", "NUMBER", "LBRACE", "SYSTEM", "USER", "ASSISTANT"})
"""Types of tokens that may follow the first word of a step.

NAME is among them: a name never follows a field, so the word before a name is the word of a step.
"""
_HOLDS_VALUE = frozenset({"COMMA", "LPAR", "LSQB", "COLON", "WHEN", "ELSE", "WHERE", "NOT"})
_OPERATORS = frozenset({"+", "-", "*", "/", "==", "!=", "<=", ">=", "<", ">", "and", "or", "in", "??"})
_ADDRESS = re.compile(r'"?[A-Za-z][\w-]*:[^\s"]+"?')
_LATE = frozenset({"WITH", "AFTER", "WHEN"})
_CLAUSES = "the clauses of a step have a fixed order: `with`, `after`, then `when … else`"
_LONGEST_HEAD = 40
"""The most tokens to look through between the first word of a block and its opening brace."""


def step_in_value(place: Place) -> Diagnostic | None:
    """Report a step in the place of a value. The parser has read its keyword as a name and failed behind it."""
    for ahead in place.line_before():
        word, before = place.word(ahead), place.at(ahead - 1)
        if word not in _STEPS or before not in _HOLDS_VALUE or place.at(ahead + 1) not in _BEGINS:
            continue
        if not place.joined(ahead) or (word == "ask" and place.at(ahead + 1) == "LBRACE"):
            continue
        help = f"give the step a name on a line of its own, `name = {word} …`, and mention the name here"
        help = named_ask(place.span(ahead)) or help
        return place.error(f"`{word}` is a step, and a value cannot contain a step", help, ahead)
    return None


def misspelt_block(place: Place) -> Diagnostic | None:
    """Report a misspelt keyword before braces. The parser has read the block's steps as the fields of a record."""
    opener = place.brackets.around.get(place.index, -1)
    if opener < 0 or place.tokens[opener].type != "LBRACE":
        return None
    brace = opener - place.index
    first = brace
    while brace - first < _LONGEST_HEAD and place.at(first - 1) not in ("", "EQUAL", "RETURN", "LBRACE", "RBRACE"):
        first -= 1
        if place.begins_line(first):
            break
    word = place.word(first)
    if place.at(first) != "NAME" or place.begins_line(brace):
        return None
    if brace - first > 3 and place.word(first + 2) == "in" and place.at(first + 1) == "NAME":
        meant = nearest(word, ["map"])
    elif place.at(first + 1) == "NUMBER":
        meant = nearest(word, ["repeat"])
    else:
        meant = nearest(word, ["fanout", "chain"]) if brace - first == 1 else None
    if meant is None or meant == word:
        return None
    return place.error(f"`{word}` is not a word of this language", f"did you mean `{meant}`?", first)


def clauses_of_map(place: Place) -> Diagnostic | None:
    """Report a `where` or an `at most` of a map in the wrong order or in the wrong place."""
    word = place.text
    if word == "at_most" and "MOST" not in place.expected and "AT" in place.expected:
        return place.error("`at most` is two words", "write `at most 200`", fix=_write(place, "at most"))
    if word not in ("where", "at"):
        return None
    told = "`where`" if word == "where" else "`at most`"
    line = list(place.line_before())
    form = "write `map x in LIST where CONDITION at most N { … }`"
    if word == "where" and "LBRACE" in place.expected and any(place.at(ahead) == "MOST" for ahead in line):
        return place.error("`where` must come before `at most`", form)
    if "IN" in place.expected and place.at(-2) == "MAP":
        return place.error(f"{told} must follow the list of a `map`", form)
    if place.at(-1) == "RBRACE" and "REDUCE" in place.expected:
        return place.error(f"{told} must come before the braces of a `map`", form)
    return None


def place_of_element(place: Place) -> Diagnostic | None:
    """Report a missing comma between the element of a map and the name of its place."""
    if place.at(-2) != "MAP" or "COMMA" not in place.expected or place.type != "NAME" or place.at(1) != "IN":
        return None
    element = place.word(-1)
    fix = _write(place, f", {place.text}")
    return place.error(
        f"a comma is missing before `{place.text}`",
        f"write `map {element}, {place.text} in …`: `{place.text}` is then the place of `{element}` in the list",
        fix=fix,
    )


def before_reducer(place: Place) -> Diagnostic | None:
    """Report a clause directly behind the braces of a block, or a reducer without the word `reduce`."""
    if place.expected != {"REDUCE"} or place.ends:
        return None
    if place.text in ("with", "after", "when"):
        help = f"write `}} reduce collect {place.text} …`, or another reducer"
        return place.error(f"`{place.text}` must follow the reducer of a block", help)
    step = place.at(1) in ("EQUAL", "COLON") or place.begins_line() or nearest(place.text, ["reduce"])
    if place.type in ("NAME", "ASK") and not step:
        fix = Fix(f"write `reduce {place.text}`", (Edit(place.span(), f"reduce {place.text}"),), safe=False)
        return place.error("a block ends in `reduce` and a reducer", f"write `reduce {place.text}`", fix=fix)
    return None


def value_as_line(place: Place) -> Diagnostic | None:
    """Report a value, with or without an operator, that is alone on a line of a body."""
    if not {"RBRACE", "RETURN"} <= place.expected:
        return None
    here = f"`{place.shown}` is not allowed here"
    help = "give the value a name, `value = …`: the last line of a block is its value, with or without a name"
    if place.type in VALUE - {"NAME", "LBRACE"} or place.text == "not":
        begins = place.begins_line() or place.at(-1) == "LBRACE"
        return place.error(here, help) if begins and place.at(1) != "EQUAL" else None
    if place.text not in _OPERATORS or place.at(1) == "EQUAL":
        return None
    first = _statement(place)
    if first is None or (place.text == "==" and place.begins_line(first) and first == -1):
        return None
    if place.at(-1) == "STRING" and place.at(-2) in ("ASK", "USER") and place.text in ("+", "-", "*", "/"):
        mention = place.word(1) if place.at(1) == "NAME" else "name"
        return place.error(here, f'a prompt is a single text: write `ask "… {{{{ {mention} }}}}"`')
    return place.error(here, help) if place.at(first + 1) != "EQUAL" else None


def _statement(place: Place) -> int | None:
    """Find the first token of the body line with this place. Return its distance in tokens. None if it is not found."""
    for ahead in range(-1, -_LONGEST_HEAD, -1):
        if place.at(ahead) in ("", "RBRACE"):
            return None
        if place.begins_line(ahead) or place.at(ahead - 1) == "LBRACE":
            return ahead
    return None


def filter_of_template(place: Place) -> Diagnostic | None:
    """Report a filter that is written in a value. Filters are for templates only."""
    if place.type == "VBAR" and place.at(1) in NODES and "VBAR" not in place.expected:
        return place.error(
            "a sign cannot join two steps", "give the first step a name, and mention it in the second step"
        )
    if place.type != "VBAR" or "VBAR" in place.expected or place.at(1) != "NAME" or place.at(-1) not in _ENDS_VALUE:
        return None
    help = f"in a text write `{{{{ name | {place.word(1)} }}}}`; elsewhere call a function, `length(name)`"
    return place.error("filters work only in texts", help)


_ENDS_VALUE = frozenset({"NAME", "STRING", "RPAR", "RSQB", "RBRACE", "NUMBER"})


def model_in_ask(place: Place) -> Diagnostic | None:
    """Report the address of a model in an `ask`, which takes a model's name. Also report a second text in an `ask`."""
    if place.type == "STRING" and place.at(-1) == "STRING" and place.at(-2) == "ASK":
        here = f"`{place.shown}` is not allowed here"
        first = place.word(-1)
        if _ADDRESS.fullmatch(first):
            return place.error("declare a model at the top of the file, and ask it by its name", _declare(first), -1)
        return place.error(here, 'an `ask` has a single text: join the texts, or write `ask system "…" user "…"`')
    if place.type == "COLON" and place.at(-1) == "NAME" and place.at(-2) == "ASK":
        name = place.word(-1)
        start = place.span(-1).start
        bare = re.match(r'[^\s"]+', place.source.text[start : start + 100])
        address = place.word(1) if name == "model" and place.at(1) == "STRING" else f'"{bare[0] if bare else name}"'
        message = "declare a model at the top of the file, and ask it by its name"
        return place.error(message, _declare(address), -1)
    if place.type == "COLON" and place.at(-1) == "STRING":
        begin = _statement(place)
        if begin is not None and "ASK" in (place.at(begin), place.at(begin + 2)):
            return place.error("the type of an answer must follow `->`", 'write `ask "…" -> A | B`')
    return None


def _declare(address: str) -> str:
    return f'write `model m = {address}` at the top of the file, and `ask m "…"` here'


def options_of_ask(place: Place) -> Diagnostic | None:
    """Report an option on the line of an `ask` without the word `with`."""
    if place.type != "COLON" or place.at(-1) != "NAME" or place.begins_line(-1) or "EQUAL" not in place.expected:
        return None
    first = _statement(place)
    if first is None or first == -1 or not NODES & {place.at(first), place.at(first + 2)}:
        return None
    if near := nearest(place.word(-2), ["with"]):
        late = near == place.word(-2)
        return place.error("`with` is not allowed here", _CLAUSES, -2) if late else None
    word = place.word(-1)
    fix = Fix(f"write `with {word}: …`", (Edit(place.span(-1), f"with {word}"),), safe=False)
    return place.error("options must follow `with`", f"write `with {word}: …`", -1, fix=fix)


def type_of_ask(place: Place) -> Diagnostic | None:
    """Report the type of an answer that is not directly behind the prompt."""
    if place.text != "->" or "BUDGET" in place.expected:
        return None
    line = list(place.line_before())
    if place.at(-1) == "NAME" and place.at(-2) == "ASK" and place.word(-1) not in _models(place):
        return _value_as_text(place, place.word(-1), place.span(-1), -2)
    if place.at(-1) == "ASK" or (place.at(-1) == "NAME" and place.at(-2) == "ASK"):
        return place.error("the type of an answer must follow the prompt", 'write `ask "…" -> A | B`')
    if any(place.at(ahead) == "ASK" for ahead in line) and any(place.at(ahead) in _LATE for ahead in line):
        form = 'write `ask "…" -> A | B with temperature: 0`'
        return place.error("the type of an answer must follow the prompt directly", form)
    return None


def signs(place: Place) -> Diagnostic | None:
    """Report signs of other languages, such as `<>`, which are read here as two signs."""
    if place.text == ">" and place.word(-1) == "<" and place.span(-1).end == place.span().start:
        return place.error("the language has no operator `<>`", "write `!=`", -1)
    if place.text == "." and place.word(-1) == "..":
        return place.error("write two dots to spread a record", "write `..name`", -1)
    if place.text == "*" and place.at(-1) in ("LBRACE", "COMMA") and place.word(1) == "*":
        return place.error("write two dots to spread a record", "write `..name`")
    if place.type == "LPAR" and place.word(-1) in ("->", "|"):
        return place.error("a choice has no brackets around its words", "write `A | B`")
    return None


def value_in_ask(place: Place) -> Diagnostic | None:
    """Report a name or a call in the place of an ask's text."""
    if place.at(-3) == "ASK" and place.at(-2) == "NAME" and place.expected == {"LPAR", "DOT"}:
        return _name_behind_model(place)
    if place.at(-2) != "ASK" or place.at(-1) != "NAME":
        dotted = place.at(-2) == "DOT" and place.at(-4) == "ASK" and "STRING" in place.expected
        if not dotted:
            return None
    first = -1 if place.at(-2) == "ASK" else -3
    name = "".join(place.word(ahead) for ahead in range(first, 0))
    if place.type == "LPAR":
        if place.word(-1) in _models(place):
            return None
        help = f'give the value a name, `words = {name}(…)`, and write `ask "{{{{ words }}}}"`'
        return place.error("an `ask` has no brackets around its text", help)
    texts = place.type == "NAME" and place.at(1) == "STRING"
    if texts or not {"STRING", "SYSTEM"} <= place.expected or name in _models(place):
        return None
    return _value_as_text(place, name, place.source.span(place.span(first).start, place.span(-1).end), first - 1)


def _value_as_text(place: Place, name: str, span: Span, ask: int) -> Diagnostic:
    text = f'"{{{{ {name} }}}}"'
    fix = Fix(f"write `ask {text}`", (Edit(span, text),), safe=False)
    return place.error("an `ask` needs a text", f"write `ask {text}` for a prompt that is a value", ask, fix=fix)


def _name_behind_model(place: Place) -> Diagnostic:
    """Report a name behind the model of an ask, where a text or a prompt with its arguments must stand."""
    if place.begins_line(-1):
        if place.word(-2) in _models(place):
            return place.error("an `ask` needs a text", 'write `ask "…"`', -3)
        return _value_as_text(place, place.word(-2), place.span(-2), -3)
    model, name = place.word(-2), place.word(-1)
    help = f'for a value write `ask {model} "{{{{ {name} }}}}"`; for a prompt of the file `ask {model} {name}(…)`'
    return place.error("an `ask` needs a text", help, -3)


def _models(place: Place) -> set[str]:
    """Collect the names that are declared as models, at the top of the file or as parameters."""
    tokens = place.tokens
    declared = {str(tokens[at + 1]) for at, token in enumerate(tokens[:-1]) if token.type == "MODEL"}
    params = {str(tokens[at - 2]) for at, token in enumerate(tokens) if at > 1 and str(token) == "model"}
    return declared | params


def _write(place: Place, text: str) -> Fix:
    return Fix(f"write `{text}`", (Edit(place.span(), text),), safe=False)


OUT_OF_PLACE = (
    step_in_value,
    misspelt_block,
    clauses_of_map,
    place_of_element,
    before_reducer,
    model_in_ask,
    type_of_ask,
    signs,
    value_in_ask,
    options_of_ask,
)
"""Rules that run before the rules for habits of other languages."""

VALUES = (filter_of_template, value_as_line)
"""Rules that run after the rules for habits of other languages."""
