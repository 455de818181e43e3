"""The settings of lints in flowrun.toml, and the options of `flowrun validate` that replace them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrun.dsl import (
    CODES,
    FlowError,
    LintSettings,
    LintSettingsError,
    Source,
    check_flow,
    codes_of,
    examine_flow,
    read_lint_settings,
)
from flowrun.dsl.lint_settings import fits
from flowrun.runtime import load
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.lint_settings import lint_settings
from flowrun.runtime.files.toml_lines import line_of
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import Ran, command

FLOW = """flow pick(text: text) {
  best = repeat 4 { ask "A or B? {{ text }}" -> A | B } reduce majority
  return best
}
"""
BROKEN = "flow pick(text: text) { best = ask nobody return best }\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    for folder in ("", "drafts/deep", "vendor"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "a.flow").write_text(FLOW)
    return tmp_path


async def said(project: Path, *words: str, toml: str = "") -> Ran:
    if toml:
        (project / "flowrun.toml").write_text(toml)
    return await command(*words, folder=project, HOME="/nowhere")


def warned(ran: Ran) -> list[str]:
    return [line.split()[1].partition(":")[0] for line in ran.err.splitlines() if line.startswith(" --> ")]


@pytest.mark.parametrize(
    ("toml", "files"),
    [
        ("# none\n", ["a.flow", "drafts/deep/a.flow", "vendor/a.flow"]),
        ('[lint]\nignore = ["F0705"]\n', []),
        ('[lint]\nignore = ["all"]\n', []),
        ("[lint]\nselect = []\n", []),
        ('[lint]\nselect = ["F0701"]\n', []),
        ('[lint]\nselect = ["F0705"]\nignore = ["F07"]\n', ["a.flow", "drafts/deep/a.flow", "vendor/a.flow"]),
        ('[lint]\nselect = ["F07"]\nignore = ["F07"]\n', []),
        ('[lint.per-folder]\n"drafts/*" = ["F0705"]\n', ["a.flow", "vendor/a.flow"]),
        ('[lint]\nexclude = ["vendor/"]\n', ["a.flow", "drafts/deep/a.flow"]),
        ('exclude = ["drafts"]\n', ["a.flow", "vendor/a.flow"]),
    ],
)
async def test_settings_choose_the_warnings(toml: str, files: list[str], project: Path) -> None:
    ran = await said(project, "validate", ".", "--strict", toml=toml)
    assert (warned(ran), ran.code) == (files, 1 if files else 0), ran.err


async def test_options_replace_the_settings(project: Path) -> None:
    toml = '[lint]\nselect = ["F0701"]\nignore = ["F0705"]\n'
    assert warned(await said(project, "validate", "a.flow", toml=toml)) == []
    assert warned(await said(project, "validate", "a.flow", "--ignore", "F0701", "--select", "f07")) == ["a.flow"]
    assert warned(await said(project, "validate", "a.flow", "--select", "F0705")) == []
    assert warned(await said(project, "validate", "a.flow", "--select", "ALL", "--ignore", "F0701,F0702")) == ["a.flow"]
    refused = await said(project, "validate", "a.flow", "--ignore", "F0203")
    assert refused.code == 2
    assert "`--ignore`: F0203 is an error, and no setting hides an error" in refused.err


async def test_an_error_is_shown_whatever_is_ignored(project: Path) -> None:
    (project / "a.flow").write_text(BROKEN)
    for words in ((), ("--ignore", "ALL"), ("--select", "F0701")):
        ran = await said(project, "validate", "a.flow", *words, toml='[lint]\nignore = ["ALL"]\nexclude = ["*"]\n')
        assert (ran.code, "error[" in ran.err) == (1, True)


async def test_every_search_in_folders_leaves_excluded_files_out(project: Path) -> None:
    toml = 'exclude = ["vendor/", "drafts/**/a.flow"]\n'
    (project / "vendor" / "a.flow").write_text(BROKEN)
    assert "1 file checked" in (await said(project, "validate", ".", toml=toml)).err
    assert (await said(project, "fmt", "--check", ".")).code == 0
    assert (await said(project, "test", ".")).code == 0
    assert (await said(project, "audit", ".")).code == 0
    assert (await said(project, "validate", "vendor/a.flow")).code == 1
    for name in ("validate", "fmt", "test"):
        assert (await said(project, name, "vendor/a.flow", "--force-exclude")).code == 0
    ran = await said(project, "validate", "vendor")
    assert (ran.code, "flowrun.toml excludes every .flow file of `vendor`" in ran.err) == (2, True)


async def test_runs_and_plans_warn_as_the_settings_say(project: Path) -> None:
    for toml, told in (("# none\n", True), ('[lint]\nignore = ["F0705"]\n', False)):
        for words in (["plan", "a.flow"], ["a.flow", "--text", "x", "--model", "openai:none"]):
            ran = await said(project, *words, toml=toml)
            assert ("F0705" in ran.err) is told, ran.err
    checked = load(project / "a.flow")
    assert checked.warnings == ()


@pytest.mark.parametrize(
    ("toml", "line", "message"),
    [
        ('[lint]\nselekt = ["F07"]', 2, "there is no setting `lint.selekt`; did you mean `select`?"),
        ('[lint]\nignore = [\n  "F0705",\n  "F0203",\n]', 4, "F0203 is an error, and no setting hides an error"),
        ('[lint]\nignore = ["F02"]', 2, "F02 are errors"),
        ('[lint]\nselect = "F07"', 2, "`lint.select` must be a list of codes"),
        ("[lint]\nselect = [7]", 2, "`lint.select` must be a list of codes"),
        ('[lint.per-folder]\n\n"x/*" = ["F0795"]', 3, "no lint has the code 'F0795'; did you mean `F0775`?"),
        ('[lint.per-folder]\n"../x" = ["F0705"]', 2, "'../x' is no pattern of files below the project's folder"),
        ("[lint]\nper-folder = 3", 2, "`lint.per-folder` must be a table of patterns"),
        ("\nlint = 3", 2, "`lint` must be a table"),
        ("exclude = 3", 1, '`exclude` must be a list of patterns, such as ["vendor/"]'),
        ('exclude = [""]', 1, "'' is no pattern"),
        ('model = "m"\nexclud = []', 2, "there is no setting `exclud`; did you mean `exclude`?"),
        ("lint.ignor = []", 1, "there is no setting `lint.ignor`; did you mean `ignore`?"),
    ],
)
async def test_settings_that_are_not_valid_are_told_with_their_line(
    toml: str, line: int, message: str, project: Path
) -> None:
    ran = await said(project, "validate", ".", toml=toml)
    (told,) = [one for one in ran.err.splitlines() if one.startswith("flowrun: ")]
    assert ran.code == 2
    assert told.startswith(f"flowrun: `{project / 'flowrun.toml'}`, line {line}: ")
    assert message in told
    assert "3 files checked" in ran.err
    for words in (["fmt", "--check", "."], ["test", "."], ["plan", "a.flow"], ["a.flow", "--text", "x"]):
        other = await said(project, *words)
        assert (other.code, message in other.err) == (2, True), (words, other.err)
    with pytest.raises(UsageError, match="line"):
        lint_settings(str(project / "a.flow"))


@pytest.mark.parametrize(
    ("pattern", "path", "fit"),
    [
        ("vendor/", "vendor/a.flow", True),
        ("vendor/", "x/vendor/y/a.flow", True),
        ("vendor/", "vendor", False),
        ("*.gen.flow", "x/a.gen.flow", True),
        ("/a.flow", "a.flow", True),
        ("/a.flow", "x/a.flow", False),
        ("drafts/*", "drafts/x/y.flow", True),
        ("drafts/*", "x/drafts/y.flow", False),
        ("**/drafts/*", "x/y/drafts/z.flow", True),
        ("**/drafts/*", "drafts/z.flow", True),
        ("a/**/z.flow", "a/z.flow", True),
        ("a/**/z.flow", "a/b/c/z.flow", True),
        ("a/**/z.flow", "a/b/c/y.flow", False),
        ("**", "a/b.flow", True),
        ("a*", "b/c.flow", False),
        ("**/" * 40 + "x", "a/" * 40 + "y", False),
    ],
)
def test_a_pattern_fits_files_and_their_folders(pattern: str, path: str, fit: bool) -> None:
    assert fits(pattern, path) is fit


def test_the_check_takes_the_settings_as_data() -> None:
    source = Source(FLOW + "flow other(text: text) { a = ask nobody return a }\n", "drafts/a.flow")
    settings = read_lint_settings({"per-folder": {"drafts/*": ["F0705"]}})
    found = examine_flow(source, catalog(), None, settings).findings
    assert found
    assert {one.severity for one in found} == {"error"}
    with pytest.raises(FlowError) as error:
        check_flow(source, catalog(), None, settings)
    assert error.value.diagnostics == found
    clean = Source(FLOW, "drafts/a.flow")
    assert [one.code for one in check_flow(clean, catalog()).warnings] == ["F0705"]
    assert check_flow(clean, catalog(), None, settings).warnings == ()
    everything = check_flow(clean, catalog(), None, LintSettings()).warnings
    assert LintSettings().apply(everything, "a.flow") == everything


def test_editors_get_the_settings_by_any_spelling_of_the_path(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "flowrun.toml").write_text('[lint.per-folder]\n"drafts/*" = ["F0705"]\n')
    (project / "link").symlink_to(project / "drafts")
    monkeypatch.chdir(project / "drafts")
    for path in (str(project / "drafts" / "deep" / "a.flow"), "deep/a.flow", str(project / "link" / "deep" / "a.flow")):
        settings = lint_settings(path)
        assert (settings.shows("F0705", path), settings.shows("F0701", path)) == (False, True)
    (project / "flowrun.toml").write_text('[lint]\nignore = ["F0701"]\n')
    assert lint_settings("deep/a.flow").shows("F0705", "deep/a.flow")


def test_no_code_of_an_error_can_be_named() -> None:
    for code, one in CODES.items():
        if one.severity == "error":
            with pytest.raises(LintSettingsError, match="is an error"):
                codes_of([code], ("--ignore",))
        else:
            assert codes_of([code.lower()], ("--ignore",)) == (code,)


def test_the_line_of_a_setting_in_an_array_of_tables() -> None:
    text = '[[plan]]\nfile = "a"\n[[plan]]\nfile = "b"\n[other]\nfile = "c"\n'
    assert [line_of(text, ("plan", "file"), nth=nth) for nth in (0, 1)] == [2, 4]
    assert line_of('# [lint]\n[lint] # x\n"ignore" = ["a"]', ("lint", "ignore"), "a") == 3
