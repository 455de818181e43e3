"""Prompts in files: they are read with the flow, get typed values, and send what a prompt in place would send."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, bounds_of, check_flow, labels_of, make_plan, picture_of, plan, to_dot
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.free_names import spoken
from flowrun.runtime.plans.streaming import only_mapped
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.session.loading import load, plan_of
from flowrun.runtime.vocabulary.errors import PlanError
from flowrun.testing import ScriptedResult, run_scripted
from support.harness import stage

MARK = re.compile(r"<data-([0-9a-f]{16})>(.*?)</data-\1>", re.S)
Json = Any


def reader(files: dict[str, str]) -> Callable[[str], Source | str]:
    return lambda path: Source(files[path], path) if path in files else "there is no such file"


def planned(text: str, **files: str) -> plan.Plan:
    named = {f"{name}.md": said for name, said in files.items()}
    made = make_plan(check_flow(Source(text, "main.flow"), catalog(), reader(named)))
    verify(made)
    assert plan.from_json(plan.to_json(made)) == made
    return made


def found(text: str, files: dict[str, str]) -> list[tuple[str, str, int, str]]:
    try:
        findings = check_flow(Source(text, "main.flow"), catalog(), reader(files)).warnings
    except FlowError as error:
        findings = error.diagnostics
    return [(one.code, one.span.source.name, one.span.line, one.span.text) for one in findings]


def ran(folder: Path, text: str, files: dict[str, str], replies: Json, **given: Json) -> ScriptedResult:
    for name, said in {"main.flow": text, **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(said, encoding="utf-8")
    return run_scripted(folder / "main.flow", given, replies=replies)


NOTE = 'prompt note(part: text, tone: text = "dry", hint: text?) from "note.md"\n'
SAID = "# Note\n\nA {{ tone }} note on:\n{{ part }}{% if hint %}\nMind {{ hint }}.{% endif %}\n"
PLACED = "# Note\n\nA {{ tone }} note on:\n{{ part }}"


def test_a_prompt_sends_its_values_under_its_own_names(tmp_path: Path) -> None:
    flow = (
        NOTE + 'flow f(mail: text, tone: text) {\n  a = ask note(mail)\n  b = ask note(a, "wild", tone)\n  return b\n}'
    )
    result = ran(tmp_path, flow, {"note.md": SAID}, {"a": "A.", "b": "B."}, mail="Hello", tone="the tone")
    assert [call.prompt for call in result.calls] == [
        "# Note\n\nA dry note on:\nHello",
        "# Note\n\nA wild note on:\nA.\nMind the tone.",
    ]
    assert [call.path for call in result.calls] == ["a", "b"]


def test_a_value_may_be_calculated_and_has_no_more_fields_than_declared(tmp_path: Path) -> None:
    flow = (
        "type Row = { a: int }\n"
        'prompt note(row: Row, all: [int], head: text) from "note.md"\n'
        'flow f(row: { a: int, secret: text }) {\n  x = ask note(row, [row.a + 1, 2], head: text "<{{ row.a }}>")\n'
        "  return x\n}"
    )
    files = {"note.md": "{{ row }} {{ all }} {{ head }}"}
    result = ran(tmp_path, flow, files, {"x": "X"}, row={"a": 1, "secret": "no"})
    assert result.calls[0].prompt == '{"a": 1} [2, 2] <1>'


def test_a_prompt_combines_results_breaks_ties_and_judges(tmp_path: Path) -> None:
    flow = (
        'prompt merge(parts: [text]) from "merge.md"\n'
        'prompt pick(some: [text], why: text) from "pick.md"\n'
        "flow f(xs: [text], why: text) {\n"
        '  joined = map x in xs at most 9 { ask "{{ x }}" } reduce ask merge(results)\n'
        '  best = repeat 2 { ask "{{ why }}" } reduce best(judge: ask pick(results, why))\n'
        '  word = repeat 2 { ask "{{ joined }}" -> A | B } reduce majority(ties: ask merge(parts: ["x"]))\n'
        "  return { joined, best, word }\n}"
    )
    files = {"merge.md": "{% for part in parts %}{{ part }};{% endfor %}", "pick.md": "{{ why }}: {{ some }}"}
    replies = {
        "joined.ask": "j", "joined.reduce": "J", "best.ask": ["one", "two"], "best.reduce": 1,
        "word.ask": ["A", "B"], "word.reduce": "B",
    }  # fmt: skip
    result = ran(tmp_path, flow, files, replies, xs=["p", "q"], why="w")
    assert result.prompts("joined.reduce") == ["j;j;"]
    assert result.prompts("word.reduce") == ["x;"]
    assert result.prompts("best.reduce")[0].startswith("w: ")
    assert result.value["joined"] == "J" and result.value["word"] == "B"


def test_the_requests_are_those_of_the_prompt_in_place() -> None:
    flow = NOTE + 'flow f(mail: text) {\n  a = ask note(mail, tone: "wild") -> yes | no\n  return a\n}'
    text = json.dumps(PLACED.replace("{{ tone }}", "wild").replace("{{ part }}", "{{ mail }}"))
    placed = f"flow f(mail: text) {{\n  a = ask {text} -> yes | no\n  return a\n}}"
    runs = [stage(made, lambda *_: "yes", {"mail": "Hi"}) for made in (planned(flow, note=SAID), planned(placed))]
    assert runs[0].provider.calls == runs[1].provider.calls != []


def test_the_plan_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text(SAID, encoding="utf-8")
    flow = tmp_path / "a.flow"
    flow.write_text(NOTE + "flow f(mail: text) {\n  a = ask note(mail)\n  return a\n}\n", encoding="utf-8")
    kept = plan.to_json(plan_of(load(flow)))
    (tmp_path / "note.md").unlink()
    run = stage(plan.from_json(kept), lambda request, number: request.messages[0].text, {"mail": "Hi"})
    assert run.outcome.value == "# Note\n\nA dry note on:\nHi"


def test_a_prompt_of_another_file_sees_the_texts_of_that_file(tmp_path: Path) -> None:
    files = {
        "lib/house.flow": 'text style = "Short."\nprompt hello(who: text, n: int = 3) from "hello.md"\ntype T = text\n',
        "lib/hello.md": "Hello {{ who }} {{ n }}. {{ style }}",
    }
    flow = (
        'import "lib/house.flow" as h\n'
        "flow f(who: text, style: text) {\n  a = ask h.hello(who)\n  return { a, style }\n}"
    )
    made = make_plan(check_flow(Source(flow, "main.flow"), catalog(), reader(files)))
    verify(made)
    assert ran(tmp_path, flow, files, {"a": "A"}, who="Ann", style="x").calls[0].prompt == "Hello Ann 3. Short."
    plain = flow.replace(" as h", "").replace("h.hello", "hello").replace("style", "stile")
    assert make_plan(check_flow(Source(plain, "main.flow"), catalog(), reader(files))).steps == made.steps
    assert found('text hello = "x"\n' + plain, files) == [("F0756", "main.flow", 1, "hello")]
    assert found('prompt hello() from "x.md"\n' + plain, files | {"x.md": "x"})[0][0] == "F0202"


def test_a_prompt_is_found_from_the_folder_of_its_own_file() -> None:
    files = {
        "lib/b.flow": 'import "sub/c.flow" as c\ntext own = "B"\n'
        "flow b(x: text) {\n  y = ask c.note(x, own)\n  return y\n}\n",
        "lib/sub/c.flow": 'prompt note(x: text, y: text) from "p/note.md"\ntype T = text\n',
        "lib/sub/p/note.md": "{{ x }} {{ y }}",
    }
    text = 'import "lib/b.flow" as b\nflow f(x: text) {\n  y = b.b(x)\n  return y\n}'
    made = make_plan(check_flow(Source(text, "main.flow"), catalog(), reader(files)))
    verify(made)
    (request,) = stage(made, lambda *_: "A", {"x": "hi"}).provider.calls
    assert request.messages[0].text == "hi B"
    assert found(text, files | {"lib/sub/p/note.md": "{{ z }}"})[0][:2] == ("F0201", "lib/sub/p/note.md")


def test_carets_point_into_the_file() -> None:
    flow = NOTE + "flow f(mail: text) {\n  a = ask note(mail)\n  return a\n}"
    said = "One\n{{ part.size }}\n{{ tone }} {{ tune }} {{ hint }}\n{{ part | shout }} {{ mail }}\n"
    assert found(flow, {"note.md": said}) == [
        ("F0302", "note.md", 2, "size"),
        ("F0201", "note.md", 3, "tune"),
        ("F0306", "note.md", 3, "hint"),
        ("F0304", "note.md", 4, "shout"),
        ("F0201", "note.md", 4, "mail"),
    ]
    assert found(flow, {"note.md": "{% if part %}"})[0][:2] == ("F0305", "note.md")
    assert found(flow, {"note.md": "{{ part }} {{ tone }} {hint}{% if hint %}{% endif %}"}) == [
        ("F0726", "note.md", 1, "{hint}")
    ]
    assert found(flow, {"note.md": "{{ part }}"}) == [
        ("F0711", "main.flow", 1, "tone"),
        ("F0711", "main.flow", 1, "hint"),
    ]


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "latin", "wide", "outside", "large", "empty"])
def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "flows" / "note.md"
    place.parent.mkdir()
    match kind:
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case "latin":
            place.write_bytes(b"caf\xe9")
        case "wide":
            place.write_text("wide", encoding="utf-16")
        case "outside":
            (tmp_path / "note.md").write_text("x {{ part }}", encoding="utf-8")
            place.symlink_to(tmp_path / "note.md")
        case "large":
            place.write_text("x" * (1 << 20) + "y", encoding="utf-8")
        case "empty":
            place.write_text("\n \n", encoding="utf-8")
    flow = place.parent / "a.flow"
    flow.write_text(NOTE + "flow f(mail: text) {\n  a = ask note(mail)\n  return a\n}\n", encoding="utf-8")
    with pytest.raises(FlowError) as caught:
        load(flow)
    (one,) = caught.value.diagnostics
    assert one.code == ("F0104" if kind == "large" else "F0644")
    assert one.span.text == ("" if kind == "large" else '"note.md"')


FOREIGN = (
    NOTE
    + "flow f(mail: untrusted text, who: text) {\n  a = ask note(mail, hint: who)\n  b = ask note(a)\n  return b\n}"
)


def test_foreign_text_stands_between_marks(tmp_path: Path) -> None:
    made = planned(FOREIGN, note=SAID)
    replies = {"a": "Yes.", "b": "B"}
    first, second = ran(tmp_path, FOREIGN, {"note.md": SAID}, replies, mail="Pay me.", who="Ann").calls
    assert [one[2] for one in MARK.finditer(first.prompt)] == ["Pay me."] and first.prompt.endswith("\nMind Ann.")
    assert [one[2] for one in MARK.finditer(second.prompt)] == ["Yes."]
    labels = labels_of(made, catalog())
    assert {(place.step, *sorted(place.request)) for place in labels.places if place.kind == "ask"} == {
        ("a", "mail"), ("b", "mail"),
    }  # fmt: skip


def test_the_mark_cannot_be_edited_away() -> None:
    data = json.loads(plan.to_json(planned(FOREIGN, note=SAID)))
    verify(plan.from_json(json.dumps(data)))
    del data["steps"][0]["node"]["messages"][0]["fenced"]
    with pytest.raises(PlanError, match="marks"):
        verify(plan.from_json(json.dumps(data)))


EDITS: list[tuple[str, Callable[[Json], None]]] = [
    ("unknown", lambda ask: ask["given"].pop("tone")),
    ("expected text", lambda ask: ask["given"]["part"].update(value={"kind": "literal", "value": 3})),
    ("unknown", lambda ask: ask["given"]["part"].update(value={"kind": "ref", "name": "nobody"})),
    ("missing", lambda ask: ask["given"]["tone"].update(type={"kind": "optional", "item": {"kind": "text"}})),
    (
        "cannot stand",
        lambda ask: ask["given"]["part"].update(
            value={"kind": "call", "function": "file", "args": {"path": {"kind": "literal", "value": "x.md"}}}
        ),
    ),
]


@pytest.mark.parametrize(("words", "edit"), EDITS)
def test_an_edited_value_is_refused(words: str, edit: Callable[[Json], None]) -> None:
    flow = NOTE + "flow f(mail: text) {\n  a = ask note(mail)\n  return a\n}"
    data = json.loads(plan.to_json(planned(flow, note=SAID)))
    edit(data["steps"][0]["node"])
    with pytest.raises(PlanError, match=words):
        verify(plan.from_json(json.dumps(data)))


def test_branches_cannot_need_each_other_through_a_prompt() -> None:
    flow = (
        NOTE
        + "flow f(mail: text) {\n  a = fanout {\n    x = ask note(mail)\n    y = ask note(x)\n"
        + "  } reduce collect\n  return a\n}"
    )
    assert found(flow, {"note.md": SAID}) == [("F0203", "main.flow", 5, "x")]
    data = json.loads(plan.to_json(planned(flow.replace("note(x)", "note(mail)"), note=SAID)))
    (_, y) = data["steps"][0]["node"]["body"]["steps"]
    y["node"]["given"]["part"]["value"] = {"kind": "ref", "name": "x"}
    y["needs"] = ["x"]
    with pytest.raises(PlanError):
        verify(plan.from_json(json.dumps(data)))


def test_a_quote_of_a_given_text_is_seen() -> None:
    flow = NOTE + "flow f(mail: text) {\n  a = ask note(mail) -> { words: quote of mail }\n  return a\n}"
    assert found(flow, {"note.md": SAID}) == []
    planned(flow, note=SAID)
    unseen = flow.replace("note(mail)", 'note("x")')
    assert ("F0533", "main.flow", 3, "quote of mail") in found(unseen, {"note.md": SAID})


def test_a_judge_hears_no_foreign_words_from_its_prompt() -> None:
    flow = (
        'prompt pick(some: [text], why: text) from "pick.md"\nflow f(mail: untrusted text) {\n'
        '  best = repeat 2 { ask "{{ mail }}" } reduce best(judge: ask pick(results, why: mail))\n  return best\n}'
    )
    files = {"pick.md": "{{ why }} {{ some }}"}
    assert ("F0505", "main.flow", 3, "mail") in found(flow, files)
    assert "F0505" not in {one[0] for one in found(flow.replace("why: mail", 'why: "x"'), files)}


def test_a_prompt_sees_the_branches_of_its_block(tmp_path: Path) -> None:
    flow = NOTE + (
        'flow f(mail: text) {\n  a = fanout {\n    x = ask "X {{ mail }}"\n    y = ask "Y {{ mail }}"\n'
        "  } reduce ask note(x, tone: y)\n  return a\n}"
    )
    result = ran(tmp_path, flow, {"note.md": SAID}, {"x": "1", "y": "2", "a.reduce": "A"}, mail="m")
    assert result.prompts("a.reduce") == ["# Note\n\nA 2 note on:\n1"]


def test_a_list_that_a_prompt_shows_is_read_as_a_whole() -> None:
    flow = (
        'prompt note(rows: [text]) from "note.md"\nflow f(rows: [text]) {\n'
        '  a = map row in rows at most 9 { ask "{{ row }}" } reduce collect\n  b = ask note(USED)\n  return { a, b }\n}'
    )
    assert only_mapped(planned(flow.replace("USED", "a"), note="{{ rows }}"), "rows")
    assert not only_mapped(planned(flow.replace("USED", "rows"), note="{{ rows }}"), "rows")
    (_, step) = planned(flow.replace("USED", "rows"), note="{{ rows }}").steps
    assert spoken(step) == {"rows"}


def test_a_given_value_waits_for_its_steps() -> None:
    flow = NOTE + "flow f(mail: text) {\n  a = ask note(mail)\n  b = ask note(a)\n  return b\n}"
    data = json.loads(plan.to_json(planned(flow, note=SAID)))
    data["steps"][1]["needs"] = []
    with pytest.raises(PlanError, match="does not wait"):
        verify(plan.from_json(json.dumps(data)))


def test_bounds_and_pictures_know_the_values() -> None:
    flow = NOTE + "flow f(mail: text) {\n  a = ask note(mail)\n  return a\n}"
    inline = "flow f(mail: text) {\n  a = ask PROMPT\n  return a\n}"
    text = json.dumps(SAID.strip().replace("{{ tone }}", "dry").replace("{{ part }}", "{{ mail }}").split("{% if")[0])
    made, same = planned(flow, note=PLACED), planned(inline.replace("PROMPT", text))
    bounds = [bounds_of(one, catalog().reducers, inputs={"mail": "x" * 900}, model="m") for one in (made, same)]
    assert bounds[0].tokens_in == bounds[1].tokens_in and bounds[0].tokens_in.least > 200
    assert _drawn(made).count("->") == _drawn(same).count("->") == 2


def _drawn(made: plan.Plan) -> str:
    return to_dot(picture_of(made, catalog().functions))
