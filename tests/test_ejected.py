"""`flowrun eject`: programs that send what their flows send, and refusals of what has no plain form."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowrun import RunError, RunOptions, run
from flowrun.dsl import VALUE_FUNCTIONS, Source, check_flow, make_plan, page, types
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.eject import command, program_of
from flowrun.runtime.eject.sources import library
from flowrun.runtime.engine.answers import read_answer
from flowrun.runtime.engine.corrections import corrected
from flowrun.runtime.session.loading import load, plan_of
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError, MalformedError
from support import command_line
from support.chat_recorder import chat_recorder
from support.ejected import ejected_text, module_of

ROOT = Path(__file__).parent.parent
FLOWS = [*sorted((ROOT / "tests/corpus/ok").glob("*.flow")), *sorted((ROOT / "workflows").glob("*.flow"))]


def text_of(flow: str, folder: Path = Path()) -> str:
    checked = check_flow(Source(flow), catalog())
    return ejected_text(checked, make_plan(checked), folder)


def test_most_flows_of_the_corpus_are_ejected_or_refused_at_a_line(tmp_path: Path) -> None:
    from flowrun.dsl import FlowError

    kept = refused = 0
    for path in FLOWS:
        checked = load(path)
        for flow in checked.file.flows:
            try:
                text = program_of(plan_of(checked, flow.name.text), checked, "openai:m", tmp_path)
            except FlowError as error:
                (found,) = error.diagnostics
                assert found.code == "F0778" and found.help is not None
                refused += 1
                continue
            compile(text, path.stem, "exec")
            assert "import flowrun" not in text and "from flowrun" not in text
            kept += 1
    assert kept >= 85, (kept, refused)


SHAPES = '''
model fast = "openai:fast" with temperature: 0.2, max_tokens: 50
type Finding = { quote: text, severity: low | high, page: int?, score: 0.0..1.0, tags: [text](1..4) }
type Go = { kind: "go", to: text }
type Stop = { kind: "stop" }
type Next = Go | Stop

flow part(of: text, tone: text = "calm") {
  short = ask fast "Summarise {{ of | upper }} in a {{ tone }} tone."
  long = ask "Expand {{ short }}"
  return { short, long }
}

flow shapes(items: [text], note: text = "none") {
  first = ask """
    Say "hi" \\\\ to {{ note }}: {braces} {{ items | join(", ") }}
    {% for item in items %}{{ loop.index }}. {{ item | trim }}{% if not loop.last %};{% endif %}
    {% else %}nothing{% endfor %}
    {% set seen = "no" %}{% if items %}{% set seen = "yes" %}{% endif %}{{ seen }} {{ items | length + 1 }} ü 日本 🎉
  """
  beside = ask fast "Beside"
  findings = map item, place in items where item != "" at most 9 {
    finding = ask "Find {{ place }} {{ item }}" -> Finding check finding.score <= 1 else "too high"
    next = ask "Next? {{ finding.quote }}" -> Next
    why = ask "Why {{ finding.severity }}?" when finding.severity == high else "low"
    line = text "{{ finding.quote }} {{ next.kind }} {{ why }}"
  } reduce concat("; ")
  vote = repeat 5 { ask "Vote on {{ findings }}" -> yes | no } reduce majority
  view = match vote {
    yes = ask "Defend {{ first }}"
    no = chain {
      doubt = ask "Doubt {{ beside }}"
      ask "Conclude {{ doubt }}"
    }
  }
  panel = fanout {
    law = ask "Law {{ view }}" -> [text]
    money = part(of: view)
  } reduce collect
  joined = map item in items { ask "Note {{ item }}" } reduce by 2 ask "Merge {{ results }}"
  folded = map item in items { ask "Step {{ item }}" } reduce fold(from: "so far") ask "Add {{ next }} to {{ so_far }}"
  final = chain up to 3 {
    draft = ask "Draft {% if last %}{{ last.draft }}{% endif %}"
    grade = ask "Grade {{ draft }}" -> 1..5
    both = { draft, grade }
  } until grade >= 4 else best(by: grade)
  return { first, beside, findings, vote, view, panel, joined, folded, final, n: length(items) * 2 + 0.5 }
}
'''


@pytest.mark.parametrize("spoil", [False, True], ids=["right", "spoilt"])
def test_a_program_sends_what_its_flow_sends(tmp_path: Path, spoil: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = tmp_path / "shapes.flow"
    flow.write_text(SHAPES)
    inputs = {"items": [" a ", "", "b", 'c "quoted" {x}'], "note": "a\nnote"}
    program = tmp_path / "shapes.py"
    with chat_recorder(spoil=spoil) as server:
        environ = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
        options = RunOptions(model="openai:plain", environ=environ, learn=False)
        try:
            value: Any = run(flow, inputs, options=options).value
        except RunError:
            value = None
        theirs = server.taken()
        done = CliRunner().invoke(
            command, [str(flow), "--model", "openai:plain", "-o", str(program)], standalone_mode=False
        )
        assert done.exception is None, done.exception
        ran = subprocess.run(
            [sys.executable, "-I", str(program), json.dumps(inputs)],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        mine = server.taken()
    assert (json.loads(ran.stdout) if ran.returncode == 0 else None) == value, ran.stderr
    assert spoil or value is not None
    assert set(mine) == set(theirs)


TYPES: dict[str, types.Type] = {
    "text": types.TEXT,
    "int": types.INT,
    "number": types.NUMBER,
    "bool": types.BOOL,
    "range": types.Range(1, 5),
    "share": types.Range(0.0, 1.0),
    "choice": types.Choice(("yes", "no", "not sure")),
    "sized": types.SizedText(2, 5),
    "list": types.ListOf(types.INT, least=1, most=2),
    "maybe": types.ListOf(types.Optional(types.Choice(("a", "b")))),
    "record": types.Record(
        (
            types.Field("a", types.INT),
            types.Field("b", types.Optional(types.Range(1, 3))),
            types.Field("c", types.ListOf(types.Record((types.Field("d", types.Choice(("x", "y"))),)))),
        ),
        "Rec",
    ),
    "union": types.Union(
        (
            types.Record((types.Field("kind", types.Choice(("go",))), types.Field("to", types.TEXT))),
            types.Record((types.Field("kind", types.Choice(("stop",))), types.Field("n", types.SizedText(1, 3)))),
        ),
        "kind",
    ),
}
ANSWERS = [
    "",
    " ",
    "yes",
    " Yes. ",
    "**no**",
    "maybe",
    "not  SURE",
    "3",
    "3.0",
    "3.5",
    "-1",
    "9",
    "true",
    "True",
    "null",
    '"3"',
    '"yes"',
    "[]",
    "[1]",
    "[1, 2, 3]",
    '["a", null]',
    '["A", "c"]',
    '"[1]"',
    "```json\n[1]\n```",
    "Here: [1, 2] done",
    "{'a': 1}",
    '{"a": 1, "c": []}',
    '{"a": 1.0, "b": null, "c": [{"d": "X"}]}',
    '{"a": "1", "b": 4, "c": {}}',
    '{"a": 1, "b": 4, "c": []}',
    '{"a": 1, "b": 1, "c": [{"d": "z"}]}',
    '{"a": 1, "c": [], "z": 1}',
    '{"c": [{}]}',
    '{"a": true, "c": []}',
    '{"kind": "Go", "to": "x"}',
    '{"kind": "stop", "n": ""}',
    '{"kind": "stop", "n": "long"}',
    '{"kind": "fly"}',
    '{"to": "x"}',
    '{"kind": "go"}',
    "[",
    "{]",
    "1e400",
    "NaN",
    "x" * 400,
    "0.5",
    "2",
    "ab",
    '"abcdef"',
    "{" * 70,
    "e\u0301 \ud83c\udf89",
]


@pytest.mark.parametrize("name", TYPES)
def test_answers_are_read_and_corrected_alike(name: str) -> None:
    from flowrun.dsl.eject.answers import kind_of
    from flowrun.dsl.eject.output import Output
    from flowrun.runtime.eject.wire import ChatWire

    type_ = TYPES[name]
    out = Output(library().names(), ChatWire({}), "openai:m")
    kind_name = kind_of(out, type_, "x")
    for helper in ("corrected", "BadAnswer"):
        out.use(helper)
    imports, texts = library().copies(out.kit)
    constants = [f"{one} = {text}" for text, one in out.constants.items()]
    module = module_of(
        "\n\n".join(
            [
                "from __future__ import annotations",
                "import json\nfrom typing import Any\nJson = Any",
                *imports,
                *texts,
                *constants,
            ]
        )
    )
    kind = getattr(module, kind_name)
    for text in ANSWERS:
        if not text.strip():
            continue
        request = Request((Message("user", "q"),))
        wanted: tuple[Any, str]
        try:
            wanted = read_answer(text, type_), ""
        except MalformedError as error:
            wanted = None, corrected(request, type_, error).messages[-1].text
        except AnswerError as error:
            wanted = None, str(error)
        try:
            found = kind.read(text), ""
        except module.BadAnswer as error:
            found = None, module.corrected([], error, kind)[-1]["content"]
        assert found == wanted, text
        assert type(found[0]) is type(wanted[0])


@pytest.mark.parametrize("name", [one.name for one in VALUE_FUNCTIONS.values()])
def test_functions_of_values_are_those_of_the_language(name: str) -> None:
    call, value = VALUE_FUNCTIONS[name].example
    text = text_of(
        f"flow f(given: int = 1) {{\n  made = [{call}]\n  wanted = [{value}]\n  return {{ made, wanted, given }}\n}}\n"
    )
    found = asyncio.run(module_of(text).f())
    assert found["made"] == found["wanted"]


REFUSED = {
    "person": ('  a = ask human "x" -> yes | no\n', "a person is asked"),
    "batch of images": (
        '  a = ask "x" with timeout: 5s\n  b = map x in ["a"] { ask "{{ x }}" } reduce collect with timeout: 3s\n',
        "timeout",
    ),
    "provider": ('  a = ask m "x"\n', "Chat Completions"),
    "judge": ('  a = repeat 3 { ask "x" } reduce best(judge: ask "Which? {{ results }}")\n', "judge"),
    "risk": ('  a = repeat 3..9 { ask "x" -> yes | no } reduce majority(risk: 0.1)\n', "risk"),
    "decided": ('  v = repeat 3 { ask "x" -> yes | no } reduce majority\n  a = decided(v)\n', "decided"),
    "cascade": ('  a = cascade { ask "x" -> yes | no else ask "y" -> yes | no }\n', "cascade"),
    "search": ('  a = repeat 1..9 { ask "x" } reduce first(if: result != "")\n', ""),
    "same": (
        '  v = repeat 3 {\n    ask "x"\n  } reduce majority(same: ask "{{ a }} {{ b }}" -> yes | no)\n',
        "compares its answers",
    ),
    "consistent": ('  a = repeat 3 { ask "x" } reduce consistent(judge: ask "Which? {{ results }}")\n', ""),
    "tournament": ('  a = repeat 3 { ask "x" } reduce best(judge: ask "{{ results }}", method: knockout)\n', ""),
    "window": ('  a = repeat 3..9 { ask "x" -> yes | no } reduce window(3)\n', "window"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_has_no_plain_form_is_refused_at_its_line(name: str, tmp_path: Path) -> None:
    body, words = REFUSED[name]
    flow, out = tmp_path / "x.flow", tmp_path / "x.py"
    value = "v" if name == "same" else "a"
    flow.write_text(f'model m = "anthropic:claude-sonnet-4-5"\n\nflow f() {{\n{body}  return {value}\n}}\n')
    ran = await command_line.command("eject", str(flow), "--model", "openai:m", "-o", str(out), folder=tmp_path)
    line = 5 if name.startswith("batch") or name == "decided" else 4
    assert ran.code == 1
    assert "F0778" in ran.out + ran.err and words in ran.out + ran.err
    assert f"x.flow:{line}:" in ran.out + ran.err
    assert not out.exists()


def test_the_examples_of_its_page_are_true(tmp_path: Path) -> None:
    from flowrun.dsl import FlowError

    _, bad, good = (part.split("\n```")[0] for part in page("F0778").split("```flow "))
    with pytest.raises(FlowError, match="F0778"):
        text_of(bad.removeprefix("bad\n"), tmp_path)
    assert "async def publish" in text_of(good.removeprefix("good\n"), tmp_path)


def test_names_of_python_and_of_helpers_are_free_for_flows(tmp_path: Path) -> None:
    text = text_of(
        "flow ask(class: text, json: int, shown: [text], start: int = 2) {\n"
        '  print = text "{{ class }}{{ json }}"\n'
        '  get = map import in shown { value = text "{{ import }}{{ print }}" } reduce collect\n'
        "  async = { get, def: start + json }\n"
        "  return { async, out: get }\n}\n"
    )
    module = module_of(text)
    flow = next(one for name, one in vars(module).items() if name.startswith("ask_flow"))
    value = asyncio.run(flow(class_="a", json_=1, shown_=["x"], start_=2))
    assert value == {"async": {"get": ["xa1"], "def": 3}, "out": ["xa1"]}


def test_the_whole_library_has_one_meaning_for_each_name() -> None:
    imports, texts = library().copies(sorted(library().names()))
    compile("\n".join(["from __future__ import annotations", *imports, *texts]), "kit", "exec")
