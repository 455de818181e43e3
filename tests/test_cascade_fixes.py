"""Each mistake in a cascade, and the same file mended: by the offered fix, or as the help says."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog

VOTE = 'repeat 3 { ask "v {{ q }}" -> yes | no } reduce majority'
ASK = 'ask "a {{ q }}" -> yes | no'
LIKE = 'ask "not {{ last }} {{ q }}" -> yes | no'
GOOD = "{% if last %}not {{ last }} {% endif %}"


def flow(stages: str, *, sure: str = "other") -> str:
    return f"flow f(q: text, {sure}: bool) {{\n  x = cascade {{\n    {stages}\n  }}\n  return {{ x, {sure} }}\n}}\n"


OFFERED = {
    "percent": (f"{VOTE}\n    else {ASK} when agreement < 80", "F0628", f"{VOTE}\n    else {ASK} when agreement < 0.8"),
    "percent first": (f"{ASK}\n    else {VOTE} when 90 > sure", "F0628", f"{ASK}\n    else {VOTE} when 0.9 > sure"),
    "first condition": (
        f'{VOTE} when q == "x"\n    else {ASK} when agreement < 1',
        "F0688",
        f"{VOTE}\n    else {ASK} when agreement < 1",
    ),
    "no else": (f"{VOTE}\n    {ASK} when agreement < 1", "F0101", f"{VOTE}\n    else {ASK} when agreement < 1"),
    "if": (f"{VOTE}\n    else {ASK} if agreement < 1", "F0101", f"{VOTE}\n    else {ASK} when agreement < 1"),
    "condition first": (
        f"{VOTE}\n    else when agreement < 1 {ASK}",
        "F0101",
        f"{VOTE}\n    else {ASK} when agreement < 1",
    ),
    "elif": (f"{VOTE}\n    elif agreement < 1 {ASK}", "F0101", f"{VOTE}\n    else {ASK} when agreement < 1"),
    "always": (f"{VOTE}\n    else {ASK} when agreement <= 1", "F0775", f"{VOTE}\n    else {ASK} when agreement < 1"),
    "never": (f"{VOTE}\n    else {ASK} when agreement < 0", "F0775", f"{VOTE}\n    else {ASK}"),
}
"""The stages, the code, and the stages with the fix."""
HELPED = {
    "one stage": (VOTE, "F0688", f"{VOTE} else {ASK}"),
    "empty": ("", "F0688", f"{VOTE} else {ASK}"),
    "no vote": (f"{ASK} else no when agreement < 1", "F0687", f"{VOTE} else no when agreement < 1"),
    "no vote by value": (f"{ASK} else yes when margin < 1", "F0687", f"{ASK} else yes when last == no"),
    "no choice": (f"{VOTE} else {ASK} when sure < 0.9", "F0687", f"{ASK} else {VOTE} when sure < 0.9"),
    "mentioned": (
        f'one = {VOTE} else ask "not {{{{ one }}}} {{{{ q }}}}" -> yes | no when agreement < 1',
        "F0627",
        f'one = {VOTE} else ask "{GOOD}{{{{ q }}}}" -> yes | no when agreement < 1',
    ),
    "may be missing": (
        f"{VOTE} else {LIKE} when agreement < 1",
        "F0306",
        f'{VOTE} else ask "{GOOD}{{{{ q }}}}" -> yes | no when agreement < 1',
    ),
    "twice": (f"a = {VOTE} else a = {ASK}", "F0202", f"a = {VOTE} else b = {ASK}"),
    "no condition": (f"{ASK} else {VOTE} when last", "F0301", f"{ASK} else {VOTE} when last == no"),
    "last too early": (f"{LIKE} else {ASK}", "F0623", f"{ASK} else {VOTE}"),
    "margin": (f"{VOTE} else {ASK} when margin < -1", "F0628", f"{VOTE} else {ASK} when margin < 2"),
    "unrelated": (f"{VOTE} else {ASK} when other", "F0765", f"{VOTE} else {ASK} when other and agreement < 1"),
    "idle": ("q else q", "F0775", 'ask "{{ q }}" else q'),
}


def findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text, "a.flow"), catalog()).warnings
    except FlowError as error:
        return error.diagnostics


@pytest.mark.parametrize("name", OFFERED)
def test_a_fix_mends_the_cascade(name: str) -> None:
    before, code, after = OFFERED[name]
    (found,) = [one for one in findings(flow(before)) if one.code == code]
    assert found.fix is not None
    assert not found.fix.safe
    made = edited(Source(flow(before), "a.flow"), found.fix.edits).text
    assert made.replace("\n", " ").split() == flow(after).replace("\n", " ").split()
    assert findings(made) == ()


@pytest.mark.parametrize("name", HELPED)
def test_the_help_mends_the_cascade(name: str) -> None:
    before, code, after = HELPED[name]
    found = findings(flow(before))
    assert [one.code for one in found] == [code]
    assert found[0].help or code == "F0301"
    assert findings(flow(after)) == ()


def test_a_name_that_is_a_word_of_conditions() -> None:
    stages = f"{ASK} else {VOTE} when sure < 0.9"
    (found,) = findings(flow(stages, sure="sure"))
    assert found.code == "F0202"
    assert findings(flow(stages, sure="certain")) == ()


def test_an_option_that_a_cascade_does_not_have() -> None:
    text = flow(f"{VOTE} else {ASK}").replace("  }\n  return", "  } with errors: skip\n  return")
    (found,) = findings(text)
    assert found.code == "F0307"
    assert findings(text.replace("errors: skip", "timeout: 5s")) == ()
