"""The files of editors: their word lists come from the grammar and the registries, and Pygments reads their rules.

FLOWRUN_UPDATE writes the files again.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import make
import pytest
import word_lists
from pygments import highlight, lexers
from pygments.formatters import HtmlFormatter
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String

from flowrun.dsl.ide.snippets import DECLARATIONS, LINES, NODES, STEPS
from flowrun.grammars.pygments_lexer import GRAMMAR, FlowLexer, kind_of, root
from flowrun.runtime.catalog import catalog
from support.editor_words import ALL, ROOT, flow_files, roles
from support.few_cases import some

LEAST_SHARE = 0.98
KINDS: dict[str, tuple[Any, ...]] = {
    "keyword": (Keyword, Operator.Word),
    "type": (Keyword.Type, Name.Class),
    "reducer": (Name.Builtin,),
    "function": (Name.Builtin,),
    "filter": (Name.Builtin,),
    "option": (Name.Attribute,),
    "string": (String,),
    "number": (Number,),
    "operator": (Operator, Punctuation),
    "comment": (Comment,),
    "mark": (String.Interpol,),
    "choice": (Name, String),
}


def kinds(text: str) -> list[Any]:
    """Return the kind of each character."""
    made = list(FlowLexer().get_tokens_unprocessed(text))
    assert "".join(value for _, _, value in made) == text
    assert all(start == sum(len(value) for _, _, value in made[:at]) for at, (start, _, _) in enumerate(made[:50]))
    return [kind for _, kind, value in made for _ in value]


def test_the_files_are_those_that_the_grammar_and_the_registries_make() -> None:
    if os.environ.get("FLOWRUN_UPDATE"):
        make.main()
    assert make.old() == [], "run grammars/editors/make.py"


def test_every_word_of_the_grammar_has_a_place() -> None:
    lists = word_lists.word_lists()
    grammar = json.dumps(json.loads((ROOT / "grammars" / GRAMMAR).read_text(encoding="utf-8")))
    vim = (ROOT / "grammars" / "editors" / "vim" / "syntax" / "flowrun.vim").read_text(encoding="utf-8")
    for name in ("every", "types", "constants", "reducers", "splitters", "options", "functions", "filters"):
        for word in lists[name]:
            assert word in grammar, f"the TextMate grammar has no word {word}"
            if name not in ("splitters", "functions"):
                assert word in vim, f"the syntax of Vim has no word {word}"


def test_a_word_more_makes_the_files_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(word_lists.TERMINALS, "MOOD", "mood")
    assert {path.suffix for path in make.old()} == {".json", ".vim"}
    assert "mood" in word_lists.word_lists()["words"]


def test_the_lists_are_complete() -> None:
    lists = word_lists.word_lists()
    known = catalog()
    assert set(lists["reducers"]) == set(known.reducers)
    assert set(lists["options"]) == set(known.options)
    assert set(lists["functions"]) == set(known.functions)
    assert {"heading", "tokens"} <= set(lists["splitters"])


def test_snippets_are_the_forms_of_the_server() -> None:
    path = ROOT / "grammars" / "editors" / "vscode" / "snippets.json"
    snippets = json.loads(path.read_text(encoding="utf-8"))
    forms = [one for group in (DECLARATIONS, STEPS, NODES, LINES) for one in group]
    assert sorted("\n".join(one["body"]) for one in snippets.values()) == sorted(one.text for one in forms)


def test_pygments_finds_the_lexer() -> None:
    assert [one.value for one in entry_points(group="pygments.lexers", name="flowrun")]
    for name in ("flow", "flowrun"):
        assert type(lexers.get_lexer_by_name(name)) is FlowLexer
    assert type(lexers.get_lexer_for_filename("x.flow")) is FlowLexer


@pytest.mark.parametrize("path", some(flow_files(ALL), 4), ids=lambda path: path.stem)
def test_no_flow_has_a_token_of_error(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    assert Error not in kinds(text)


def test_words_have_the_kinds_of_their_roles() -> None:
    same, other = 0, []
    for name, text, found in roles():
        given = kinds(text)
        for start, end, role in found:
            kind = given[start]
            right = any(kind in one for one in KINDS.get(role, (Name,)))
            if right and not (role not in KINDS and kind in Name.Builtin):
                same += 1
            elif text[start:end].strip():
                other.append(f"{name}: {text[start:end]}: {role} has {kind}")
    assert same / (same + len(other)) >= LEAST_SHARE, "\n".join(other[:40])


def test_every_scope_has_a_kind() -> None:
    grammar = json.loads((ROOT / "grammars" / GRAMMAR).read_text(encoding="utf-8"))

    def names(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["name"]] if isinstance(value.get("name"), str) and "repository" not in value else []
            return own + [one for part in value.values() for one in names(part)]
        return [one for part in value for one in names(part)] if isinstance(value, list) else []

    assert names(grammar) and all(kind_of(one) is not None for one in names(grammar))


def test_every_rule_takes_some_text() -> None:
    grammar = json.loads((ROOT / "grammars" / GRAMMAR).read_text(encoding="utf-8"))
    rules = [rule for part in grammar["repository"].values() for rule in part["patterns"] if "include" not in rule]
    for rule in rules:
        head = re.compile(rule.get("begin") or rule["match"], re.MULTILINE)
        assert not any(found[0] == "" for text in ("", "a|\n", "} ", "a\n\n", '"') for found in head.finditer(text)), (
            rule
        )


def test_any_text_is_read_to_its_end() -> None:
    pieces = [
        '"',
        '"""',
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "\\",
        "\n",
        " ",
        "(",
        ")",
        "->",
        "|",
        "=",
        "#",
        "type A =",
    ]
    pieces += ["with a:", "flow f(", "expect ", "é", "\r\n", "ask", "reduce", "map x in y", "\t", "", "\x00", "𝄞"]
    draw = random.Random(5)
    for _ in range(400):
        text = "".join(draw.choice(pieces) for _ in range(draw.randrange(30)))
        assert Error not in kinds(text)


def test_the_time_grows_with_the_length() -> None:
    import time

    line = '  x = ask "{{ m | trim }}" -> { a: text, b: [1..5] } with timeout: 5s\n'
    root()

    def took(text: str) -> float:
        begin = time.process_time()
        for _ in FlowLexer().get_tokens_unprocessed(text):
            pass
        return time.process_time() - begin

    took(line * 10)
    assert took(line * 2000) < 30 * max(took(line * 200), 0.01)
    for part in ("(", "{{ ", '"', "a ", " ", "a: ", "-> ", "[", "not ", "{", "with a: {"):
        assert took("flow f(" + part * 5000) < 5, part


def test_foreign_text_stays_text_on_a_page() -> None:
    text = 'flow f(m: text) {\n  # <script>alert(1)</script>\n  x = ask "<script>{{ m }}</script>"\n  return x\n}\n'
    page = highlight(text, lexers.get_lexer_by_name("flow"), HtmlFormatter())
    assert "<script" not in page and "&lt;script" in page


def test_flowrun_loads_no_pygments() -> None:
    code = (
        "import sys, flowrun.dsl, flowrun.grammars, flowrun.runtime.cli; "
        "print(sorted(one for one in sys.modules if one.startswith('pygments')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
