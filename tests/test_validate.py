"""`flowrun validate` on folders, patterns and strange files, and the ways it is run in CI."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FORMATS
from flowrun.runtime.cli import checks
from flowrun.runtime.cli.paths import told_path
from flowrun.runtime.files import files
from support.flow_files import BAD, GOOD, STRING, UNUSED, Ran, Validate, names, plant, validating


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Validate:
    """The command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return validating(capfd)


def test_hundreds_of_files_in_folders_are_checked_and_told_in_order(validate: Validate) -> None:
    plant({f"flows/{n % 7}/{n:03}.flow": BAD if n % 50 == 0 else GOOD for n in range(300)})
    ran = validate("flows", "--format", "json")
    told = json.loads(ran.out)
    assert ran.code == 1
    assert len(told["files"]) == 300
    assert told["files"] == sorted(told["files"])
    found = [one["file"] for one in told["findings"]]
    assert found == sorted(f"flows/{n % 7}/{n:03}.flow" for n in range(0, 300, 50))
    assert "300 files checked: 6 errors" in ran.err


def test_a_file_on_two_ways_is_checked_once(validate: Validate, tmp_path: Path) -> None:
    plant({"flows/a.flow": BAD})
    Path("link.flow").symlink_to("flows/a.flow")
    ways = (
        "flows/a.flow",
        "flows",
        "./flows/../flows/a.flow",
        str(tmp_path / "flows/a.flow"),
        "**/*.flow",
        "link.flow",
    )
    ran = validate(*ways, "--format", "json")
    assert names(ran) == ["flows/a.flow"]
    assert len(json.loads(ran.out)["findings"]) == 1


def test_a_file_that_is_imported_is_told_of_once(validate: Validate) -> None:
    plant({"flows/lib.flow": BAD} | {f"flows/{n}.flow": f'import "lib.flow"\n{GOOD}' for n in range(3)})
    ran = validate("flows", "--format", "json")
    told = json.loads(ran.out)["findings"]
    assert [one["file"] for one in told] == ["flows/lib.flow"]
    ran = validate("flows/1.flow", "--format", "json")
    assert [one["file"] for one in json.loads(ran.out)["findings"]] == ["flows/lib.flow"]


def test_patterns_are_expanded_where_the_shell_did_not(validate: Validate) -> None:
    plant({"flows/a.flow": GOOD, "flows/deep/er/b.flow": GOOD, "flows/note.md": "x", "c.flow": GOOD})
    assert names(validate("flows/**/*.flow", "--format", "json")) == ["flows/a.flow", "flows/deep/er/b.flow"]
    assert names(validate("*/?.flow", "--format", "json")) == ["flows/a.flow"]
    assert names(validate("**/*", "--format", "json")) == ["c.flow", "flows/a.flow", "flows/deep/er/b.flow"]
    ran = validate("nothing/*.flow", "c.flow")
    assert ran.code == 2
    assert "nothing" in ran.err
    assert "1 file checked" in ran.err
    assert "no .flow file matches the pattern" in validate("flows/*.md").err
    plant({"a[1].flow": GOOD})
    assert names(validate("a[1].flow", "--format", "json")) == ["a[1].flow"]


def test_a_folder_without_flows_is_told(validate: Validate) -> None:
    Path("empty/.hidden").mkdir(parents=True)
    plant({"empty/.hidden/a.flow": BAD, "empty/.b.flow": BAD, "good.flow": GOOD})
    ran = validate("empty", "good.flow")
    assert ran.code == 2
    assert "`empty` has no .flow file" in ran.err
    assert "1 file checked: no errors" in ran.err


def test_links_that_lead_in_a_loop_end(validate: Validate) -> None:
    plant({"flows/in/a.flow": GOOD})
    Path("flows/in/again").symlink_to("..")
    Path("flows/self.flow").symlink_to("self.flow")
    ran = validate("flows", "--format", "json")
    assert names(ran) == ["flows/in/a.flow"]
    assert [one["file"] for one in json.loads(ran.out)["unread"]] == ["flows/self.flow"]
    assert ran.code == 2
    assert names(validate("flows/**/a.flow", "--format", "json")) == ["flows/in/a.flow"]


def test_a_very_deep_folder_is_walked(validate: Validate, tmp_path: Path) -> None:
    deep = os.path.join(*["d"] * 1200)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(tmp_path)
    assert validate("d").code == 2
    Path(deep, "a.flow").write_text(GOOD)
    assert validate("d").code == 0
    Path(deep, "a.flow").unlink()
    os.removedirs(deep)


