"""`flowrun audit`: its exit codes, its formats, and files of all kinds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_formats import schema

from support.flow_files import BAD, GOOD, UNUSED, Ran, Validate, plant, validating

DOCS = (Path(__file__).parent.parent / "docs" / "audit.md").read_text(encoding="utf-8")
SAFE = """flow safe(question: text, pages: untrusted [text]) {
  verdict = map page in pages at most 50 {
    ask "{{ question }}\\n{{ page }}" -> yes | no | silent
  } reduce majority
  return verdict
}
"""
BREACH = """extern refund(order: trusted text) -> json from "shop.api:refund"
extern note(words: text) -> json from "shop.api:note"

flow f(mail: untrusted text) {
  why = ask "Why? {{ mail }}"
  out = refund(order: why)
  return out
}
"""
TWICE = """flow f(mail: untrusted text) {
  ok = repeat 9 { ask "Refund? {{ mail }}" -> yes | no } reduce majority
  return ok
}
"""


class Audit:
    def __init__(self, run: Validate) -> None:
        self.run = run

    def __call__(self, *arguments: str) -> Ran:
        return self.run(*arguments, command="audit")

    def json(self, *arguments: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self(*arguments, "--format", "json").out)
        return told


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Audit:
    """The command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Audit(validating(capfd))


def test_a_clean_flow_has_its_reach_on_standard_output(audit: Audit) -> None:
    plant({"safe.flow": SAFE})
    ran = audit("safe.flow")
    assert ran.code == 0
    assert ran.out.startswith("one of `pages`   reaches: its own ballot (3 words: ≤ 1.6 bits), ≤ 1 call\n")
    line = "cannot reach: other elements' requests, `question`, any extern, any file or host"
    assert line in ran.out
    assert ran.err == ""


def test_a_breach_has_its_reach_too_and_ends_with_1(audit: Audit) -> None:
    plant({"a.flow": BREACH})
    ran = audit("a.flow")
    assert ran.code == 1
    assert "the arguments of `refund` (free text): mail → why → refund" in ran.out
    assert "cannot reach: the extern `note`, any file or host" in ran.out
    assert "error[F0502]" in ran.err
    assert "^^^" in ran.err
    assert "a.flow:5  give the answer of `why` a type" in ran.out


def test_strict_counts_the_warnings_about_labels_and_no_others(audit: Audit) -> None:
    plant({"twice.flow": TWICE, "unused.flow": UNUSED})
    assert audit("twice.flow").code == 0
    assert audit("twice.flow", "--strict").code == 1
    assert "F0740" in audit("twice.flow").err
    ran = audit("unused.flow", "--strict")
    assert (ran.code, ran.err) == (0, "")


def test_a_file_with_other_errors_has_its_errors_alone(audit: Audit) -> None:
    plant({"bad.flow": BAD, "safe.flow": SAFE, "odd.flow": "flow f(m: text) { x = untrusted m return x }\n"})
    ran = audit("bad.flow")
    assert (ran.code, ran.out) == (1, "")
    assert "F0201" in ran.err
    ran = audit("bad.flow", "safe.flow")
    assert ran.code == 1
    assert "one of `pages`" in ran.out
    assert audit("odd.flow").code == 1
    assert audit("odd.flow").out == ""


def test_wrong_commands_and_paths_end_with_2(audit: Audit) -> None:
    plant({"safe.flow": SAFE})
    assert audit().code == 2
    assert audit("none.flow").code == 2
    assert audit("safe.flow", "--format", "junit").code == 2
    ran = audit("none.flow", "safe.flow")
    assert ran.code == 2
    assert "one of `pages`" in ran.out


def test_a_file_without_labels_gets_one_line_on_how_to_label(audit: Audit) -> None:
    plant({"flows/a.flow": GOOD, "flows/b.flow": SAFE})
    ran = audit("flows")
    assert ran.code == 0
    assert "nothing in flows/a.flow is labelled. Write `untrusted` before the type" in ran.out.replace("\n", " ")
    plant({f"many/{n}.flow": GOOD for n in range(5)})
    said = _flat(audit("many").out)
    assert "nothing is labelled in 5 files (many/0.flow, many/1.flow, many/2.flow and 2 more). Write" in said
    assert audit.json("flows")["files"] == ["flows/a.flow", "flows/b.flow"]


def test_several_flows_and_files_have_titles(audit: Audit) -> None:
    plant({"a.flow": SAFE + TWICE, "b.flow": TWICE})
    ran = audit(".")
    titles = [line for line in ran.out.splitlines() if ": flow `" in line]
    assert titles == ["a.flow:1: flow `safe`", "a.flow:7: flow `f`", "b.flow:1: flow `f`"]


def test_a_called_flow_is_a_part_of_its_callers_audit(audit: Audit) -> None:
    lib = 'flow judge(mail: text, note: untrusted text) { ok = ask "{{ mail }} {{ note }}" -> yes | no return ok }\n'
    text = 'import "lib.flow" as lib\nflow f(mail: untrusted text, who: text) { x = lib.judge(mail, who) return x }\n'
    plant({"lib.flow": lib, "a.flow": text})
    (flow,) = audit.json("a.flow")["flows"]
    assert [(one["name"], one["flow"]) for one in flow["sources"]] == [("mail", ""), ("note", "judge")]
    assert next(one["text"] for one in flow["sources"][0]["reaches"]).startswith("the request of `ok` of `judge`")
    assert {one["file"] for one in flow["advice"]} <= {"lib.flow", "a.flow"}
    assert [one["name"] for one in audit.json("lib.flow")["flows"][0]["sources"]] == ["note"]


