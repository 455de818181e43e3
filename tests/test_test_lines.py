"""The lines of tests: mistakes in them are named, with a caret; the words of tests are names everywhere else."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow, format_file, make_tests, parse_flow
from flowrun.dsl.parsing.token import TEST_WORDS
from flowrun.runtime.catalog import catalog

HEAD = """flow label(mails: [text]) {
  kinds = map mail in mails at most 9 {
    k = repeat 3 { ask "Spam? {{ mail }}" -> spam | fine } reduce majority
    { mail, k }
  } reduce collect
  tone = ask "Tone {{ kinds }}" -> warm | cold
  return tone
}
"""
UNNAMED = "an unnamed step is called by its word and its number in the body, not by its line"
END = "an expectation of an end names a step without numbers"
TOO_EARLY = "this line ends too early"


def findings(line: str) -> list[tuple[str, str, str]]:
    text = f'{HEAD}test "t" of label {{\n  mails = ["a"]\n  {line}\n  expect tone == warm\n}}\n'
    found: tuple[Diagnostic, ...]
    try:
        found = check_flow(Source(text), catalog()).warnings
    except FlowError as error:
        found = error.diagnostics
    return [(one.message, one.span.text, one.help) for one in found if one.code != "F0731"]


MISTAKES = [
    ("reply tone warm", "a `:` must come before the answers", "warm", "write `reply STEP: ANSWER`"),
    ("reply tone = warm", "a `:` must come before the answers", "=", "write `reply STEP: ANSWER`"),
    ("reply tone:", TOO_EARLY, ":", "write `reply STEP: ANSWER`"),
    ("reply tone: warm,", TOO_EARLY, ",", "write `reply STEP: ANSWER`"),
    ("reply tone: warm cold", "`cold` is not allowed here", "cold", "write a comma between two answers"),
    ("reply kinds[a].k: spam", "the number of an element or a sample is a whole number", "a", "count from 0"),
    ("reply kinds[-1].k: spam", "the number of an element or a sample is a whole number", "-", "count from 0"),
    ('reply "tone": warm', "a path has no quotes", '"tone"', "write `reply STEP: ANSWER`"),
    ("reply tone: warm when true", "the condition must come before the `:`", "when", "write `reply NAME when"),
    ("replay tone: warm", "no line of a test begins with `replay`", "replay", "did you mean `reply`?"),
    ("expects tone == warm", "no line of a test begins with `expects`", "expects", "did you mean `expect`?"),
    ("assert tone == warm", "no line of a test begins with `assert`", "assert", "did you mean `expect`?"),
    ('case "x.jsonl"', "no line of a test begins with `case`", "case", "did you mean `cases`?"),
    ('given mails = ["a"]', "no line of a test begins with `given`", "given", "a line gives a parameter"),
    ('mails: ["a"]', "an input of a test is given with `=`, not `:`", ":", "write `mails = …`"),
    ('expect tone contain "x"', "`contain` is not a word of expectations", "contain", "did you mean `contains`?"),
    ("expect tone equals warm", "`equals` is not a word of expectations", "equals", "compare two values with `==`"),
    ("expect tone skiped", "`skiped` is not a word of expectations", "skiped", "did you mean `skipped`?"),
    ('expect tone not contains "x"', "`not` must follow `expect`", "not", "write `expect not …`"),
    ('expect tone contains "x" and true', "`and` cannot join this expectation with another", "and", "write a line"),
    ("expect failed quota", "the message of a failure is a text", "quota", 'write `failed "quota"`'),
    ("expect kinds[0].k == spam", "a value has no numbers in brackets", "[", "to look at one element"),
    ('expect asked "tone"', "a path has no quotes", '"tone"', "write `expect asked STEP`"),
    ('expect asked tone "policy"', '`"policy"` is not allowed here', '"policy"', 'write `contains "policy"`'),
    ("expect", TOO_EARLY, "expect", "write `expect STEP == VALUE`"),
    ("expect tone about", TOO_EARLY, "about", "write `expect STEP == VALUE`"),
    ("setup", TOO_EARLY, "setup", "write `setup NAME`"),
    ('setup "common"', '`"common"` is not allowed here', '"common"', "write `setup NAME`"),
    ("cases x.jsonl", "`x` is not allowed here", "x", 'write `cases "mails.jsonl"`'),
    ('cases: "x.jsonl"', "`:` is not allowed here", ":", 'write `cases "mails.jsonl"`'),
    ('cassette = "x"', "the flow `label` has no parameter `cassette`", "cassette", "for the line of a test write"),
    ('file "x"', TOO_EARLY, '"x"', 'write `file "PATH": TEXT`'),
    ("extern lookup", TOO_EARLY, "lookup", "write `extern NAME: VALUE`"),
    ("extern lookup = 3", "a `:` must come before the answers", "=", "write `extern NAME: VALUE`"),
    ('ask "x"', "a test has no line `ask …`", "ask", "a line gives a parameter"),
    ("return tone", "a test has no line `return …`", "return", "a line gives a parameter"),
    ('reply tone: error "429"', "`error` needs brackets", "error", 'write `error("429")`'),
    ("reply tone: timeout(5s)", "an answer cannot call `timeout`", "timeout", "write a value, or"),
    ('reply tone: malformd("x")', "an answer cannot call `malformd`", "malformd", "did you mean `malformed`?"),
    ("reply tine: warm", "the flow `label` has no step `tine`", "tine", "did you mean `tone`?"),
    ("expect toan skipped", "the flow `label` has no step `toan`", "toan", "did you mean `tone`?"),
    ("reply tone.k: warm", "`tone` has no step `k`", "k", "it has no steps inside"),
    ("expect asked kinds.j", "`kinds` has no step `j`", "j", "its steps: `k`, `value`"),
    ('reply kinds["a"].k: spam', "the number of an element or a sample is a whole number", '"a"', "count from 0"),
    ("reply kinds.c-17.k: spam", "a path has no labels of elements", "-", "count from 0, `STEP[0]`; to choose"),
    ("reply kinds.k.line 3: spam", UNNAMED, "3", "write `ask` for the first unnamed `ask`"),
    ("reply kinds.k#2: spam", TOO_EARLY, "k", "write the answers of repeated calls on one line, in their order"),
    ("expect asked kinds[c-1].k", "the number of an element or a sample is a whole number", "c", "count the elements"),
    ('expect not asked kinds["c"].k', "the number of an element or a sample is a whole number", '"c"', "count the"),
    ("expect asked kinds.c-17.k", "a path has no labels of elements", "-", "count the elements and samples from 0"),
    ("expect kinds.1.k == spam", "a value has no numbers", "1", "to look at one element"),
    ('expect not kinds["a"].k == spam', "a value has no numbers in brackets", "[", "to look at one element"),
    ("expect length(kinds[0].k) == 1", "a value has no numbers in brackets", "[", "to look at one element"),
    ("expect tone == { a: [kinds[0]] }", "a value has no numbers in brackets", "[", "to look at one element"),
    ("expect kinds[0].k failed", END, "[", "write `expect STEP failed`: it holds if the step failed at some place"),
    ("expect kinds.0.k skipped", END, "0", "write `expect STEP skipped`: it holds if the step was skipped at some"),
    ("expect k == spam", "`k` is known only inside `kinds`", "k", "mention `kinds`"),
]


@pytest.mark.parametrize(("line", "message", "caret", "help"), MISTAKES)
def test_a_mistake_in_a_line_is_named(line: str, message: str, caret: str, help: str) -> None:
    first = findings(line)[0]
    assert first[:2] == (message, caret)
    assert first[2].startswith(help)


WORDS = sorted(
    {word.lower() for word in TEST_WORDS}
    | set("reply expect error slow length rounds cost tokens calls agreement".split())
)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_tests_is_a_name_everywhere(word: str) -> None:
    called = "size" if word in catalog().functions else word
    text = f"""type Row = {{ {word}: text, row: bool }}

