"""The parameters of a flow on the command line: one parser for every command that takes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.cli import exits, run_command
from flowrun.runtime.cli.flags import Flags, own_flags, spellings
from flowrun.runtime.cli.group import flowrun
from flowrun.runtime.cli.params import FlowCommand
from flowrun.runtime.cli.plan import command as plan_command
from flowrun.runtime.cli.run import command_for
from flowrun.runtime.vocabulary.errors import UsageError

assert isinstance(plan_command, FlowCommand)
plan_of_a_flow: click.Command = plan_command
COMMANDS: dict[str, Callable[[Path], click.Command]] = {"run": command_for, "plan": lambda path: plan_of_a_flow}
OWN = {
    flag.removeprefix("--").replace("-", "_")
    for command in (command_for(Path("a.flow")), plan_of_a_flow)
    for flag in own_flags(command.params)
    if flag.startswith("--")
}
"""The options of both commands, as names of parameters."""
# Words of the language cannot be names of parameters.
# A name with a point is no name of a parameter.
NAMES = sorted(name for name in OWN - {"flow", "model", "budget"} if "." not in name)
Texts = Callable[..., dict[str, str]]


@pytest.fixture(params=COMMANDS)
def texts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Texts:
    """Parse a command line for the flow that is written here; return the texts of its parameters."""
    monkeypatch.chdir(tmp_path)

    def parsed(params: str, *words: str) -> dict[str, str]:
        path = tmp_path / "a.flow"
        path.write_text(f"flow f({params}) {{ return 1 }}\n", encoding="utf-8")
        first = ["a.flow"] if request.param == "plan" else []
        context = COMMANDS[request.param](Path("a.flow")).make_context("flowrun", [*first, *words])
        found: dict[str, str] = context.obj.texts
        return found

    return parsed


@pytest.mark.parametrize("flag", ["--dry-run", "--dry_run", "--param-dry-run", "--param-dry_run"])
@pytest.mark.parametrize(
    "value", ["x", "-5", "-", "--json", "--flow", "", "@file", "a=b", "true", '[1, "-q"]', "\udcff"]
)
def test_a_value_is_taken_as_it_is(flag: str, value: str, texts: Texts) -> None:
    assert texts("dry_run: text?", flag, value) == {"dry_run": value}
    assert texts("dry_run: text?", f"{flag}={value}") == {"dry_run": value}
    assert texts("dry_run: text?", "--param", f"dry_run={value}") == {"dry_run": value}
    assert texts("dry_run: text?", f"--param=dry-run={value}") == {"dry_run": value}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--x", "1", "--x=2"], "the parameter `x` is given twice"),
        (["--x", "1", "--param-x=1"], "the parameter `x` is given twice"),
        (["--param", "x=1", "--param", "x=1"], "the parameter `x` is given twice"),
        (["--x=", "--x="], "the parameter `x` is given twice"),
        (["--x"], "`--x` needs a value after it"),
        (["--param-x"], "`--param-x` needs a value after it"),
        (["--param", "x"], "`--param x`: write NAME=VALUE"),
        (["--param", "=x"], "has no parameter ``"),
        (["--param", "lon=x"], "has no parameter `lon`. did you mean `long`?"),
        (
            ["--lon", "1"],
            "`--lon` is neither a parameter of the flow `f` nor an option of the command; did you mean `--long`?",
        ),
        (["--long-", "1"], "did you mean `--long`?"),
        (["--param-lo", "1"], "`--param-lo` is neither a parameter"),
        (
            ["--mod", "m"],
            "`--mod` is neither a parameter of the flow `f` nor an option of the command; did you mean `--model`?",
        ),
        (["--X", "1"], "`--X` is neither a parameter"),
        (["-x", "1"], "`-x` is neither a parameter"),
        (
            ["loose"],
            "`loose` is neither a parameter of the flow `f` nor an option of the command; its parameters are: "
            "--x --long",
        ),
        (["--", "--x", "1"], "`--x` is neither a parameter"),
        (["--x", "-", "--long", "-"], "only one parameter can read standard input"),
        (["--\x1b[31m", "1"], r"`--\x1b[31m` is neither a parameter"),
        (["--flow", "g"], "no flow is called `g`"),
    ],
)
def test_a_wrong_line_is_refused_in_the_same_words_by_each_command(words: list[str], said: str, texts: Texts) -> None:
    with pytest.raises(UsageError) as refused:
        texts("x: text?, long: text?", *words)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_an_option_has_too_is_refused_plain_and_both_ways_are_named(name: str, texts: Texts) -> None:
    reach = f"--param-{name.replace('_', '-')}"
    assert texts(f"{name}: text?", reach, "x") == {name: "x"}
    refused = 0
    for flag in spellings("--", name):
        for words in ([flag], [flag, "x"], [f"{flag}=x"], [reach, "y", flag]):
            try:
                texts(f"{name}: text?", *words)
            except UsageError as error:
                refused += 1
                assert f"`{flag}` could mean an option of the command or the parameter `{name}`" in str(error) or (
                    f"`{flag}` needs a value" in str(error)
                )
                assert "could be" not in str(error) or (
                    f"`{reach} VALUE` for the parameter" in str(error) and "`--option-" in str(error)
                )
    # Some are options of one of the two commands alone.
    assert refused >= 1


def test_a_parameter_called_as_an_option_is_reached_and_the_option_too(texts: Texts) -> None:
    params = "raw: text?, json: text?, journal: text?, param: text?, help: text?, allow_read: text?"
    words = ["--param-journal", "a", "--option-journal", "b.db", "--option-param", "json=c", "--param-param", "d"]
    assert texts(params, *words, "--option-allow-read", ".", "--param-allow_read", "e", "--option-json") == {
        "journal": "a",
        "json": "c",
        "param": "d",
        "allow_read": "e",
    }


def test_a_parameter_called_param_x_does_not_take_the_place_of_x(texts: Texts) -> None:
    assert texts("x: text?, param_x: text?", "--param-x", "1") == {"x": "1"}
    assert texts("x: text?, param_x: text?", "--param-param-x", "1", "--x", "2") == {"x": "2", "param_x": "1"}
    assert texts("param_x: text?", "--param-x", "1") == {"param_x": "1"}


def test_help_lists_the_parameters_and_the_flags_that_reach(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "a.flow"
    path.write_text("flow f(json: text, dry_run: bool?, help: text?) { return 1 }\n", encoding="utf-8")
    for words in (["plan", str(path), "-h"], [str(path), "--option-help"]):
        assert run_command(words) == exits.DONE
        shown = capsys.readouterr().out
        assert "--param-json TEXT" in shown
        assert "--dry-run, --dry_run BOOL" in shown
        assert "--option-json " in shown
        assert "  --json " not in shown
        assert "clash" not in shown


@pytest.mark.parametrize("command", [[], ["plan"]], ids=["run", "plan"])
@pytest.mark.parametrize(
    ("type_", "value", "read"),
    [
        ("bool", "true", True),
        ("bool", "no", False),
        ("int", "-7", -7),
        ("number", "-0.5", -0.5),
        ("[int]", "[1, -2]", [1, -2]),
        ("{ a: int }", '{"a": 3}', {"a": 3}),
        ("json", '"-x"', "-x"),
        ("json", "null", None),
        ("low | high", "HIGH", "high"),
        ("text", "", ""),
        ("text", "@@a", "@a"),
        ("text", "@a.txt", "inside"),
    ],
)
def test_values_of_every_type(
    command: list[str],
    type_: str,
    value: str,
    read: object,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("inside", encoding="utf-8")
    (tmp_path / "a.flow").write_text(f"flow f(v: {type_}) {{ return {{ v }} }}\n", encoding="utf-8")
    assert run_command([*command, "a.flow", f"--v={value}", *([] if command else ["-q"])]) == exits.DONE
    out = capsys.readouterr().out
    assert command or json.loads(out) == {"v": read}


@pytest.mark.parametrize("command", [[], ["plan"]], ids=["run", "plan"])
def test_a_value_of_the_wrong_type_names_the_parameter(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.flow").write_text("flow f(v: int) { return v }\n", encoding="utf-8")
    assert run_command([*command, "a.flow", "--v", "-x"]) == exits.USAGE
    assert "`v`: " in capsys.readouterr().err


def test_the_file_may_follow_parameters_and_the_flow_is_found_behind_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    two = "flow first(x: text) { return x }\nflow last(y: text) { return y }\n"
    (tmp_path / "a.flow").write_text(two, encoding="utf-8")
    assert run_command(["plan", "--x", "--flow", "--flow=first", "--json", "a.flow"]) == exits.DONE
    assert json.loads(capsys.readouterr().out)["plan"]["flow"] == "first"
    assert run_command(["a.flow", "-q", "--x", "--flow=last", "--flow", "first"]) == exits.DONE
    assert capsys.readouterr().out.strip() == "--flow=last"
    assert run_command(["plan", "a.flow", "b.flow"]) == exits.USAGE
    assert "`b.flow` is neither a parameter of the flow `last`" in capsys.readouterr().err
    assert run_command(["plan", "--nope"]) == exits.USAGE
    assert "--nope" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["validate", "graph", "fmt", "runs", "resume"])
def test_a_command_that_takes_no_parameters_refuses_them(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.flow").write_text("flow f(x: text) { return x }\n", encoding="utf-8")
    assert run_command([name, "a.flow", "--x", "1"]) == exits.USAGE
    assert "--x" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["flow f(x: text) { return x }\n", "flow f(", None])
@pytest.mark.parametrize("command", [[], ["plan"]], ids=["run", "plan"])
def test_a_shell_completes_options_whatever_the_file_holds(
    command: list[str], text: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.flow"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    items = ShellComplete(flowrun, {}, "flowrun", "_X").get_completions([*command, str(path)], "--")
    found = {item.value for item in items}
    assert {"--json", "--journal"} <= found
    assert ("--x" in found) == (text is not None and text.endswith("}\n"))


@given(st.sets(st.sampled_from([*NAMES, "x", "a_b", "param_x", "option_json", "option_option_json", "_x"]), max_size=6))
def test_every_flag_means_one_thing(names: set[str]) -> None:
    for command in (command_for(Path("a.flow")), plan_of_a_flow):
        flags = Flags(command.params, names)
        moved = [flag for one in command.params for flag in flags.moved(one).opts if isinstance(one, click.Option)]
        reaching = [flag for mine in flags.of.values() for flag in mine]
        refused = [clash.flag for clash in flags.clashes]
        every = [*moved, *reaching, *refused]
        assert len(every) == len(set(every))
        assert all(set(spellings("--param-", name)) <= set(flags.of[name]) for name in names)
        for name in {clash.name for clash in flags.clashes}:
            assert set(spellings("--", name)) <= {*refused, *(flag for other in names for flag in flags.of[other])}
            assert flags.of[name] == spellings("--param-", name)
        assert {clash.option for clash in flags.clashes} <= set(moved)