def test_the_fields_of_the_json_are_those_of_the_docs(audit: Audit) -> None:
    plant({"a.flow": BREACH, "b.flow": SAFE, "c.flow": TWICE})
    told = audit.json(".")
    assert told["version"] == 1
    flows = told["flows"]
    sources = [one for flow in flows for one in flow["sources"]]
    parts = {
        "flows": flows,
        "sources": sources,
        "reaches": [one for source in sources for one in source["reaches"]],
        "advice": [one for flow in flows for one in flow["advice"]],
    }
    for name, found in parts.items():
        table = DOCS.partition(f"| field of `{name}[]` |")[2].partition("\n\n")[0]
        said = [word.removesuffix("[]") for row in table.splitlines()[2:] for word in _words(row.split("|")[1])]
        assert found
        assert all(list(one) == _in_order(list(one), said) for one in found), name
    kept = _words(DOCS.partition("| `cannot_reach` |")[2].partition("\n")[0])
    assert set(sources[0]["cannot_reach"]) == set(kept)
    assert {key: told[key] for key in ("files", "unread")} == {"files": ["a.flow", "b.flow", "c.flow"], "unread": []}
    assert told["summary"]["errors"] == 1


def _words(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+(?:\[\])?)`", cell)


def _in_order(fields: list[str], said: list[str]) -> list[str]:
    """Return the fields if they are those that the docs say, whatever their order."""
    return fields if sorted(fields) == sorted(said) else said


def test_numbers_without_a_bound_say_why(audit: Audit) -> None:
    flow = (
        'flow f(mail: untrusted text, pages: [text]) { x = map p in pages { ask "{{ p }} {{ mail }}" } reduce collect'
    )
    plant({"a.flow": flow + " return x }\n"})
    source = audit.json("a.flow")["flows"][0]["sources"][0]
    assert source["calls"] == {"most": None, "why": "`pages` has no greatest length; write `at most N`"}
    assert "any number of calls (`pages` has no greatest length; write `at most N`)" in _flat(audit("a.flow").out)


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_dollars_are_told_if_a_model_has_a_price(audit: Audit) -> None:
    model = 'model m = "openai:some" with input_price: 1000000, output_price: 0, max_tokens: 1\n'
    plant(
        {
            "free.flow": TWICE,
            "dear.flow": model + TWICE.replace("ask ", "ask m "),
            "rows.flow": model + 'flow f(a: untrusted [1..8]) { x = map n in a at most 9 { ask "{{ n }}" -> y | n } '
            'reduce majority z = ask m "{{ x }}" -> y | n return z }\n',
            "kept.flow": model + TWICE.replace("ask ", "ask m ").replace(") {\n  ok", ") budget $7 {\n  ok"),
        }
    )
    found = {flow["file"]: flow["sources"][0]["dollars"] for flow in audit.json(".")["flows"]}
    assert found["free.flow"] is None
    assert found["dear.flow"] == {"most": None, "why": "`mail` has no greatest length"}
    assert found["kept.flow"]["most"] == 7
    assert 1 < found["rows.flow"]["most"] < 10_000
    assert "any cost (`mail` has no greatest length)" in _flat(audit("dear.flow").out)
    assert re.search(r"≤ 3 calls, ≤ \$\d", _flat(audit("rows.flow").out))


def test_sarif_and_github_have_the_findings(audit: Audit) -> None:
    plant({"a.flow": BREACH})
    log = json.loads(audit("a.flow", "--format", "sarif").out)
    schema().validate(log)
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["F0502"]
    ran = audit("a.flow", "--format", "github")
    assert ran.code == 1
    assert ran.out.startswith("::error file=a.flow,line=6,")


def test_the_audit_can_go_to_a_file(audit: Audit) -> None:
    plant({"a.flow": BREACH})
    ran = audit("a.flow", "--output", "told.txt")
    assert (ran.code, ran.out) == (1, "")
    text = Path("told.txt").read_text(encoding="utf-8")
    assert text.index("reaches:") < text.index("error[F0502]") < text.index("to narrow it:")
    assert audit("a.flow", "-o", "a.flow").code == 2


def test_hostile_names_cannot_steer_the_terminal(audit: Audit) -> None:
    name = "a\x1b[31m\u202e.flow"
    plant({name: SAFE.replace('"{{ question }}', '"\x1b]0;{{ question }}'), "b.flow": SAFE, "c\x1b[2J.flow": GOOD})
    ran = audit(".")
    assert "\x1b" not in ran.out + ran.err
    assert "\u202e" not in ran.out
    file = 'flow f() { y = untrusted file("\\u{7}\\u{1b}[2J.txt") z = ask "{{ y }}" return z }\n'
    plant({"d.flow": file})
    ran = audit("d.flow")
    assert "file(" in ran.out
    assert "\x1b" not in ran.out


def test_validate_shows_the_reach_after_its_findings(audit: Audit) -> None:
    plant({"a.flow": TWICE, "safe.flow": SAFE})
    ran = audit.run("a.flow", "--audit")
    assert ran.code == 0
    assert "F0740" in ran.err
    assert "several ballots of `ok`" in ran.out
    assert "several ballots" not in audit.run("a.flow").out
    told = json.loads(audit.run("a.flow", "--audit", "--format", "json").out)
    assert told["flows"] == audit.json("a.flow")["flows"]
    assert "flows" not in json.loads(audit.run("a.flow", "--format", "json").out)
    assert audit.run("a.flow", "--audit", "--format", "sarif").code == 2
    assert audit.run("a.flow", "--audit", "--strict").code == 1


def test_validate_fixes_before_it_shows_the_reach(audit: Audit) -> None:
    plant({"a.flow": SAFE.replace("question: text", "question: string")})
    ran = audit.run("a.flow", "--audit", "--fix")
    assert ran.code == 0
    assert ran.out.count("its own ballot") == 1
