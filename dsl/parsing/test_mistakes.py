"""Diagnostics for the lines of a test."""

from __future__ import annotations

from ..diagnostics import Diagnostic, Edit, Fix, nearest
from .place import Place
from .test_path_mistakes import after_comment, path_mistake, value_mistake

FORMS = {
    "reply": "write `reply STEP: ANSWER`",
    "expect": "write `expect STEP == VALUE`",
    "extern": "write `extern NAME: VALUE`",
    "file": 'write `file "PATH": TEXT`',
    "cases": 'write `cases "mails.jsonl"`',
    "cassette": 'write `cassette "label.cassette.jsonl"`',
    "setup": "write `setup NAME`",
}
"""The words that begin a line of a test, each with a form of its line."""
_MEANT = {"assert": "expect", "check": "expect", "answer": "reply", "mock": "reply"}
_RELATIONS = ("contains", "matches", "about", "within", "skipped", "failed")
_LINES = "a line gives a parameter, `NAME = VALUE`, or begins with " + ", ".join(f"`{word}`" for word in FORMS)
_PARTS = "compare two values with `==`, or write `contains`, `matches`, `about`, `skipped` or `failed`"


def test_line(place: Place) -> Diagnostic | None:
    """Report a token that a line of a test does not allow."""
    if place.ends:
        return None
    if not _in_test(place):
        return value_mistake(place) if place.type in ("LSQB", "NUMBER") and inside_test(place) else None
    first = _first(place)
    word = place.word(first)
    if (found := path_mistake(place, first)) is not None:
        return found
    if first < 0 and word in FORMS and place.at(first) == "NAME" and place.at(first + 1) not in ("EQUAL", "COLON"):
        # The parser took the first word of this line for the end of the line before.
        return _too_early(place, first - 1)
    if first == -1 and place.at(-1) == "NAME" and "EQUAL" in place.expected:
        return _first_word(place)
    if first == 0:
        return _foreign_line(place)
    if word == "expect":
        return _expectation(place)
    return _answers(place, word) if word in FORMS else None


def _in_test(place: Place) -> bool:
    opener = place.brackets.around.get(place.index, -1)
    if place.at(-1) == "LSQB":
        # The number of an element is in brackets of its own.
        opener = place.brackets.around.get(opener, -1)
    return _opens_test(place, opener)


def inside_test(place: Place) -> bool:
    """Tell whether a test or a setup is around this token, behind other brackets too."""
    opener = place.index
    while opener >= 0 and not _opens_test(place, opener):
        opener = place.brackets.around.get(opener, -1)
    return opener >= 0


def _opens_test(place: Place, opener: int) -> bool:
    return opener >= 0 and any(
        opener >= back and place.tokens[opener - back].type in ("TEST", "SETUP") for back in (4, 6)
    )


def _begins(place: Place, ahead: int) -> bool:
    return place.begins_line(ahead) or place.at(ahead - 1) == "LBRACE"


def _first(place: Place) -> int:
    """Find the first token of the line."""
    ahead = 0
    while not _begins(place, ahead):
        ahead -= 1
    return ahead


def _too_early(place: Place, last: int) -> Diagnostic:
    """Report a line that is not complete. ``last`` is its last token."""
    first = last
    while not _begins(place, first):
        first -= 1
    help = after_comment(place, last) or FORMS.get(place.word(first), _LINES)
    return place.error("this line ends too early", help, last)


def _first_word(place: Place) -> Diagnostic:
    word = place.word(-1)
    if place.type == "COLON" and word not in FORMS and not nearest(word, FORMS):
        return place.error("an input of a test is given with `=`, not `:`", f"write `{word} = …`")
    if word in FORMS:
        return place.error(f"`{place.shown}` is not allowed here", FORMS[word])
    if near := _MEANT.get(word) or nearest(word, FORMS):
        fix = Fix(f"write `{near}`", (Edit(place.span(-1), near),), safe=False)
        return place.error(f"no line of a test begins with `{word}`", f"did you mean `{near}`?", -1, fix=fix)
    return place.error(f"no line of a test begins with `{word}`", _LINES, -1)


def _foreign_line(place: Place) -> Diagnostic | None:
    if place.at(-1) == "NAME" and not _begins(place, -1) and "EQUAL" in place.expected:
        # A name at the end of the line before, which nothing there allows.
        return _stray(place, -1)
    if not place.text.isidentifier():
        return None
    if place.text in FORMS:
        return _too_early(place, -1)
    return place.error(f"a test has no line `{place.text} …`", _LINES)


def _stray(place: Place, ahead: int) -> Diagnostic:
    """Report a name behind a complete value."""
    first = ahead
    while not _begins(place, first):
        first -= 1
    word = place.word(ahead)
    if place.word(first) != "expect":
        return place.error(f"`{word}` is not allowed here", "write a comma between two answers", ahead)
    if place.at(ahead - 1) == "FAILED":
        return place.error("the message of a failure is a text", f'write `failed "{word}"`', ahead)
    near = nearest(word, _RELATIONS)
    if near and near != word:
        fix = Fix(f"write `{near}`", (Edit(place.span(ahead), near),), safe=False)
        return place.error(f"`{word}` is not a word of expectations", f"did you mean `{near}`?", ahead, fix=fix)
    return place.error(f"`{word}` is not a word of expectations", _PARTS, ahead)


def _expectation(place: Place) -> Diagnostic | None:
    if place.at(-1) == "NAME" and place.expected == {"EQUAL"} and place.type != "EQUAL":
        return _stray(place, -1)
    if place.at(-1) == "ASKED" and place.type == "STRING":
        return place.error("a path has no quotes", "write `expect asked STEP`")
    if place.type == "STRING" and any(place.at(ahead) == "ASKED" for ahead in place.line_before()):
        return place.error(f"`{place.shown}` is not allowed here", f"write `contains {place.shown}`")
    if place.type == "NOT":
        return place.error("`not` must follow `expect`", "write `expect not …`")
    if place.type in ("AND", "OR"):
        return place.error(
            f"`{place.text}` cannot join this expectation with another", "write a line `expect …` for each of them"
        )
    return None


def _answers(place: Place, word: str) -> Diagnostic | None:
    form = FORMS[word]
    if word not in ("reply", "extern"):
        return place.error(f"`{place.shown}` is not allowed here", form) if place.type != "EQUAL" else None
    if place.at(-1) == "NAME" and place.expected == {"EQUAL"} and place.type != "EQUAL":
        return _stray(place, -1)
    if place.type == "STRING" and place.at(-1) in ("REPLY", "EXTERN"):
        return place.error("a path has no quotes", form)
    if place.type == "WHEN":
        return place.error("the condition must come before the `:`", f"write `{word} NAME when CONDITION: ANSWER`")
    if "COLON" in place.expected and "WHEN" in place.expected:
        return place.error("a `:` must come before the answers", form)
    return None
