"""Slips that people bring from elsewhere, each with the sentence that a colleague would say, and no second finding."""

from __future__ import annotations

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

HEAD = 'flow f(t: text, xs: [text], r: { score: 1..5, tags: [text] }) {\n  used = [t, text "{{ xs }} {{ r }}"]\n'


def findings(lines: str, end: str = "  return used\n}\n") -> list[Diagnostic]:
    text = f"{HEAD}  {lines}\n{end}"
    try:
        return list(check_flow(Source(text, "a.flow"), catalog()).warnings)
    except FlowError as error:
        return [one for one in error.diagnostics if one.severity == "error"]


MAP = 'map x in xs { ask "{{ x }}" }'
ORDER = "map x in LIST where CONDITION at most N { … }"
SENTENCES = [
    # A step where a value is wanted.
    ("", f"y = [{MAP} reduce collect]", "`map` is a step, and a value cannot contain a step", "name = map"),
    ("", 'y = t when repeat 3 { ask "x" -> Y | N } reduce majority == Y', "`repeat` is a step", "name = repeat"),
    # Misspelt words of blocks.
    ("", 'y = mpa x in xs { ask "{{ x }}" } reduce collect', "`mpa` is not a word", "did you mean `map`?"),
    ("", 'y = mpa x in xs {\n    a = ask "{{ x }}"\n    ask "{{ a }}"\n  } reduce collect', "`mpa` is no", "`map`?"),
    (
        "",
        'y = reapet 3 {\n    a = ask "{{ t }}"\n    ask "{{ a }}" -> Y | N\n  } reduce majority',
        "`reapet`",
        "`repeat`?",
    ),
    ("", 'y = chian { ask "{{ t }}" }', "`chian` is not a word of this language", "did you mean `chain`?"),
    # Clauses of a map, and of a block, in another order.
    (
        "",
        'y = map x in xs at most 5 where x != "" { ask "{{ x }}" } reduce collect',
        "`where` must come before `at most`",
        "map x",
    ),
    ("", 'y = map x at most 5 in xs { ask "{{ x }}" } reduce collect', "`at most` must follow the list", ORDER),
    ("", 'y = map x where x != "" in xs { ask "{{ x }}" } reduce collect', "`where` must follow the list", ORDER),
    ("", f'y = {MAP} where x != "" reduce collect', "`where` must come before the braces", ORDER),
    ("", f"y = {MAP} at most 5 reduce collect", "`at most` must come before the braces", ORDER),
    ("", 'y = map x in xs at_most 5 { ask "{{ x }}" } reduce collect', "`at most` is two words", "at most"),
    ("", f"y = {MAP} with concurrency: 2 reduce collect", "`with` must follow the reducer", "reduce collect with"),
    ("", f"y = {MAP} collect", "a block ends in `reduce` and a reducer", "write `reduce collect`"),
    # A value as a line of a body.
    # Asks.
    ("", 'y = ask "openai:x" "Hi {{ t }}"', "a model at the top of the file,", 'model m = "openai:x"'),
    ("", 'y = ask openai:gpt-4o "Hi {{ t }}"', "a model at the top", 'model m = "openai:gpt-4o"'),
    ("", 'y = ask model: "openai:x" "Hi {{ t }}"', "a model at the top", 'model m = "openai:x"'),
    ("", 'y = ask fast "Hi {{ t }}"', "no such model", 'model fast = "provider:name"'),
    ("", "y = ask t", "an `ask` needs a text", '`ask "{{ t }}"`'),
    ("", "y = ask r.tags", "an `ask` needs a text", '`ask "{{ r.tags }}"`'),
    ("", "y = ask t\n  z = t", "an `ask` needs a text", '`ask "{{ t }}"`'),
    ("", "y = ask t -> Y | N", "an `ask` needs a text", '`ask "{{ t }}"`'),
    ("", 'y = ask file("p.md")', "an `ask` has no brackets around its text", "words = file(…)"),
    ("", 'y = ask "Hi " + t', "`+` is not allowed here", 'write `ask "… {{ t }}"`'),
    ("", 'y = ask "Hi {{ t }}" temperature: 0', "options must follow `with`", "with temperature: …"),
    ("", 'y = ask "Hi {{ t }}": Y | N', "the type of an answer must follow `->`", "-> A | B"),
    ("", 'y = ask "Hi {{ t }}" unless t == "a"', "`unless` is not a word of this language", "when not"),
    ("", 'y = ask "Hi {{ t }}" with temperature: 0 -> Y | N', "must follow the prompt", "-> A | B with"),
    ("", 'y = ask -> Y | N "Hi {{ t }}"', "the type of an answer must follow the prompt", "-> A | B"),
    ("", 'y = ask "Hi {{ t }}" after used with temperature: 0', "`with` is not allowed here", "`with`, `after`"),
    ("", 'y = ask "Hi {{ t }}" -> (Y | N)', "a choice has no brackets around its words", "A | B"),
    ("", 'y = ask "{{ t }}" | ask "b"', "sign cannot join two steps", "give the first step a name"),
    ("", 'y = text("Hi {{ t }}")', "no function or flow is called `text`", "without brackets"),
    # Signs of other languages.
    ("", 'y = t <> "a"', "the language has no operator `<>`", "write `!=`"),
    ("", "y = { ...r, a: 1 }", "write two dots to spread a record", "..name"),
    ("", "y = { **r, a: 1 }", "write two dots to spread a record", "..name"),
    # Templates outside of texts.
    ("", "y = t.upper()", "values have no methods:", "write `upper(t)`"),
    ("", "y = xs | first", "filters work only in texts", "{{ name | first }}"),
    # Rules.
    ("", f"y = {MAP} reduce nonsense", "no reducer is called `nonsense`", "`collect` for a list"),
    ("", f"y = {MAP} reduce join", "no reducer is called `join`", "write `concat`"),
    ("", f"y = {MAP} reduce vote", "no reducer is called `vote`", "write `majority`"),
    ("", f"y = {MAP} reduce list", "no reducer is called `list`", "write `collect`"),
    ("", f"y = {MAP} reduce avg", "no reducer is called `avg`", "write `mean`"),
    ("", f"y = {MAP} reduce summarize", "no reducer is called `summarize`", 'write `ask "…{{ results }}…"`'),
    ("", f"y = {MAP} reduce majorty", "no reducer is called `majorty`", "did you mean `majority`?"),
]


