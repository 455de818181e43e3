"""`flowrun validate --fix` and `flowrun fmt` on the disk: what they write, what they keep, what they leave alone."""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.cli.paths import rewrite
from flowrun.runtime.vocabulary.errors import UsageError
from support.flow_files import BAD, GOOD, STRING, Validate, plant, validating


@pytest.fixture
def validate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Validate:
    """The command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return validating(capfd)


def test_fix_writes_safe_fixes_and_tells_what_is_left(validate: Validate) -> None:
    plant({"a.flow": STRING, "b.flow": BAD, "c.flow": "flow f(x: list) {\n  return x\n}\n"})
    assert "`flowrun validate --fix` corrects 1 of them" in validate(".").err
    ran = validate(".", "--fix")
    assert ran.code == 1
    assert "fixed a.flow:1:11: write `text` (F0206)\n1 fix in 1 file\n" in ran.err
    assert "--fix` corrects" not in ran.err
    assert Path("a.flow").read_text() == STRING.replace("string", "text")
    assert Path("b.flow").read_text() == BAD
    assert "2 errors" in ran.err
    ran = validate("a.flow", "--fix", "--format", "json")
    assert (ran.code, json.loads(ran.out)["findings"]) == (0, [])
    assert sorted(os.listdir()) == ["a.flow", "b.flow", "c.flow"]


def test_diff_shows_and_writes_nothing(validate: Validate) -> None:
    plant({"a.flow": STRING.removesuffix("\n"), "b.flow": GOOD})
    ran = validate(".", "--diff")
    assert ran.code == 1
    assert "-flow f(x: string) {\n+flow f(x: text) {\n" in ran.out
    assert "would fix a.flow:1:11" in ran.err
    assert Path("a.flow").read_text() == STRING.removesuffix("\n")
    assert validate(".", "--fix", "--diff") == ran
    assert validate("b.flow", "--diff").code == 0
    ran = validate(".", "--diff", "--format", "json")
    assert (ran.code, ran.out) == (2, "")


def test_what_is_fixed_in_an_imported_file_mends_those_that_import_it(validate: Validate) -> None:
    plant({"lib.flow": STRING, "main.flow": f'import "lib.flow" as lib\n{GOOD}'})
    assert validate("main.flow", "--fix").code == 1  # the other file was not named
    assert Path("lib.flow").read_text() == STRING
    assert validate(".", "--fix").code == 0


@pytest.mark.parametrize(
    ("mark", "end"),
    [
        (b"", "\n"),
        (b"", "\r\n"),
        (b"", "\r"),
        (codecs.BOM_UTF8, "\r\n"),
    ],
)
def test_a_fixed_file_keeps_mark_and_line_ends(validate: Validate, mark: bytes, end: str) -> None:
    def written(text: str) -> bytes:
        return mark + text.replace("\n", end).encode()

    text = "# é\n" + STRING
    Path("a.flow").write_bytes(written(text))
    assert validate("a.flow", "--fix").code == 0
    assert Path("a.flow").read_bytes() == written(text.replace("string", "text"))


def test_a_fixed_file_keeps_its_mode_its_link_and_mixed_line_ends(validate: Validate) -> None:
    Path("real").mkdir()
    Path("real/a.flow").write_bytes(b"flow f(x: string) {\r\n  return x\n}\r")
    Path("real/a.flow").chmod(0o640)
    Path("a.flow").symlink_to("real/a.flow")
    assert validate("a.flow", "--fix").code == 0
    assert Path("a.flow").is_symlink()
    assert Path("real/a.flow").read_bytes() == b"flow f(x: text) {\r\n  return x\n}\r"
    assert Path("real/a.flow").stat().st_mode & 0o777 == 0o640
    assert os.listdir("real") == ["a.flow"]


def test_a_file_with_two_names_keeps_both(validate: Validate) -> None:
    plant({"a.flow": STRING + "# a comment that is cut off\n" * 3})
    os.link("a.flow", "b.txt")
    assert validate("a.flow", "--fix").code == 0
    assert Path("a.flow").samefile("b.txt")
    assert Path("b.txt").read_text().startswith("flow f(x: text)")
    rewrite(Path("a.flow"), Path("a.flow").read_text(), GOOD)
    assert Path("b.txt").read_text() == GOOD


@pytest.mark.parametrize("arguments", [("validate", "--fix"), ("fmt",)])
def test_a_read_only_file_is_left_alone(
    validate: Validate, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Whoever runs the tests may write everywhere, so that the refusal is made here."""
    text = STRING.replace("  return", "return")
    plant({"a.flow": text, "b.flow": text})
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "a.flow" and access(path, mode))
    command, *options = arguments
    ran = validate("a.flow", "b.flow", *options, command=command)
    assert ran.code == 74
    assert "`a.flow` cannot be written: it is read-only" in ran.err
    assert Path("a.flow").read_text() == text
    assert Path("b.flow").read_text() != text


def test_a_second_mark_does_not_keep_a_file_from_being_mended(validate: Validate) -> None:
    Path("a.flow").write_bytes(codecs.BOM_UTF8 * 2 + STRING.encode())
    assert validate("a.flow", "--fix").code == 0
    assert Path("a.flow").read_bytes() == codecs.BOM_UTF8 + STRING.replace("string", "text").encode()


def test_fmt_goes_on_behind_what_it_cannot_format(validate: Validate, monkeypatch: pytest.MonkeyPatch) -> None:
    plant({"a.flow": "flow {", "b.flow": "flow f(x:text){return x}", "c/d.flow": GOOD})
    Path("latin.flow").write_bytes(b"# \xe9")
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if Path(path).name == "c":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    ran = validate(".", "gone.flow", command="fmt")
    assert ran.code == 2
    assert "`c` cannot be read" in ran.err
    assert "there is no file `gone.flow`" in ran.err
    assert "latin.flow` is not UTF-8" in ran.err
    assert "a.flow:1:" in ran.err
    assert Path("b.flow").read_text() == "flow f(x: text) { return x }\n"


def test_a_rewrite_of_other_lines_takes_the_commonest_line_end(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_bytes(b"a\r\nb\r\nc\n")
    rewrite(path, "a\nb\nc\n", "a\nc\n")
    assert path.read_bytes() == b"a\r\nc\r\n"


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text("theirs\n")
    with pytest.raises(UsageError, match="has changed while flowrun worked, so it"):
        rewrite(path, "before\n", "after\n")
    assert path.read_text() == "theirs\n"


def test_a_write_that_fails_is_told_and_leaves_the_file_whole(
    validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant({"a.flow": STRING})

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    ran = validate("a.flow", "--fix")
    assert ran.code == 74
    assert "`a.flow` cannot be written: No space left on device" in ran.err
    assert "no type is called `string`" in ran.err
    assert (Path("a.flow").read_text(), os.listdir()) == (STRING, ["a.flow"])


def test_fmt_writes_as_fix_does(validate: Validate) -> None:
    Path("a.flow").write_bytes(codecs.BOM_UTF8 + b"flow f(x:text)\r\n{\r\n  return x }\r\n")
    Path("link.flow").symlink_to("a.flow")
    assert validate("link.flow", command="fmt").code == 0
    assert Path("link.flow").is_symlink()
    assert Path("a.flow").read_bytes() == codecs.BOM_UTF8 + GOOD.replace("\n", "\r\n").encode()