def test_what_cannot_be_read_is_told_and_stops_nothing(validate: Validate) -> None:
    plant({"good.flow": GOOD, "bad.flow": BAD, "secret.flow": GOOD})
    Path("latin.flow").write_bytes("flow f(x: text) { return x } # \xe9".encode("latin-1"))
    Path("zero.flow").write_bytes(b"flow\0")
    Path("gone.flow").symlink_to("nowhere")
    os.mkfifo("pipe.flow")
    Path("folder.flow").mkdir()
    plant({"folder.flow/in.flow": GOOD})
    ran = validate(".", "missing.flow", "--format", "json")
    told = json.loads(ran.out)
    assert ran.code == 2
    assert told["files"] == ["bad.flow", "folder.flow/in.flow", "good.flow", "secret.flow"]
    assert [one["file"] for one in told["findings"]] == ["bad.flow"]
    reasons = {one["file"]: one["reason"] for one in told["unread"]}
    assert list(reasons) == ["gone.flow", "latin.flow", "missing.flow", "zero.flow"]
    assert "not UTF-8" in reasons["latin.flow"]
    assert "there is no file" in reasons["missing.flow"]
    assert all(reason in ran.err for reason in reasons.values())


def test_a_folder_that_may_not_be_entered_is_told(validate: Validate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may enter every folder, so that the refusal is made here."""
    plant({"shut/a.flow": GOOD, "open.flow": GOOD})
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    ran = validate(".")
    assert ran.code == 2
    assert "`shut` cannot be read: Permission denied" in ran.err
    assert "1 file checked" in ran.err


def test_each_file_is_read_once(validate: Validate, monkeypatch: pytest.MonkeyPatch) -> None:
    plant({"lib.flow": GOOD} | {f"{n}.flow": f'import "lib.flow" as lib\n{GOOD}' for n in range(5)})
    read: list[str] = []

    def reading(path: Path) -> str:
        read.append(path.name)
        return files.read_plain(path)

    def imported(self: files.Files, path: str) -> str:
        read.append(Path(path).name)
        return self.read_text(path)

    monkeypatch.setattr(checks, "read_plain", reading)
    monkeypatch.setattr(files.Files, "read_flow", imported)
    assert validate(".", "--format", "sarif").code == 0
    assert sorted(read) == sorted(os.listdir())


@pytest.mark.parametrize("path", ["a" * 5000, "\udcff.flow", "no/such/x.flow", "a.flow/b.flow", "**"])
def test_a_strange_path_is_told(validate: Validate, path: str) -> None:
    plant({"a.flow": GOOD})
    for format in FORMATS:
        ran = validate(path, "--format", format)
        assert ran.code in (0, 1, 2)
        assert ran.out or format == "github"


@pytest.mark.parametrize("command", ["validate", "fmt", "graph", "plan", "init"])
def test_an_empty_path_is_not_the_current_folder(validate: Validate, command: str) -> None:
    plant({"a.flow": UNUSED})
    ran = validate("", command=command)
    assert ran.code == 2
    assert "the path is empty" in ran.err
    assert os.listdir() == ["a.flow"]


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("command", ["validate", "fmt"])
@pytest.mark.parametrize(
    ("stdin", "said"),
    [(b"flow \xe9", "standard input is not UTF-8 text: byte 5 is 0xe9"), (None, "standard input is closed")],
)
def test_standard_input_is_read_as_a_file_is(
    validate: Validate, monkeypatch: pytest.MonkeyPatch, command: str, stdin: bytes | None, said: str
) -> None:
    monkeypatch.setattr(sys, "stdin", None if stdin is None else Stdin(stdin))
    ran = validate("-", command=command)
    assert ran.code == 2
    assert said in ran.err


def test_standard_input_is_checked(validate: Validate, monkeypatch: pytest.MonkeyPatch) -> None:
    plant({"lib.flow": GOOD})
    for text, code in ((f'import "lib.flow" as lib\n{GOOD}', 0), (BAD, 1)):
        monkeypatch.setattr(sys, "stdin", Stdin(text.encode()))
        ran = validate("-", "--format", "json")
        assert (ran.code, names(ran)) == (code, ["<stdin>"])
    assert "--fix cannot change standard input" in validate("-", "--fix").err


@pytest.mark.parametrize("command", ["validate", "fmt"])
def test_a_pipe_without_a_writer_is_not_waited_for(validate: Validate, command: str) -> None:
    os.mkfifo("pipe.flow")
    ran = validate("pipe.flow", command=command)
    assert ran.code == 2
    assert "`pipe.flow` is a named pipe" in ran.err


def test_a_circle_of_links_stops_no_pattern(validate: Validate) -> None:
    plant({"flows/a.flow": GOOD, "flows/in/b.flow": GOOD})
    Path("flows/loop.flow").symlink_to("loop.flow")
    Path("flows/round").symlink_to("round")
    for pattern, found in (("flows/*.flow", ["a"]), ("flows/**/*.flow", ["a", "in/b"]), ("*/*/b.flow", ["in/b"])):
        ran = validate(pattern, "--format", "json")
        assert (ran.code, names(ran)) == (0, [f"flows/{name}.flow" for name in found])


def test_a_name_cannot_steer_a_terminal(validate: Validate) -> None:
    plant({"a\x1b[31m\n.flow": STRING})
    for arguments in ([], ["--diff"], ["--format", "github"], ["--fix"]):
        ran = validate(".", *arguments)
        assert "\x1b" not in ran.out + ran.err
        assert "a\\x1b[31m" in ran.out + ran.err
    plant({"b\x1b\n.flow": "flow f(x:text){return x}"})
    for arguments in (["--diff"], []):
        ran = validate(".", *arguments, command="fmt")
        assert "would change b\\x1b\\n.flow\n" in ran.err or "changed b\\x1b\\n.flow\n" in ran.err
        assert "\x1b" not in ran.out + ran.err


def test_a_near_miss_is_named(validate: Validate) -> None:
    plant({"flows/review.flow": GOOD})
    assert "did you mean `flows/review.flow`?" in validate("flows/reviw.flow").err


def test_line_ends_and_marks_move_no_finding(validate: Validate) -> None:
    told = []
    for text in (BAD, BAD.replace("\n", "\r\n"), "\ufeff" + BAD, BAD.replace("\n", "\r")):
        Path("a.flow").write_bytes(text.encode())
        told.append(json.loads(validate("a.flow", "--format", "json").out)["findings"])
    assert told[0][0]["span"]["column"] == 10
    assert all(one == told[0] for one in told)


def test_a_thousand_findings_are_cut_for_a_person_only(validate: Validate) -> None:
    plant({"a.flow": "flow f(x: text) {\n" + "".join(f"  a{n} = b{n}\n" for n in range(1100)) + "  return x\n}\n"})
    ran = validate("a.flow")
    assert ran.code == 1
    assert ran.err.count("error[F0201]") == 100
    assert "and 1,000 more" in ran.err
    assert "1,100 errors" in ran.err
    assert len(json.loads(validate("a.flow", "--format", "json").out)["findings"]) == 1100
    assert len(json.loads(validate("a.flow", "--format", "sarif").out)["runs"][0]["results"]) == 1100
    assert validate("a.flow", "--format", "github").out.count("::error ") == 1100
    assert validate("a.flow", "--format", "junit").out.count("error[F0201]") == 1100


def test_exit_codes_and_what_goes_where(validate: Validate) -> None:
    plant({"good.flow": GOOD, "bad.flow": BAD, "warn.flow": UNUSED})
    assert validate("good.flow") == Ran(0, "", "1 file checked: no errors\n")
    assert validate("good.flow", "--quiet") == Ran(0, "", "")
    assert validate("bad.flow").code == 1
    assert validate("bad.flow", "--quiet").err
    assert validate("warn.flow").code == 0
    assert validate("warn.flow", "--strict").code == 1
    assert validate("bad.flow", "gone.flow").code == 2
    for format in FORMATS:
        for path, strict, code in (("good", 0, 0), ("bad", 0, 1), ("warn", 0, 0), ("warn", 1, 1), ("gone", 0, 2)):
            ran = validate(f"{path}.flow", "--format", format, *["--strict"] * strict, "-q")
            assert (ran.code, bool(ran.out)) == (code, bool(format != "github" or path != "good")), (format, path)
    assert validate("good.flow", "--format", "yaml").code == 2
    assert validate().code == 2
    shown = validate("--help").out
    assert all(f"  {code}  " in shown for code in (0, 1, 2, 74))


def test_output_goes_to_a_file(validate: Validate) -> None:
    plant({"bad.flow": BAD})
    for format in ("text", *FORMATS):
        plain = validate("bad.flow", "--format", format)
        ran = validate("bad.flow", "--format", format, "--output", "out.txt")
        assert (ran.code, ran.out) == (1, "")
        written = Path("out.txt").read_text(encoding="utf-8")
        assert written == plain.out if format != "text" else written.startswith("error[F0201]: ")
        assert "1 file checked: 1 error" in ran.err
    Path("link.txt").symlink_to("bad.flow")
    for name in ("bad.flow", "other.FLOW", "link.txt"):
        ran = validate("bad.flow", "--format", "json", "-o", name)
        assert ran.code == 2
        assert f"`{name}` is a flow file" in ran.err
    os.link("bad.flow", "plain.txt")
    assert validate("plain.txt", "-o", "plain.txt").code == 2
    assert Path("bad.flow").read_text() == BAD
    ran = validate("bad.flow", "--format", "json", "--output", "no/such/folder.json")
    assert ran.code == 74
    assert "`no/such/folder.json` cannot be written" in ran.err


def test_paths_are_told_from_the_current_folder(validate: Validate, tmp_path: Path) -> None:
    plant({"here/a.flow": BAD, "b.flow": BAD})
    os.chdir("here")
    ran = validate(str(tmp_path / "here" / "a.flow"), "../b.flow", "--format", "github")
    assert re.findall("file=([^,]*)", ran.out) == [str(tmp_path / "b.flow"), "a.flow"]
    Path("../link").symlink_to(tmp_path / "here")
    assert told_path(tmp_path / "link" / "a.flow") == "a.flow"
    # Behind a link `..` leads to where the link's target lies.
    assert told_path(Path("../link/../b.flow")) == str(tmp_path / "b.flow")
