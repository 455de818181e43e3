"""The first word of the command: what other tools call a command gets the sentence that leads to it."""

from __future__ import annotations

import click
import pytest

from flowrun.runtime.cli.commands import COMMANDS
from flowrun.runtime.cli.group import ELSEWHERE, RUNS, flowrun


def refusal(*words: str) -> str:
    with pytest.raises(click.UsageError) as caught:
        flowrun.main(list(words), prog_name="flowrun", standalone_mode=False)
    return caught.value.format_message()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "x.flow"), "to run a flow, give its file. Write `flowrun x.flow`"),
        (("run", "x.flow", "--mail", "hi"), "Write `flowrun x.flow`"),
        (("run",), "Write `flowrun FILE.flow`"),
        (("exec", "--quiet", "x.flow"), "Write `flowrun x.flow`"),
        (("check", "x.flow"), "write `flowrun validate x.flow`"),
        (("lint", "flows"), "write `flowrun validate flows`"),
        (("pytest", "x.flow"), "write `flowrun test x.flow`"),
        (("format", "x.flow"), "write `flowrun fmt x.flow`"),
        (("optimize", "x.flow"), "write `flowrun tune x.flow`"),
        (("dry-run", "x.flow"), "write `flowrun plan x.flow`"),
        (("history",), "write `flowrun runs`"),
        (("kill", "last"), "write `flowrun stop`"),
        (("follow", "last"), "write `flowrun attach`"),
        (("logs", "last"), "write `flowrun show`"),
        (("compare", "a", "b"), "write `flowrun diff`"),
        (("help",), "write `flowrun --help`"),
        (("RUN", "x.flow"), "Write `flowrun x.flow`"),
        (("validte", "x.flow"), "did you mean `validate`?"),
        (("nowhere",), "there is no command and no file `nowhere`"),
    ],
)
def test_a_word_of_another_tool_leads_to_the_command(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in refusal(*words)


def test_what_is_written_there_steers_no_terminal() -> None:
    assert "\x1b" not in refusal("run", "\x1b[31m.flow") + refusal("\x1b[31m")


def test_the_words_lead_to_commands_that_there_are() -> None:
    assert {word for word in ELSEWHERE.values() if not word.startswith("-")} <= set(COMMANDS)
    assert not (set(ELSEWHERE) | RUNS) & set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_line_of_a_command_is_its_short_help(name: str) -> None:
    command = flowrun.get_command(click.Context(flowrun), name)
    assert command is not None
    if command.short_help:
        assert COMMANDS[name] == command.short_help
    assert COMMANDS[name]