@pytest.mark.parametrize(("end", "lines", "message", "help"), SENTENCES, ids=[one[1][:60] for one in SENTENCES])
def test_a_slip_gets_one_sentence_and_the_way_out(end: str, lines: str, message: str, help: str) -> None:
    found = findings(lines, "}\n" if end else "  return used\n}\n")
    assert [one.severity for one in found] == ["error"], [one.message for one in found]
    assert message in found[0].message
    assert help in found[0].help
    assert not (found[0].fix and found[0].fix.safe)


RIGHT = [
    ("return", 'return chain { a = ask "{{ t }}"\n   ask "x {{ a }}" }'),
    ("return", 'return map x in xs {\n    a = ask "{{ x }}"\n    ask "{{ a }}"\n  } reduce collect'),
    ("return", 'return repeat 3 { ask "{{ t }}" -> Y | N } reduce majority'),
    ("return", 'return fanout { a = ask "{{ t }}" b = ask "{{ t }}" } reduce collect'),
    ("return", 'return ask "{{ t }}"'),
    ("return", 'return ask "{{ t }}" -> Y | N'),
    ("", "y = map x in xs { r.score * 2 } reduce collect"),
    ("", "y = map x in xs { 2 * r.score } reduce collect"),
    ("", 'y = map x in xs { "a" + x } reduce collect'),
    ("", 'y = map x in xs { x == "a" } reduce collect'),
    ("", 'y = map x in xs {\n    z = ask "{{ x }}"\n    z + "!"\n  } reduce collect'),
    ("", 'y = map x in xs { not (x == "a") } reduce collect'),
]


@pytest.mark.parametrize(("end", "lines"), RIGHT, ids=[one[1][:60] for one in RIGHT])
def test_any_value_ends_a_block_and_any_node_is_returned(end: str, lines: str) -> None:
    found = findings(lines, "}\n" if end else "  return { used, y }\n}\n")
    assert [one.message for one in found if one.severity == "error"] == []


def test_the_guess_of_a_mention_writes_a_template() -> None:
    (found,) = findings("y = ask t")
    assert found.fix
    assert [(edit.span.text, edit.text) for edit in found.fix.edits] == [("t", '"{{ t }}"')]


def test_names_that_are_words_of_blocks_are_left_alone() -> None:
    assert (
        findings("map_ = t\n  z = { map: map_, chain: t, ask: t }\n  y = z.map", "  return { used, z, y }\n}\n") == []
    )


def test_options_for_a_whole_file_lead_to_the_model() -> None:
    with pytest.raises(FlowError) as caught:
        check_flow(Source("default with temperature: 0.2\n" + HEAD + "  return used\n}\n", "a.flow"), catalog())
    (found,) = caught.value.diagnostics
    assert "`default` is not allowed here" in found.message
    assert "with temperature" in found.help
