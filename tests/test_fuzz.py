"""Any bytes, and any damage to a program, give a checked flow or findings: never another exception, never a hang."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import CODES, FlowError, Source, check_flow, render_diagnostics
from flowrun.runtime.catalog import catalog
from support.soak import share

ROOT = Path(__file__).parent
PROGRAMS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "corpus").rglob("*.flow"))]
TOKEN = re.compile(r'"""|"[^"\n]*"|\w+|\.\.|->|\?\?|[=!<>]=|\s+|.', re.DOTALL)
SPLIT = [TOKEN.findall(text) for text in PROGRAMS if len(text) < 5000]
WORDS = sorted({token for tokens in SPLIT for token in tokens if len(token) < 40})
STRANGE = [
    "'",
    "“",
    ";",
    "//",
    "/*",
    "*/",
    "3x",
    "é",
    "а",
    "&&",
    "||",
    "\\",
    "\x00",
    "\u202e",
    "\ufeff",
    "\ud800",
    "🙂",
    "$",
]
CATALOG = catalog()


def answered(text: str) -> None:
    """Check that the text is a flow or has findings that can be shown."""
    source = Source(text)
    try:
        found = check_flow(source, CATALOG).warnings
    except FlowError as error:
        found = error.diagnostics
        assert any(one.severity == "error" for one in found)
    for one in found:
        assert one.code in CODES
        assert one.message and "\n" not in one.message
        for span in (one.span, *(label.span for label in one.labels)):
            assert span.source.text is not None
            assert 0 <= span.start <= span.end <= len(span.source.text)
    render_diagnostics(found)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A program of the corpus with some tokens lost, doubled, exchanged or put in, or two programs joined."""
    tokens = list(draw(st.sampled_from(SPLIT)))
    if draw(st.booleans()):
        other = draw(st.sampled_from(SPLIT))
        tokens[draw(st.integers(0, len(tokens))) :] = other[draw(st.integers(0, len(other))) :]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(tokens) - 1)))
        how = draw(st.sampled_from(["lose", "double", "exchange", "put", "replace", "cut"]))
        if how == "lose":
            del tokens[at : at + draw(st.integers(1, 3))]
        elif how == "double":
            tokens[at:at] = tokens[at : at + 1]
        elif how == "exchange" and at + 2 < len(tokens):
            tokens[at], tokens[at + 2] = tokens[at + 2], tokens[at]
        elif how == "put":
            tokens.insert(at, draw(st.sampled_from(WORDS + STRANGE)))
        elif how == "replace":
            tokens[at : at + 1] = [draw(st.sampled_from(WORDS + STRANGE))]
        elif how == "cut":
            del tokens[at:]
    return "".join(tokens)


few = settings(max_examples=60, suppress_health_check=list(HealthCheck))
many = settings(max_examples=share(100_000), suppress_health_check=list(HealthCheck))


@few
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    answered(data.decode("utf-8", "replace"))
    answered(data.decode("latin-1"))


@few
@given(damaged())
def test_any_damage_is_answered(text: str) -> None:
    answered(text)


@pytest.mark.slow
@many
@given(damaged())
def test_much_damage_is_answered(text: str) -> None:
    answered(text)


@pytest.mark.slow
@many
@given(st.lists(st.sampled_from(WORDS + STRANGE), max_size=60))
def test_many_rows_of_tokens_are_answered(tokens: list[str]) -> None:
    answered(" ".join(tokens))


MEGA = 1 << 20
TOKENS = 120_000
HUGE = {
    "too long": "#" * (MEGA + 1),
    "open brackets": "[" * MEGA,
    "brackets in pairs": "[]" * (MEGA // 2),
    "open flows": "flow f() {\n" * (MEGA // 11),
    "texts": '"a" ' * (MEGA // 4),
    "empty texts": '"""' * (MEGA // 3),
    "an unclosed text of escapes": '"""\\' * (MEGA // 4),
    "an unclosed text of quotes": '"""' + '""a' * (MEGA // 3 - 2),
    "unclosed texts and flows": 'flow f() { x = """\nflow g() {\n' * (MEGA // 30),
    "quotes": '"' * MEGA,
    "single quotes": "'" * MEGA,
    "quotes on lines": '"\n' * (MEGA // 2),
    "backslashes": '"' + "\\" * (MEGA - 1),
    "wrong escapes": 'flow f() { x = "' + r"\q" * (MEGA // 2 - 20) + '" }',
    "words": "x " * (MEGA // 2),
    "a name": "flow f() { " + "a" * (MEGA - 20) + " }",
    "a name of foreign letters": "а" * MEGA,
    "words of foreign letters": "ä " * TOKENS,
    "digits": "flow f() { x = " + "1" * (MEGA - 30) + " }",
    "digits and points": "1." * (MEGA // 2),
    "amounts": "$1" * (MEGA // 2),
    "blanks": " " * (MEGA - 1) + "x",
    "line ends": "\n" * (MEGA - 1) + "}",
    "carriage returns": "\r\n" * (MEGA // 2),
    "control characters": "\x00" * MEGA,
    "marks": "\ufeff" * MEGA,
    "halves of characters": "\ud800" * MEGA,
    "slashes": "/" * MEGA,
    "stars": "/*" * (MEGA // 2),
    "signs": "&~" * (MEGA // 2),
    "foreign words": "if x\n" * (MEGA // 5),
    "comments": "# x\n" * (MEGA // 4),
    "declarations": 'model a = "x:y"\n' * 100_000,
    "mistakes": "flow f() {\n" + "a = = 1\n" * (TOKENS // 4) + "}",
    "broken declarations": "flow f() { x = = 1 }\n" * (TOKENS // 9),
    "a mistake at the end": "flow f() {" + 'a = ask "x" -> A | B\n' * (TOKENS // 8) + "x = = 1\n}",
    "words that are names": "flow f() {" + "test\n" * TOKENS + "}",
    "signs before a value": "flow f() { return " + "not " * TOKENS + "}",
    "fields": "flow f() { return a" + ".b" * (TOKENS // 2) + "}",
    "operators": "flow f() { return a" + " + b" * (TOKENS // 2) + "}",
    "arguments": "flow f() { return g(" + "a," * (TOKENS // 2) + ") }",
    "choices": "type A = " + "a | " * (TOKENS // 2) + "b",
    "one line": "flow f() { " + 'a = ask "x" ' * (TOKENS // 4 - 10) + "}",
    "a text of lines": 'flow f() { x = """' + "a\n" * (MEGA // 2 - 20) + '""" }',
}
READ = """
import json, os, resource, sys, time
from flowrun.dsl import FlowError, Source, parse_flow
parse_flow(Source(""))
texts = json.load(sys.stdin)
for name in list(texts):
    text = texts[name]
    if os.fork():
        assert os.wait()[1] == 0, name
        continue
    texts = None
    start = time.process_time()
    try:
        parse_flow(Source(text))
    except FlowError as error:
        assert 0 < len(error.diagnostics) <= 120
    seconds, kilobytes = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([name, seconds, kilobytes // 1024]), flush=True)
    os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_a_huge_text_is_answered_in_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ], input=json.dumps(HUGE), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    measured = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, _, _ in measured] == list(HUGE)
    # The time only guards against what would never end.
    assert [one for one in measured if one[1] > 10 or one[2] > 512] == []


def test_a_text_of_many_lines_is_quoted_by_its_first() -> None:
    answered('flow g(mail: text) {\n  y = ask "a" """\n  b\n  c\n"""\n  return y\n}\n')