model m = "openai:gpt-4o-mini"

flow {called}(text: text) {{
  answer = ask m "{{{{ text }}}}"
  return answer
}}

flow of_param({word}: bool, rows: [Row]) {{
  x = ask m "X {{{{ {word} }}}}" -> yes | no
  last = map row in rows at most 3 {{
    {word}_one = ask m "{{{{ row.{word} }}}}" when {word}
    first = {called}("x") after {word}_one
    {called}("y") after first
  }} reduce collect
  return {{ {word}, x, last: last, other: x }}
}}

flow of_step(text: text) {{
  {word} = ask m "{{{{ text }}}}" -> {word} | other
  x = {word}
  {word}2 = map one in [{word}, x] {{ ask m "{{{{ one }}}} {{{{ {word} }}}}" }} reduce collect
  y = ask m "{{{{ {word}2 }}}}" when {word} != "other"
  return {{ y, x }}
}}

setup {word} of of_step {{
  text = "a"
}}

test "of a parameter" of of_param {{
  {word} = true
  rows = []
  reply x when {word}: yes
  reply last.{word}_one: "a"
  reply last.first.answer: "b"
  reply last.{called}: "c"
  expect {word} == true
  expect {word} != false and x == yes
  expect result.{word} == {word}
}}

test "of a step" of of_step {{
  setup {word}
  reply {word}: "other", "{word}"
  reply {word}2[1]: "a"
  reply {word}2: "b"
  reply y when {word} == "other": "c"
  expect {word} == "other"
  expect {word} in ["{word}", "other"]
  expect not {word} contains "y"
  expect asked {word} contains "a"
  expect not asked {word}2
  expect {word} failed "x"
  expect y skipped
}}
"""
    source = Source(text)
    tree = parse_flow(source)
    assert format_file(tree) == text
    checked = check_flow(source, catalog())
    assert [one.code for one in checked.warnings if one.code != "F0701"] == []
    of_param, of_step = make_tests(checked)
    assert set(of_param.given.inputs) == {word, "rows"}
    assert [reply.step for reply in of_param.replies] == [
        "x",
        f"last.{word}_one",
        "last.first.answer",
        f"last.{called}.answer",
    ]
    assert [reply.step for reply in of_step.replies] == [word, f"{word}2.ask", f"{word}2.ask", "y"]


def test_brackets_stay_where_a_name_would_be_read_as_a_word() -> None:
    lines = ["expect (failed)", "expect (asked)", "expect (not failed)", "expect failed.x", "expect not failed"]
    text = 'flow f(failed: bool, asked: bool) {\n  x = ask "X {{ failed }} {{ asked }}"\n  return x\n}\n'
    text += "\n" + 'test "t" of f {\n' + "".join(f"  {line}\n" for line in lines) + "}\n"
    assert format_file(parse_flow(Source(text))) == text


TOKEN = re.compile(r'"[^"\n]*"|\w+|[^\w\s]')
CORPUS = Path(__file__).parent / "corpus"


def load(path: str) -> Source:
    return Source((CORPUS / "ok" / path).read_text(encoding="utf-8"), path)


@pytest.mark.parametrize("name", ["ok/tests_whole", "ok/test_words", "bad/test_types/paths"])
def test_a_broken_test_is_refused_and_never_stops_the_checker(name: str) -> None:
    whole = (CORPUS / f"{name}.flow").read_text(encoding="utf-8")
    right = 0
    for seed in range(60):
        rng = random.Random(seed)
        tokens = list(TOKEN.finditer(whole))
        at, other = rng.choice(tokens), rng.choice(tokens)
        instead = rng.choice(["", other.group(), f"{other.group()} {at.group()}"])
        text = whole[: at.start()] + instead + whole[at.end() :]
        try:
            checked = check_flow(Source(text, "t.flow"), catalog(), load)
        except FlowError as error:
            assert all(one.span.source.text and one.message for one in error.diagnostics)
            continue
        right += 1
        written = format_file(parse_flow(Source(text)))
        assert format_file(parse_flow(Source(written))) == written
        assert len(make_tests(checked)) == len(checked.file.tests)
    assert right >= (0 if name.startswith("bad") else 1)
